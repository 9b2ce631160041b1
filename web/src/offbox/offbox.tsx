/**
 * Owns the page about the copy on another machine: where it goes, how it stands, whether it can be read, and the way back.
 * The owner's alone; shown by the app at /offbox.
 */
import { CircleCheck, CircleX, CloudOff, Lock, Package } from 'lucide';
import { useEffect, useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { offbox as t } from '../text/en/offbox.ts';
import { settings } from '../text/en/settings.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { CopyLine } from '../ui/copy-line.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Check } from '../ui/field.tsx';
import { Icon } from '../ui/icon.tsx';
import { Page, say } from '../ui/page.tsx';
import { Bar, CouldNotLoad, EmptyState, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { type Offbox, type OffboxCopy, PlaceForm, placeOf } from './place-form.tsx';
import { ProofCard, WayBack } from './proof.tsx';
import './offbox.css';

const soonMs = 2_000;
const restingMs = 20_000;
/** A place far away is made ready in minutes; an answer that nobody waits for is a password that nobody saw. */
const beginMsMax = 10 * 60_000;
const install = 'sudo apt-get install restic openssh-client';
type Part = Readonly<{ offbox: Offbox; put: (offbox: Offbox) => void; again: () => void }>;

export function OffboxPage() {
  const owner = usePerson().role === 'owner';
  return (
    <Page title={t.title} back={{ href: '/settings', label: settings.title }}>
      {owner ? (
        <Owners />
      ) : (
        <EmptyState icon={Lock} title={t.ownerOnly}>
          {t.ownerOnlyText}
        </EmptyState>
      )}
    </Page>
  );
}

function Owners() {
  const { answer, refusal, again, put } = useAsk((signal) => ask('GET /api/offbox', { signal }));
  const soon = answer?.activity != null;
  useEffect(() => {
    const timer = window.setInterval(() => document.hidden || void again(), soon ? soonMs : restingMs);
    return () => window.clearInterval(timer);
  }, [soon, again]);
  if (answer === undefined && refusal !== undefined)
    return <CouldNotLoad refusal={refusal} again={() => void again()} />;
  if (answer === undefined) return <Skeleton height="24rem" />;
  const part = { offbox: answer, put, again: () => void again() };
  return (
    <>
      <div class="offbox-lead">
        <p class="offbox-verdict">{leadOf(answer)}</p>
        <p class="second measure">{t.text}</p>
      </div>
      {answer.engine === null ? <Missing /> : <Shown {...part} />}
    </>
  );
}

function leadOf({ copy }: Offbox): string {
  if (copy === null) return t.leadNone;
  if (!copy.ready) return t.leadNew;
  if (copy.problem !== null) return t.leadProblem;
  if (copy.lastSuccessAt === null) return t.leadNever;
  return copy.enabled ? t.leadFine(copy.lastSuccessAt, boxNow()) : t.leadOff;
}

function Missing() {
  return (
    <section class="card stack offbox-narrow" aria-labelledby="offbox-missing">
      <div class="offbox-line">
        <Icon of={Package} />
        <div>
          <h2 class="head" id="offbox-missing">
            {t.missing}
          </h2>
          <p class="second">{t.missingText}</p>
        </div>
      </div>
      <CopyLine label={t.install} text={install} />
    </section>
  );
}

function Shown({ offbox, put, again }: Part) {
  const [changing, setChanging] = useState(false);
  const [password, setPassword] = useState<string>();
  const { copy } = offbox;
  const keep = (next: Offbox) => {
    put(next);
    setChanging(false);
  };
  if (password !== undefined) return <PasswordCard password={password} onKept={() => setPassword(undefined)} />;
  if (copy === null || changing) {
    return (
      <section class="card stack offbox-narrow" aria-labelledby="offbox-where">
        <h2 class="head" id="offbox-where">
          {t.where}
        </h2>
        <PlaceForm copy={copy} onSaved={keep} {...(copy !== null && { onClose: () => setChanging(false) })} />
      </section>
    );
  }
  const change = () => setChanging(true);
  if (!copy.ready) return <Almost copy={copy} onChange={change} onReady={setPassword} again={again} />;
  const idle = offbox.activity === null;
  return (
    <div class="offbox-columns">
      <div>
        <StateCard offbox={offbox} copy={copy} again={again} />
        <ProofCard copy={copy} idle={idle} onBegun={again} />
      </div>
      <div>
        <PlaceCard copy={copy} idle={idle} onChange={change} onShown={setPassword} again={again} />
        <WayBack copy={copy} />
      </div>
    </div>
  );
}

type AlmostProps = Readonly<{
  copy: OffboxCopy;
  onChange: () => void;
  onReady: (password: string | undefined) => void;
  again: () => void;
}>;

function Almost({ copy, onChange, onReady, again }: AlmostProps) {
  const beginning = useDoing(async () => {
    const { password } = await confirmFirst(() => ask('POST /api/offbox/begin', { waitMs: beginMsMax }));
    say(t.begun);
    onReady(password ?? undefined);
    again();
  });
  return (
    <section class="card stack offbox-narrow" aria-labelledby="offbox-almost">
      <div>
        <h2 class="head" id="offbox-almost">
          {t.almost}
        </h2>
        <p class="cap offbox-place">{placeOf(copy.target)}</p>
      </div>
      {copy.sshKey !== null && (
        <>
          <p>{t.almostText}</p>
          <CopyLine label={t.sshKey} text={copy.sshKey} />
        </>
      )}
      <p class="second">{t.almostOther}</p>
      <RefusalNote refusal={beginning.refusal} />
      <div class="buttons">
        <Button busy={beginning.busy} onClick={() => void beginning.run()}>
          {t.begin}
        </Button>
        <Button look="quiet" onClick={onChange}>
          {t.change}
        </Button>
      </div>
    </section>
  );
}

function PasswordCard({ password, onKept }: { password: string; onKept: () => void }) {
  const [wrote, setWrote] = useState(false);
  return (
    <section class="card stack offbox-narrow" aria-labelledby="offbox-password">
      <h2 class="head" id="offbox-password">
        {t.passwordTitle}
      </h2>
      <p class="second">{t.passwordText}</p>
      <p class="mono offbox-password">{password}</p>
      <Check checked={wrote} onChange={setWrote}>
        {t.wrote}
      </Check>
      <div class="buttons">
        <Button disabled={!wrote} onClick={onKept}>
          {t.done}
        </Button>
      </div>
    </section>
  );
}

function StateCard({ offbox: { activity }, copy, again }: { offbox: Offbox; copy: OffboxCopy; again: () => void }) {
  const now = boxNow();
  const { problem, lastSuccessAt, unread, bytesThere } = copy;
  const doing = useDoing(async (what: 'run' | 'stop') => {
    await ask(what === 'run' ? 'POST /api/offbox/run' : 'POST /api/offbox/stop');
    say(what === 'run' ? t.begunSaid : t.reasons.stopped);
    again();
  });
  return (
    <section class="card stack" aria-labelledby="offbox-state">
      <h2 class="head" id="offbox-state">
        {t.state}
      </h2>
      {activity !== null && (
        <div class="stack" style={{ '--gap': 'var(--s2)' }}>
          <p class="strong">{t.activity[activity.kind]}</p>
          {activity.ofBytes > 0 && (
            <>
              <Bar share={activity.bytes / activity.ofBytes} label={t.far(activity)} />
              <p class="cap num">
                {[t.far(activity), ...(activity.secondsLeft ? [t.left(activity.secondsLeft)] : [])].join(', ')}
              </p>
            </>
          )}
          {activity.resting && <p class="second">{t.resting}</p>}
        </div>
      )}
      {problem !== null && (
        <div class="offbox-line">
          <span class="watch">
            <Icon of={CircleX} />
          </span>
          <div>
            <p>{t.reasons[problem.reason]}</p>
            <p class="cap">{t.problem(problem.at, now)}</p>
            <p class="cap">{t.safe}</p>
          </div>
        </div>
      )}
      <div class="offbox-line">
        <span class={lastSuccessAt === null ? 'quiet' : 'safe'}>
          <Icon of={lastSuccessAt === null ? CloudOff : CircleCheck} />
        </span>
        <div>
          <p>{lastSuccessAt === null ? t.never : t.since(lastSuccessAt, now)}</p>
          {lastSuccessAt !== null && <p class="cap num">{t.held(copy.files, copy.bytes)}</p>}
          {bytesThere !== null && <p class="cap num">{t.there(bytesThere)}</p>}
          {unread > 0 && <p class="cap">{t.unread(unread)}</p>}
        </div>
      </div>
      <RefusalNote refusal={doing.refusal} />
      <div class="buttons">
        {activity === null ? (
          <Button busy={doing.busy} onClick={() => void doing.run('run')}>
            {problem === null ? t.run : t.again}
          </Button>
        ) : (
          <Button look="secondary" busy={doing.busy} onClick={() => void doing.run('stop')}>
            {t.stop}
          </Button>
        )}
      </div>
    </section>
  );
}

type PlaceProps = Readonly<{
  copy: OffboxCopy;
  idle: boolean;
  onChange: () => void;
  onShown: (password: string) => void;
  again: () => void;
}>;

function PlaceCard({ copy, idle, onChange, onShown, again }: PlaceProps) {
  const [leaving, setLeaving] = useState(false);
  const showing = useDoing(async () => {
    onShown((await confirmFirst(() => ask('POST /api/offbox/password'))).password);
  });
  const removing = useDoing(async () => {
    await confirmFirst(() => ask('DELETE /api/offbox'));
    setLeaving(false);
    say(t.removed);
    again();
  });
  const { target, uploadKiBPerSecond, appendOnly, hostKey } = copy;
  const stay = () => {
    removing.clear();
    setLeaving(false);
  };
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="offbox-place">
      <div>
        <h2 class="head" id="offbox-place">
          {t.where}
        </h2>
        <p class="second">{t.kinds[target.kind]}</p>
        <p class="offbox-place">{placeOf(target)}</p>
      </div>
      {hostKey !== null && (
        <p class="cap offbox-place">
          {t.hostKey} <span class="mono">{hostKey}</span>
        </p>
      )}
      {uploadKiBPerSecond !== null && <p class="cap">{t.limit(uploadKiBPerSecond)}</p>}
      <p class="cap">{appendOnly ? t.appendOnlyOn : t.keptFor}</p>
      <RefusalNote refusal={showing.refusal} />
      {idle && (
        <div class="buttons">
          <Button look="secondary" busy={showing.busy} onClick={() => void showing.run()}>
            {t.showPassword}
          </Button>
          {target.kind !== 'folder' && (
            <Button look="quiet" onClick={onChange}>
              {t.change}
            </Button>
          )}
          <Button look="warn" onClick={() => setLeaving(true)}>
            {t.remove}
          </Button>
        </div>
      )}
      <Dialog title={t.removeTitle} open={leaving} onClose={stay} busy={removing.busy}>
        <p>{t.removeText}</p>
        <RefusalNote refusal={removing.refusal} />
        <div class="buttons">
          <Button look="secondary" disabled={removing.busy} onClick={stay}>
            {common.cancel}
          </Button>
          <Button look="destructive" busy={removing.busy} onClick={() => void removing.run()}>
            {t.remove}
          </Button>
        </div>
      </Dialog>
    </section>
  );
}
