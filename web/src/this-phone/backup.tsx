/** Sending photos by hand: the picker, what the box has already, the rest on its way, and how it ended. */
import { CircleAlert, Images, Pause, Play, Sun } from 'lucide';
import { useEffect, useReducer, useRef, useState } from 'preact/hooks';
import { boxNow } from '../ask/ask.ts';
import type { OwnPhone } from '../ask/own-phone.ts';
import { systemHere } from '../ask/system.ts';
import { backup } from '../text/en/backup.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { say } from '../ui/page.tsx';
import { Counts, Finished, Rows } from './backup-parts.tsx';
import { chosenMax } from './chosen-files.ts';
import { Frame } from './frame.tsx';
import { dropRun, type KeptRun, keptRun, runsElsewhere } from './kept-run.ts';
import { type RunView, UploadRun } from './upload-run.ts';
import './backup.css';

/** It goes on while other pages are shown. */
let current: UploadRun | undefined;
const sayMs = 10_000;

export function Backup({ phone }: { phone: OwnPhone }) {
  const [run, setRun] = useState(() => {
    // Registered again meanwhile: what ended with the old credential is over.
    if (current?.view.phase === 'stranger') current = undefined;
    return current;
  });
  const [stopped, setStopped] = useState(() => keptRun(phone.phoneId));
  const start = (files: readonly File[]) => {
    if (files.length === 0) return;
    current = new UploadRun(phone, files);
    void current.run().catch(() => undefined);
    setRun(current);
  };
  const leave = () => {
    current?.leave();
    current = undefined;
    dropRun();
    setRun(undefined);
    setStopped(undefined);
  };
  if (run !== undefined) return <Run run={run} leave={leave} />;
  if (stopped !== undefined) return <Stopped run={stopped} choose={start} leave={leave} />;
  return <Choose choose={start} />;
}

function Choose({ choose }: { choose: (files: readonly File[]) => void }) {
  return (
    <Frame title={backup.title} back>
      <section class="card stack">
        <h2 class="head">{backup.chooseTitle}</h2>
        <p class="second">{backup.chooseText}</p>
        <div class="backup-note">
          <Icon of={CircleAlert} />
          <div>
            <p class="strong">{backup.takenAwayTitle}</p>
            {backup.takenAway(systemHere()).map((sentence) => (
              <p key={sentence}>{sentence}</p>
            ))}
            <p>{backup.marked}</p>
          </div>
        </div>
        <Picker choose={choose} />
        <p class="cap">{backup.limits}</p>
      </section>
    </Frame>
  );
}

/**
 * The system's own picker. On Android without `accept`: with `image/*` Chromium hands out copies from which the system
 * has taken the places. Elsewhere `accept` brings the photo library rather than files; on iOS it decides nothing else.
 */
function Picker({ choose }: { choose: (files: readonly File[]) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [tooMany, setTooMany] = useState(false);
  return (
    <>
      <input
        ref={field}
        class="only-read"
        type="file"
        multiple
        tabIndex={-1}
        aria-hidden="true"
        data-picker
        {...(systemHere() === 'ios' ? { accept: 'image/*,video/*' } : {})}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = '';
          setTooMany(files.length > chosenMax);
          if (files.length <= chosenMax) choose(files);
        }}
      />
      {tooMany && (
        <p class="hint error" role="alert">
          {backup.tooMany(chosenMax)}
        </p>
      )}
      <Button icon={Images} onClick={() => field.current?.click()} wide>
        {backup.choose}
      </Button>
    </>
  );
}

function Stopped({ run, choose, leave }: StoppedProps) {
  const [elsewhere, setElsewhere] = useState<boolean>();
  useEffect(() => void runsElsewhere().then(setElsewhere), []);
  if (elsewhere === undefined)
    return (
      <Frame title={backup.title} back>
        {null}
      </Frame>
    );
  return (
    <Frame title={elsewhere ? backup.elsewhereTitle : backup.stoppedTitle} back>
      <p class="second measure">{elsewhere ? backup.elsewhereText : backup.stoppedText(run.at, boxNow(), run.safe)}</p>
      <section class="card">
        <Counts safe={run.safe} waiting={run.chosen - run.safe - run.refused} refused={run.refused} />
      </section>
      {!elsewhere && (
        <>
          <p class="card backup-again">
            <Icon of={Images} />
            <span>
              <strong>{backup.stoppedHow}</strong> {backup.stoppedWhy}
            </span>
          </p>
          <div class="stack backup-foot">
            <Picker choose={choose} />
            <Button look="quiet" onClick={leave} wide>
              {backup.leaveIt}
            </Button>
          </div>
        </>
      )}
    </Frame>
  );
}
type StoppedProps = Readonly<{ run: KeptRun; choose: (files: readonly File[]) => void; leave: () => void }>;

