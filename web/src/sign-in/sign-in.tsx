/**
 * Owns the way in: name and password, then what the box says is still due, one step at a time; afterwards the person is
 * where they were going. Never decides what is due: the box does. Shown by the app at /sign-in.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useLocation, useRoute } from 'preact-iso';
import { ask } from '../ask/ask.ts';
import { type Current, useSession } from '../ask/session.tsx';
import { useAsk } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { signIn as t } from '../text/en/sign-in.ts';
import { Button } from '../ui/button.tsx';
import { say } from '../ui/page.tsx';
import { Skeleton } from '../ui/parts.tsx';
import { ApprovalStep } from './approval-step.tsx';
import { OneTimeStep, RecoveryStep } from './code-steps.tsx';
import { destination } from './destination.ts';
import { Enrol, Locked, RenewPassword } from './due-steps.tsx';
import { Frame, type Way } from './frame.tsx';
import { keepPerson, keptWay } from './kept.ts';
import { PasswordStep } from './password-step.tsx';

export function SignIn() {
  const { state, look, signOut } = useSession();
  const { route } = useLocation();
  const { query } = useRoute();
  const { answer: setup } = useAsk((signal) => ask('GET /api/setup', { signal }));
  const [why, setWhy] = useState<string>();
  const begun = useRef(false);
  const stage = state.is === 'there' ? state.current.stage : undefined;
  useEffect(() => {
    if (setup?.claimed === false) route('/setup', true);
  }, [setup, route]);
  useEffect(() => {
    if (stage === 'open') {
      say(t.signedIn);
      route(destination(query['to'], location.origin), true);
    }
    // What was begun and is gone ran out, or was ended elsewhere.
    if (state.is === 'none' && begun.current) setWhy((before) => before ?? t.over);
    begun.current = stage !== undefined && stage !== 'open';
  }, [stage, state.is, query['to'], route]);
  if (state.is === 'unknown' || stage === 'open') {
    return (
      <Frame key="asking" title={t.asking}>
        <Skeleton height="16rem" />
      </Frame>
    );
  }
  if (state.is === 'silent') return <SilentBox again={() => void look()} />;
  if (state.is === 'none') return <PasswordStep key="password" box={setup?.box} why={why} onDone={look} />;
  const { current } = state;
  const leave = async (because: string | undefined, forget: boolean) => {
    begun.current = false;
    if (forget) keepPerson(undefined);
    await signOut().catch(look);
    setWhy(because);
  };
  return (
    <Due
      // Another person is another way in.
      key={current.person.id}
      current={current}
      box={setup?.box ?? ''}
      onDone={() => {
        setWhy(undefined);
        return look();
      }}
      onDenied={() => leave(t.denied, false)}
      onNotYou={() => void leave(undefined, true)}
    />
  );
}

type DueProps = Readonly<{
  current: Current;
  box: string;
  onDone: () => Promise<unknown>;
  onDenied: () => Promise<unknown>;
  onNotYou: () => void;
}>;

function Due({ current, box, onDone, onDenied, onNotYou }: DueProps) {
  const { stage, ways, secondFactor } = current;
  const [way, setWay] = useState<Way | undefined>(() => ways.find((one) => one === keptWay()) ?? ways[0]);
  const person = { name: current.person.name, notYou: onNotYou };
  if (stage === 'locked') return <Locked key="locked" person={person} onDone={onDone} />;
  if (stage === 'new-password') return <RenewPassword key="new-password" person={person} onDone={onDone} />;
  if (stage === 'enrol') return <Enrol key="enrol" person={person} box={box} has={secondFactor} onDone={onDone} />;
  const given = { person, ways, onWay: setWay, onDone };
  if (way === 'approval') {
    return <ApprovalStep key="approval" {...given} onApproved={onDone} onDenied={onDenied} />;
  }
  if (way === 'code') return <OneTimeStep key="code" {...given} />;
  if (way === 'recovery') return <RecoveryStep key="recovery" {...given} />;
  return (
    <Frame key="none" title={t.stepTitle} person={person}>
      <p class="sign-in-note">{t.noWay}</p>
    </Frame>
  );
}

function SilentBox({ again }: { again: () => void }) {
  return (
    <Frame key="silent" title={t.silentTitle} lead={t.silentText}>
      <Button look="secondary" onClick={again}>
        {common.again}
      </Button>
    </Frame>
  );
}
