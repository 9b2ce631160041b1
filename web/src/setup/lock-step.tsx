import { Clock, Smartphone, Timer } from 'lucide';
import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { setup as t } from '../text/en/setup.ts';
import { Authenticator } from '../ui/authenticator.tsx';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { Buttons, type FirstRun, Frame } from './frame.tsx';

type Choice = NonNullable<FirstRun['lock']>;
const choices = [
  { choice: 'phone', icon: Smartphone, label: t.lockPhone, text: t.lockPhoneText },
  { choice: 'codes', icon: Timer, label: t.lockCodes, text: t.lockCodesText },
  { choice: 'later', icon: Clock, label: t.lockLater, text: t.lockLaterText },
] as const;

type LockProps = Readonly<{
  firstRun: FirstRun;
  /** Ten, where one-time codes were added: shown on the sheet of the next step. */
  onCodes: (codes: readonly string[]) => void;
  onNext: (firstRun: FirstRun) => void;
}>;

/** What guards the box besides the password; each choice says what it is, "not now" what it costs. */
export function LockStep({ firstRun, onCodes, onNext }: LockProps) {
  const [chosen, setChosen] = useState<Choice>('phone');
  const { busy, refusal, run } = useDoing(async (choice: Choice) => {
    const body = { state: choice === 'later' ? 'later' : 'done', choice } as const;
    onNext(await ask('PUT /api/first-run/steps/:step', { params: { step: 'lock' }, body }));
  });
  const added = (codes: readonly string[]) => {
    onCodes(codes);
    void run('codes');
  };
  return (
    <Frame step="lock" firstRun={firstRun} title={t.lockTitle} lead={t.lockText}>
      <fieldset class="setup-choices">
        <legend class="only-read">{t.lockTitle}</legend>
        {choices.map(({ choice, icon, label, text }) => (
          <div key={choice} class={chosen === choice ? 'card setup-choice chosen' : 'card setup-choice'}>
            <label>
              <Icon of={icon} size={24} />
              <span>
                <span class="head">{label}</span>
                <br />
                <span class="second">{text}</span>
              </span>
              <input type="radio" name="lock" checked={chosen === choice} onChange={() => setChosen(choice)} />
            </label>
            {chosen === choice && choice === 'later' && (
              <div>
                <p class="setup-note" role="status">
                  {t.lockLaterWarning}
                </p>
              </div>
            )}
            {chosen === choice && choice === 'codes' && (
              <div>
                <Authenticator name={t.codesName} onAdded={added} />
              </div>
            )}
          </div>
        ))}
      </fieldset>
      <RefusalNote refusal={refusal} />
      {/* One-time codes go on by themselves at the sixth digit. */}
      {chosen !== 'codes' && (
        <Buttons>
          <Button busy={busy} onClick={() => void run(chosen)}>
            {t.next}
          </Button>
        </Buttons>
      )}
    </Frame>
  );
}