function useRun(run: UploadRun): RunView {
  const [, again] = useReducer((n: number) => n + 1, 0);
  useEffect(() => run.onChange(() => again(undefined as never)), [run]);
  // The rate falls, and the time left with it, also when nothing happens.
  useEffect(() => {
    const timer = window.setInterval(() => again(undefined as never), 1_000);
    return () => window.clearInterval(timer);
  }, [run]);
  return run.view;
}

function Run({ run, leave }: { run: UploadRun; leave: () => void }) {
  const view = useRun(run);
  const awake = useScreenAwake(['reading', 'asking', 'running', 'away'].includes(view.phase));
  useSaid(view);
  switch (view.phase) {
    case 'stranger':
      return (
        <Frame title={backup.title} back>
          <p class="second measure">{backup.stranger}</p>
          <LinkButton href="/this-phone">{backup.strangerWay}</LinkButton>
        </Frame>
      );
    case 'elsewhere':
      return (
        <Frame title={backup.elsewhereTitle} back>
          <p class="second measure">{backup.elsewhereText}</p>
          <Button look="secondary" onClick={leave}>
            {backup.done}
          </Button>
        </Frame>
      );
    case 'done':
      return <Finished view={view} leave={leave} tryAgain={() => void run.tryAgain()} />;
    default:
      return <Running run={run} view={view} awake={awake} />;
  }
}

function Running({ run, view, awake }: { run: UploadRun; view: RunView; awake: boolean }) {
  const paused = view.phase === 'paused';
  return (
    <Frame title={backup.title} back>
      <section class="card backup-head">
        <p class="verdict num">{backup.ofAll(view.safe, view.chosen)}</p>
        <p class="row spread second backup-pace">
          <span>{doing(view)}</span>
          <span class="num">{paceOf(view)}</span>
        </p>
        <SplitBar view={view} />
        <Counts safe={view.safe} waiting={view.waiting} refused={view.refused} />
      </section>
      <p class="backup-screen cap">
        <Icon of={Sun} />
        {awake ? backup.screenOn : backup.screenMay}
      </p>
      <Rows view={view} />
      <div class="backup-foot">
        <Button
          look="secondary"
          icon={paused ? Play : Pause}
          disabled={view.phase === 'reading' || view.phase === 'asking'}
          onClick={() => (paused ? run.goOn() : run.pause())}
          wide
        >
          {paused ? backup.goOn : backup.pause}
        </Button>
      </div>
    </Frame>
  );
}

function paceOf({ phase, rate }: RunView): string {
  if (phase === 'away') return backup.still;
  return phase === 'running' && rate >= 1 ? backup.rate(rate) : '';
}

function doing(view: RunView): string {
  switch (view.phase) {
    case 'reading':
      return backup.reading(view.read, view.chosen);
    case 'asking':
      return backup.asking;
    case 'paused':
      return backup.paused;
    case 'away':
      return view.reason === '' ? backup.away : backup.held(view.reason);
    default:
      if (view.leftMs !== undefined) return backup.left(view.leftMs);
      return view.already > 0 ? backup.alreadySafe(view.already) : '';
  }
}

/** Safe in green, in flight in the accent: by bytes, since that is how it moves. */
function SplitBar({ view }: { view: RunView }) {
  const share = (part: number) => `${view.bytesAll === 0 ? 0 : (part / view.bytesAll) * 100}%`;
  return (
    <div
      class="bar backup-bar"
      role="progressbar"
      aria-label={backup.ofAllSaid(view.safe, view.chosen)}
      aria-valuenow={view.safe}
      aria-valuemin={0}
      aria-valuemax={view.chosen}
    >
      <div class="safe" style={{ width: share(view.bytesSafe) }} />
      <div style={{ width: share(view.bytesSending) }} />
    </div>
  );
}

/** Keeps the screen on while `wanted`; true while it does. The system takes it back when the page is left. */
function useScreenAwake(wanted: boolean): boolean {
  const [awake, setAwake] = useState(false);
  useEffect(() => {
    if (!wanted || navigator.wakeLock === undefined) return;
    let lock: WakeLockSentinel | undefined;
    let over = false;
    const take = async () => {
      if (document.hidden || over) return;
      const taken = await navigator.wakeLock.request('screen').catch(() => undefined);
      if (over) return void taken?.release();
      lock = taken;
      setAwake(taken !== undefined);
    };
    void take();
    const onVisible = () => void take();
    document.addEventListener('visibilitychange', onVisible);
    return () => {
      over = true;
      document.removeEventListener('visibilitychange', onVisible);
      void lock?.release();
      setAwake(false);
    };
  }, [wanted]);
  return awake;
}

/** At most every 10 s, and at the end. */
function useSaid(view: RunView): void {
  const last = useRef(0);
  useEffect(() => {
    const end = view.phase === 'done';
    if (!end && Date.now() - last.current < sayMs) return;
    last.current = Date.now();
    if (view.phase !== 'reading') say(backup.ofAllSaid(view.safe, view.chosen));
  }, [view.safe, view.phase]);
}
