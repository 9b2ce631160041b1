/**
 * Owns the page by which a phone joins: the home screen where the system needs it, the code or the link's secret, whose
 * phone it is, and what comes next. The secret comes in the fragment, which no browser sends, and goes to the box in a
 * POST body. Looking does not use the invitation up; only the button does.
 */
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { canKeepKeys, type OwnPhone, ownPhone } from '../ask/own-phone.ts';
import { isInstalled, systemHere } from '../ask/system.ts';
import { asRefusal } from '../ask/use-ask.ts';
import { pair } from '../text/en/pair.ts';
import { LinkButton } from '../ui/button.tsx';
import { Narrow } from '../ui/page.tsx';
import { Skeleton } from '../ui/parts.tsx';
import { StepBar } from '../ui/steps.tsx';
import { CodeStep } from './code-step.tsx';
import { Ended, HomeScreen, Joined } from './endings.tsx';
import { InvitationStep, type Invited } from './invitation.tsx';
import './pair.css';

type Stage =
  | { is: 'asking' }
  | { is: 'home-screen' }
  | { is: 'code' }
  | ({ is: 'invitation' } & Invited)
  | { is: 'joined'; phone: OwnPhone; approver: boolean; recoveryCodes: readonly string[]; before: boolean }
  | { is: 'over'; title: string; text: string; code: boolean };

/** On iOS the page that is open and the app on the home screen share nothing: the app pairs, with a code. */
const needsHomeScreen = () => systemHere() === 'ios' && !isInstalled();

export function Pair() {
  const [stage, setStage] = useState<Stage>({ is: 'asking' });
  const over = (error: unknown) => {
    const { code, message } = asRefusal(error);
    const known = pair.ending(code);
    setStage({ is: 'over', title: known?.title ?? pair.failedTitle, text: known?.text ?? message, code: true });
  };
  useEffect(() => {
    const start = () => void firstStage(location.hash).then(setStage, over);
    start();
    addEventListener('hashchange', start);
    return () => removeEventListener('hashchange', start);
  }, []);
  if (!canKeepKeys()) return <Insecure />;
  switch (stage.is) {
    case 'asking':
      return (
        <Narrow title={pair.asking} step={<Steps at={2} />}>
          <Skeleton height="14rem" />
        </Narrow>
      );
    case 'home-screen':
      return <HomeScreen step={<Steps at={2} />} skip={() => void startingStage(location.hash).then(setStage, over)} />;
    case 'code':
      return (
        <CodeStep step={<Steps at={3} />} onInvited={(it) => setStage({ is: 'invitation', ...it })} onOver={over} />
      );
    case 'invitation':
      return (
        <InvitationStep
          {...stage}
          step={<Steps at={3} />}
          onJoined={(joined) => setStage({ is: 'joined', ...joined, before: false })}
          onRefused={() => setStage({ is: 'over', title: pair.refusedTitle, text: pair.refusedText, code: false })}
          onOver={over}
        />
      );
    case 'joined':
      return <Joined {...stage} step={<Steps at={4} />} pairAnew={() => setStage({ is: 'code' })} />;
    case 'over':
      return (
        <Ended
          title={stage.title}
          text={stage.text}
          withCode={stage.code ? () => setStage(withoutSecret()) : undefined}
        />
      );
  }
}

/** The secret is spent or dead: it need not stay in the address and the history. */
function withoutSecret(): Stage {
  history.replaceState(null, '', '/pair');
  return { is: 'code' };
}

async function firstStage(hash: string): Promise<Stage> {
  const phone = await ownPhone().catch(() => undefined);
  const secret = new URLSearchParams(hash.slice(1)).get('s');
  if (phone !== undefined && secret === null) {
    return { is: 'joined', phone, approver: false, recoveryCodes: [], before: true };
  }
  return needsHomeScreen() ? { is: 'home-screen' } : startingStage(hash);
}

async function startingStage(hash: string): Promise<Stage> {
  const fragment = new URLSearchParams(hash.slice(1));
  const secret = fragment.get('s');
  if (secret === null) return { is: 'code' };
  const by = { secret };
  return { is: 'invitation', by, invitation: await ask('POST /api/pairings/look', { body: by }), fragment };
}

/** Trusting the box was the first one, on its page over http. Only iOS needs the home screen. */
function Steps({ at }: { at: 2 | 3 | 4 }) {
  const of = systemHere() === 'ios' ? 4 : 3;
  const now = of === 4 ? at : Math.max(at - 1, 2);
  return <StepBar at={now} of={of} label={pair.step(now, of)} />;
}

function Insecure() {
  return (
    <Narrow title={pair.insecureTitle}>
      <p class="second">{pair.insecureText}</p>
      <LinkButton href="/nightjar-root.crt" plain wide>
        {pair.getCertificate}
      </LinkButton>
      <LinkButton href="/nightjar.mobileconfig" plain wide look="secondary">
        {pair.getProfile}
      </LinkButton>
    </Narrow>
  );
}
