import { Share, SquarePlus } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { OwnPhone } from '../ask/own-phone.ts';
import { pair } from '../text/en/pair.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { OnceCodes } from '../ui/once-codes.tsx';
import { Narrow } from '../ui/page.tsx';
import { NumberedSteps } from '../ui/steps.tsx';
import { EveryNight } from './every-night.tsx';

/** iOS: what is kept here is not kept for the app on the home screen, and not for long. */
export function HomeScreen({ step, skip }: { step: ComponentChildren; skip: () => void }) {
  const icons = [<Icon key="share" of={Share} />, <Icon key="plus" of={SquarePlus} />];
  return (
    <Narrow title={pair.homeTitle} step={step}>
      <p class="second">{pair.homeText}</p>
      <NumberedSteps steps={pair.homeSteps.map((one, index) => ({ ...one, icon: icons[index] }))} />
      <div class="pair-app" aria-hidden="true">
        <img src="/icon-180.png" width="84" height="84" alt="" />
        <span>Nightjar</span>
      </div>
      <div class="stack pair-foot">
        <p class="cap pair-centre">{pair.homeFoot}</p>
        <Button look="quiet" onClick={skip} wide>
          {pair.homeSkip}
        </Button>
      </div>
    </Narrow>
  );
}

export function Joined({ phone, approver, recoveryCodes, before, step, pairAnew }: JoinedProps) {
  const [codesKept, setCodesKept] = useState(recoveryCodes.length === 0);
  if (!codesKept) {
    return (
      <Narrow title={pair.codesTitle} step={step}>
        <p class="second">{pair.codesText}</p>
        <OnceCodes codes={recoveryCodes} />
        <Button onClick={() => setCodesKept(true)} wide>
          {pair.codesKept}
        </Button>
      </Narrow>
    );
  }
  if (before) {
    return (
      <Narrow title={pair.already(phone.phone)}>
        <p class="second">{pair.alreadyText}</p>
        <LinkButton href="/this-phone" wide>
          {pair.open}
        </LinkButton>
        <Button look="quiet" onClick={pairAnew} wide>
          {pair.pairAgain}
        </Button>
      </Narrow>
    );
  }
  return <EveryNight phone={phone} approver={approver} step={step} />;
}
type JoinedProps = Readonly<{
  phone: OwnPhone;
  approver: boolean;
  recoveryCodes: readonly string[];
  /** It was paired already when the page was opened. */
  before: boolean;
  step: ComponentChildren;
  pairAnew: () => void;
}>;

export function Ended({ title, text, withCode }: { title: string; text: string; withCode: (() => void) | undefined }) {
  return (
    <Narrow title={title}>
      <p class="second">{text}</p>
      {withCode !== undefined && (
        <Button onClick={withCode} wide>
          {pair.codeInstead}
        </Button>
      )}
    </Narrow>
  );
}
