/**
 * Owns the first run: from a box that nobody owns to its first phone, one question a step. Never keeps how far it came:
 * the box does, so that a reload, a restart and another browser go on at the first open step. Shown by the app at /setup.
 */
import { useEffect, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { ask } from '../ask/ask.ts';
import { type Current, useSession } from '../ask/session.tsx';
import { useAsk } from '../ask/use-ask.ts';
import { setup as t } from '../text/en/setup.ts';
import { say } from '../ui/page.tsx';
import { CouldNotLoad, Skeleton } from '../ui/parts.tsx';
import { AdoptStep } from './adopt-step.tsx';
import { addressOf, NewBoxStep, OwnBoxStep } from './box-step.tsx';
import { ClockStep } from './clock-step.tsx';
import { DiskStep } from './disk-step.tsx';
import { codeFromAddress, type Draft, keepDraft, readDraft } from './draft.ts';
import { type FirstRun, Frame, type Step, steps } from './frame.tsx';
import { LockStep } from './lock-step.tsx';
import { PhoneStep } from './phone-step.tsx';
import { RecoveryStep } from './recovery-step.tsx';
import { TellStep } from './tell-step.tsx';
import { type Claimed, YouStep } from './you-step.tsx';

/** What only this page knows, and only until it is loaded anew. */
type Fresh = Readonly<{ password?: string; codes?: readonly string[]; problem?: string; renamed?: string }>;

const silentRetryMs = 3_000;

export function Setup() {
  const { state, look } = useSession();
  const { route } = useLocation();
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/setup', { signal }));
  const [fresh, setFresh] = useState<Fresh>({});
  const claimed = answer?.claimed === true;
  const open = state.is === 'there' && state.current.stage === 'open';
  useEffect(() => {
    if (claimed && !open && state.is !== 'unknown' && state.is !== 'silent') route('/sign-in?to=%2Fsetup', true);
  }, [claimed, open, state.is, route]);
  useEffect(() => {
    // The box was starting when this page was opened: who is signed in was asked too early.
    if (!claimed || state.is !== 'silent') return;
    const timer = window.setTimeout(() => void look(), silentRetryMs);
    return () => window.clearTimeout(timer);
  }, [claimed, state, look]);
  if (answer === undefined && refusal !== undefined) {
    return (
      <Frame step="box" title={t.boxTitle}>
        <CouldNotLoad refusal={refusal} again={() => void again()} />
      </Frame>
    );
  }
  if (answer === undefined || (claimed && !open)) return <Waiting />;
  if (claimed && open) return <Owned current={state.current} box={answer.box} fresh={fresh} onFresh={setFresh} />;
  return (
    <Unowned
      box={answer.box}
      onClaimed={async (done, password, name) => {
        keepDraft(undefined);
        setFresh(await settle(done, password, name));
        say(t.claimed);
        await look();
        await again();
      }}
    />
  );
}

/** What was chosen with the claim was taken: that step is done. Else it is shown again, with the reason. */
async function settle({ chosen }: Claimed, password: string, name: string | undefined): Promise<Fresh> {
  const problem = chosen.name?.problem ?? chosen.timeZone?.problem ?? undefined;
  if (problem !== undefined) return { password, problem };
  const body = { state: 'done' } as const;
  // Should this one fail, the step is open, and asks again: no harm.
  await ask('PUT /api/first-run/steps/:step', { params: { step: 'box' }, body }).catch(() => undefined);
  return chosen.name?.applied === true && name !== undefined ? { password, renamed: name } : { password };
}

function Waiting() {
  return (
    <Frame key="waiting" step="box" title={t.asking}>
      <Skeleton height="18rem" />
    </Frame>
  );
}

type UnownedProps = Readonly<{
  box: string;
  onClaimed: (claimed: Claimed, password: string, name: string | undefined) => Promise<unknown>;
}>;

function Unowned({ box, onClaimed }: UnownedProps) {
  const [{ draft, fromLink }, setState] = useState(() => {
    const code = codeFromAddress();
    const kept = readDraft();
    const first = code === undefined ? kept : { ...kept, code, at: 'box' as const };
    keepDraft(first);
    return { draft: first, fromLink: first.code !== '' };
  });
  const [wrongCode, setWrongCode] = useState<string>();
  const put = (next: Draft) => {
    keepDraft(next);
    setState({ draft: next, fromLink });
  };
  if (draft.at === 'adopt') {
    return (
      <AdoptStep
        key="adopt"
        draft={draft}
        fromLink={fromLink}
        onCode={(code) => put({ ...draft, code })}
        onBack={() => put({ ...draft, at: 'box' })}
        onAdopted={() => keepDraft(undefined)}
      />
    );
  }
  if (draft.at === 'box') {
    return (
      <NewBoxStep
        key="box"
        draft={draft}
        box={box}
        fromLink={fromLink}
        wrongCode={wrongCode}
        onNext={(next) => {
          setWrongCode(undefined);
          put(next);
        }}
        onAdopt={(code) => put({ ...draft, code, at: 'adopt' })}
      />
    );
  }
  return (
    <YouStep
      key="you"
      draft={draft}
      box={box}
      onPerson={(person) => put({ ...draft, person })}
      onBack={() => put({ ...draft, at: 'box' })}
      onWrongCode={(why) => {
        setWrongCode(why);
        put({ ...draft, at: 'box' });
      }}
      onClaimed={(claimed, password) => onClaimed(claimed, password, draft.name)}
    />
  );
}

type OwnedProps = Readonly<{ current: Current; box: string; fresh: Fresh; onFresh: (fresh: Fresh) => void }>;

function Owned({ current, box, fresh, onFresh }: OwnedProps) {
  const { route } = useLocation();
  const member = current.person.role !== 'owner';
  const { answer: firstRun, refusal, again, put } = useAsk((signal) => ask('GET /api/first-run', { signal }));
  const step = firstRun === undefined ? undefined : firstOpen(firstRun);
  const over = member || (firstRun !== undefined && step === undefined);
  useEffect(() => {
    if (over) route('/', true);
  }, [over, route]);
  if (!member && firstRun === undefined && refusal !== undefined) {
    return (
      <Frame step="lock" title={t.asking}>
        <CouldNotLoad refusal={refusal} again={() => void again()} />
      </Frame>
    );
  }
  if (over || firstRun === undefined || step === undefined) return <Waiting />;
  return (
    <>
      <OwnStep
        key={step}
        step={step}
        firstRun={firstRun}
        box={fresh.renamed ?? box}
        fresh={fresh}
        onFresh={onFresh}
        onNext={put}
      />
      <Moved name={fresh.renamed} />
    </>
  );
}

function firstOpen({ steps: states }: FirstRun): Step | undefined {
  return steps.find((step) => states[step] === 'open');
}

type OwnStepProps = Readonly<{
  step: Step;
  firstRun: FirstRun;
  box: string;
  fresh: Fresh;
  onFresh: (fresh: Fresh) => void;
  onNext: (firstRun: FirstRun) => void;
}>;

function OwnStep({ step, firstRun, box, fresh, onFresh, onNext }: OwnStepProps) {
  switch (step) {
    case 'box':
      return <OwnBoxStep firstRun={firstRun} problem={fresh.problem} onNext={onNext} />;
    case 'disk':
      return <DiskStep firstRun={firstRun} onNext={onNext} />;
    case 'lock':
      return <LockStep firstRun={firstRun} onCodes={(codes) => onFresh({ ...fresh, codes })} onNext={onNext} />;
    case 'recovery': {
      const { password, codes } = fresh;
      return <RecoveryStep firstRun={firstRun} box={box} password={password} codes={codes} onNext={onNext} />;
    }
    case 'clock':
      return <ClockStep firstRun={firstRun} onNext={onNext} />;
    case 'tell':
      return <TellStep firstRun={firstRun} onNext={onNext} />;
    default:
      return <PhoneStep firstRun={firstRun} />;
  }
}

/** This page may be open under the name that goes: the way to the new one is shown, never taken by itself. */
function Moved({ name }: { name: string | undefined }) {
  const here = location.hostname.endsWith('.local') && location.hostname !== `${name}.local`;
  if (name === undefined || !here) return null;
  const address = addressOf(name);
  return (
    <p class="setup-moved" role="status">
      {t.moved(name)} <a href={`${address}/setup`}>{t.goThere(address)}</a>
    </p>
  );
}
