/**
 * Owns the page about updates: which version runs, how a new one comes to the box, and what became of the last. The owner's
 * alone; shown by the app at /settings/updates.
 */
import { useEffect, useState } from 'preact/hooks';
import { ask, type Refusal } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { settings } from '../text/en/settings.ts';
import { updates as t } from '../text/en/updates.ts';
import { ComingBack } from '../ui/coming-back.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { NotHere } from '../ui/not-here.tsx';
import { Page, say } from '../ui/page.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { FromAddress } from './from-address.tsx';
import { FromDisk } from './from-disk.tsx';
import { FromFile } from './from-file.tsx';
import type { From, Part, Updates } from './part.ts';
import { useRefusedOlder } from './refused-older.ts';
import { StateCard } from './state-card.tsx';
import './updates.css';

const soonMs = 2_000;
const restingMs = 15_000;
/** What was begun is seen at work by then, or never was. */
const begunMsMax = 60_000;

export function UpdatesPage() {
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/updates', { signal }));
  /** The version that runs until then. */
  const [leaving, setLeaving] = useState<string>();
  /** When something was begun. */
  const [begun, setBegun] = useState<number>();
  const soon = begun !== undefined || answer?.activity != null;
  useEffect(() => {
    if (begun === undefined) return;
    const timer = window.setTimeout(() => setBegun(undefined), begunMsMax);
    return () => window.clearTimeout(timer);
  }, [begun]);
  useEffect(() => {
    if (leaving !== undefined) return;
    const timer = window.setInterval(() => document.hidden || void again(), soon ? soonMs : restingMs);
    return () => window.clearInterval(timer);
  }, [soon, leaving, again]);
  const back = () => {
    setLeaving(undefined);
    void again();
  };
  return (
    <Page title={t.title} back={{ href: '/settings', label: settings.title }}>
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer === undefined && refusal === undefined && <Skeleton height="24rem" />}
      {leaving !== undefined && <ComingBack how="update" from={leaving} onDone={back} />}
      {answer?.supported === false && <NotHere title={t.lead(answer.running.version)} text={t.notHere} />}
      {answer?.supported === true && leaving === undefined && (
        <Shown
          updates={answer}
          stale={refusal}
          again={again}
          onBegun={() => setBegun(performance.now())}
          onLeaving={() => setLeaving(answer.running.version)}
        />
      )}
    </Page>
  );
}

type ShownProps = Readonly<{
  updates: Updates;
  /** Why nothing newer is told. */
  stale: Refusal | undefined;
  again: () => Promise<void>;
  onBegun: () => void;
  onLeaving: () => void;
}>;

function Shown({ updates, stale, again, onBegun, onLeaving }: ShownProps) {
  const { older, asksFor } = useRefusedOlder(updates);
  const installing = useDoing(async (from: From, more: { older: boolean } = { older: false }) => {
    await confirmFirst(() => ask('POST /api/updates/install', { body: { from, ...(more.older && more) } }));
    asksFor(from);
    say(t.begun);
    onBegun();
    await again();
  });
  const [sending, setSending] = useState(false);
  const busy = updates.activity !== null || installing.busy || sending;
  const part: Part = { updates, again, busy, install: installing.run };
  return (
    <>
      <div class="stack">
        <div class="updates-lead">
          <p class="updates-verdict">{leadOf(updates)}</p>
          <p class="second measure">{t.text}</p>
        </div>
        <RefusalNote refusal={installing.refusal ?? stale} />
      </div>
      <div class="updates-columns">
        <div>
          <StateCard {...part} sending={sending} older={older} onLeaving={onLeaving} />
          <FromFile {...part} onSending={setSending} />
        </div>
        <div>
          <FromDisk {...part} />
          <FromAddress {...part} />
        </div>
      </div>
    </>
  );
}

function leadOf({ activity, other, outcome, running }: Updates): string {
  if (activity?.state === 'receiving') return t.leadReceiving;
  if (activity?.state === 'installing') return t.leadInstalling;
  if (activity?.state === 'trying') return t.leadTrying(activity.version);
  if (other?.state === 'ready') return t.leadReady(other.version);
  return outcome?.result === 'went-back' ? t.leadBack(running.version) : t.lead(running.version);
}
