/**
 * Owns the page about the share: the owner turns it on, everyone makes a password of their own, and it says how a computer
 * opens the photos. Shown by the app at /share.
 */
import { CircleCheck, CircleX, Clock, FolderOpen, KeyRound } from 'lucide';
import { useEffect, useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { settings } from '../text/en/settings.ts';
import { share as t } from '../text/en/share.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { CopyLine } from '../ui/copy-line.tsx';
import { Switch } from '../ui/field.tsx';
import { Icon } from '../ui/icon.tsx';
import { Page, say } from '../ui/page.tsx';
import { CouldNotLoad, EmptyState, Pill, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { How, type Share } from './how.tsx';
import './share.css';

type Made = Pick<ReplyOf<'POST /api/share/password'>, 'login' | 'password'>;
/** While something is about to change by itself. */
const soonMs = 2_000;
const restingMs = 15_000;

export function SharePage() {
  const { answer, refusal, again, put } = useAsk((signal) => ask('GET /api/share', { signal }));
  const soon = answer?.state === 'starting' || answer?.state === 'failed';
  useEffect(() => {
    const timer = window.setInterval(() => document.hidden || void again(), soon ? soonMs : restingMs);
    return () => window.clearInterval(timer);
  }, [soon, again]);
  return (
    <Page title={t.title} back={{ href: '/settings', label: settings.title }}>
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer === undefined && refusal === undefined && <Skeleton height="24rem" />}
      {answer !== undefined && <Shown share={answer} put={put} />}
    </Page>
  );
}

type Part = Readonly<{ share: Share; put: (share: Share) => void }>;

function Shown({ share, put }: Part) {
  const owner = usePerson().role === 'owner';
  const [made, setMade] = useState<Made>();
  if (!share.on && !owner) {
    return (
      <EmptyState
        icon={FolderOpen}
        title={t.offMember}
        action={
          <LinkButton look="secondary" href="/photos">
            {t.toPhotos}
          </LinkButton>
        }
      >
        {t.offMemberText}
      </EmptyState>
    );
  }
  const login = made?.login ?? share.mine?.login;
  return (
    <>
      <div class="share-lead">
        <p class="share-verdict">{leadOf(share)}</p>
        <p class="second measure">{t.text}</p>
      </div>
      <Trouble share={share} />
      {share.on ? (
        <div class="share-columns">
          <div>
            <PasswordCard {...{ share, put, made }} onMade={setMade} onRevoked={() => setMade(undefined)} />
            {owner && <HouseCard {...{ share, put }} />}
          </div>
          <div>{login !== undefined && <How share={share} login={login} />}</div>
        </div>
      ) : (
        <TurnOn put={put} />
      )}
    </>
  );
}

function leadOf({ state, mine }: Share): string {
  return state === 'serving' && mine === null ? t.leadNone : t.lead[state];
}

/** What is wrong, what still is right, and what to do. */
function Trouble({ share: { state, problem } }: { share: Share }) {
  if (state === 'disk-away') return <Note text={t.away} />;
  if (problem === null) return null;
  return <Note text={`${t.problems[problem]}`} more={t.retried} />;
}

function Note({ text, more }: { text: string; more?: string }) {
  return (
    <div class="card share-trouble">
      <Icon of={CircleX} />
      <div>
        <p>{text}</p>
        {more !== undefined && <p class="cap">{more}</p>}
      </div>
    </div>
  );
}

function TurnOn({ put }: Pick<Part, 'put'>) {
  const turning = useDoing(async () => {
    put(await confirmFirst(() => ask('PUT /api/share', { body: { on: true } })));
    say(t.turnedOn);
  });
  return (
    <section class="card stack share-on" aria-labelledby="share-house">
      <h2 class="head" id="share-house">
        {t.house}
      </h2>
      <ul class="share-means">
        {t.means.map((line) => (
          <li key={line}>
            <Icon of={CircleCheck} size={18} />
            <span>{line}</span>
          </li>
        ))}
      </ul>
      <RefusalNote refusal={turning.refusal} />
      <div class="buttons">
        <Button busy={turning.busy} onClick={() => void turning.run()}>
          {t.turnOn}
        </Button>
      </div>
    </section>
  );
}

function HouseCard({ share, put }: Part) {
  const turning = useDoing(async (on: boolean) => {
    put(await confirmFirst(() => ask('PUT /api/share', { body: { on } })));
    say(on ? t.turnedOn : t.turnedOff);
  });
  return (
    <section class="card stack" aria-labelledby="share-house">
      <h2 class="head" id="share-house">
        {t.house}
      </h2>
      <RefusalNote refusal={turning.refusal} />
      <Switch
        label={t.on}
        hint={t.onHint(share.passwords ?? 0)}
        on={share.on}
        disabled={turning.busy}
        onChange={(on) => void turning.run(on)}
      />
    </section>
  );
}

function PasswordCard({ share, put, made, onMade, onRevoked }: PasswordProps) {
  const making = useDoing(async () => {
    const { share: now, ...told } = await confirmFirst(() => ask('POST /api/share/password'));
    onMade(told);
    put(now);
    say(t.saidMade);
  });
  const revoking = useDoing(async () => {
    put(await ask('DELETE /api/share/password'));
    onRevoked();
    say(t.revoked);
  });
  const { mine } = share;
  const files = mine?.shares.find((name) => name !== mine.login);
  return (
    <section class="card stack" aria-labelledby="share-password">
      <div class="row spread">
        <h2 class="head" id="share-password">
          {t.password}
        </h2>
        <State share={share} />
      </div>
      <p class="second measure">{t.passwordText}</p>
      <RefusalNote refusal={making.refusal ?? revoking.refusal} />
      {made !== undefined && mine !== null && (
        <div class="stack share-made">
          <CopyLine label={t.login} text={made.login} />
          <CopyLine label={t.newPassword} text={made.password} />
          <p class="strong">{t.once}</p>
        </div>
      )}
      {made === undefined && mine !== null && <p class="cap num">{t.made(mine.madeAt, boxNow())}</p>}
      {files !== undefined && <p class="cap">{t.filesToo(files)}</p>}
      <div class="buttons">
        <Button
          look={mine === null ? 'primary' : 'secondary'}
          icon={KeyRound}
          busy={making.busy}
          onClick={() => void making.run()}
        >
          {mine === null ? t.make : t.again}
        </Button>
        {mine !== null && (
          <Button look="quiet" busy={revoking.busy} onClick={() => void revoking.run()}>
            {t.revoke}
          </Button>
        )}
      </div>
      {mine !== null && <p class="cap">{t.againHint}</p>}
    </section>
  );
}
type PasswordProps = Part & Readonly<{ made: Made | undefined; onMade: (made: Made) => void; onRevoked: () => void }>;

function State({ share: { mine, state } }: { share: Share }) {
  if (mine === null) {
    return (
      <Pill look="quiet" icon={KeyRound}>
        {t.none}
      </Pill>
    );
  }
  return state === 'serving' ? (
    <Pill look="safe" icon={CircleCheck}>
      {t.has}
    </Pill>
  ) : (
    <Pill look="waiting" icon={Clock}>
      {t.hasWaiting}
    </Pill>
  );
}
