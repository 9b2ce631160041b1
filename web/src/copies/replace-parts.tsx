import { HardDrive } from 'lucide';
import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { ask, boxNow } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { mirrors as words } from '../text/en/mirrors.ts';
import { replace as t } from '../text/en/replace.ts';
import { AskFirst } from '../ui/ask-first.tsx';
import { Button, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Icon } from '../ui/icon.tsx';
import { say } from '../ui/page.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { CopyProgress, ForgetMirror } from './mirror-card.tsx';
import type { Mirror, Mirrors } from './use-mirrors.ts';

export function PlugIn({ away }: { away: readonly Mirror[] }) {
  return (
    <>
      <p class="second measure">{t.plugIn}</p>
      {away.length > 0 && <p class="second measure">{t.plugInAgain(away.map(({ name }) => `“${name}”`).join(', '))}</p>}
      <div class="buttons">
        <LinkButton href="/disks">{t.toDisks}</LinkButton>
      </div>
    </>
  );
}

export function Choose({ among }: { among: readonly Mirror[] }) {
  return (
    <>
      <p class="second">{t.chooseText}</p>
      {among.map(({ diskId, name, ...mirror }) => (
        <div key={diskId} class="copies-choice">
          <Icon of={HardDrive} size={24} />
          <div class="stack" style={{ '--gap': 'var(--s2)' }}>
            <p class="strong">{name}</p>
            <p class="cap num">{words.progress({ diskId, name, ...mirror })}</p>
            <div class="buttons">
              <LinkButton look="secondary" href={`/disks/replace?to=${encodeURIComponent(diskId)}`}>
                {t.choose(name)}
              </LinkButton>
            </div>
          </div>
        </div>
      ))}
    </>
  );
}

export function Copying({ to }: { to: Mirror }) {
  const { name, attached, problem, waiting, resting } = to;
  if (!attached) return <p class="second measure">{t.awayNow(name)}</p>;
  if (problem !== null) {
    return (
      <>
        <p class="second measure">{problem === 'full' ? t.full(name) : t.failing(name)}</p>
        <div class="buttons">
          <LinkButton href="/disks">{t.toDisks}</LinkButton>
        </div>
      </>
    );
  }
  return (
    <>
      <p class="second measure">{waiting.files === 0 ? t.begun(name) : t.copying(name, waiting)}</p>
      <CopyProgress mirror={to} />
      {resting && <p class="cap">{t.resting}</p>}
      <p class="cap">{t.anyway}</p>
    </>
  );
}

export function Ready({ to: { name, diskId, files }, onChanged }: { to: Mirror; onChanged: () => Promise<void> }) {
  const [asked, setAsked] = useState(false);
  return (
    <>
      <p class="second measure">{t.ready(name, files)}</p>
      <div class="buttons">
        <Button onClick={() => setAsked(true)}>{t.promote(name)}</Button>
      </div>
      <PromoteDialog
        title={t.promoteTitle(name)}
        text={t.promoteText}
        action={t.promote(name)}
        body={{}}
        {...{ diskId, open: asked, onChanged }}
        onClose={() => setAsked(false)}
      />
    </>
  );
}

type PromoteProps = Readonly<{
  title: string;
  text: string;
  action: string;
  diskId: string;
  body: { anyway?: boolean };
  open: boolean;
  onClose: () => void;
  onChanged: () => Promise<void>;
}>;

/** Before a mirror takes the library's place. */
export function PromoteDialog({ title, text, action, diskId, body, open, onClose, onChanged }: PromoteProps) {
  const { route } = useLocation();
  const promote = async () => {
    await confirmFirst(() => ask('POST /api/mirrors/:diskId/promote', { params: { diskId }, body }));
    await onChanged();
    // Which disk was chosen is decided: from here on the box says how far it is.
    route('/disks/replace', true);
  };
  return <AskFirst title={title} text={text} action={action} open={open} onClose={onClose} onConfirm={promote} />;
}

type MovingProps = Readonly<{ all: Mirrors; name: string; onChanged: () => Promise<void> }>;

export function Moving({ all: { promotion }, name, onChanged }: MovingProps) {
  const { busy, refusal, run } = useDoing(async () => {
    await ask('DELETE /api/promotion');
    say(t.cancelled);
    await onChanged();
  });
  if (promotion === null) return null;
  const preparing = promotion.phase === 'preparing';
  return (
    <>
      <p class="second measure" role="status">
        {preparing ? t.movingPreparing(name) : t.movingSwitched(name)}
      </p>
      {promotion.problem !== null && <p class="measure">{promotion.problem}</p>}
      <p class="cap">{t.begunAt(promotion.startedAt, boxNow())}</p>
      <RefusalNote refusal={refusal} />
      {preparing && (
        <div class="buttons">
          <Button look="secondary" busy={busy} onClick={() => void run()}>
            {t.cancel}
          </Button>
        </div>
      )}
    </>
  );
}

/** It is done; what becomes of the disk from before. */
export function Moved({ all, onChanged }: { all: Mirrors; onChanged: () => Promise<void> }) {
  const [asked, setAsked] = useState(false);
  const now = boxNow();
  const { answer } = useAsk((signal) => ask('GET /api/verification', { query: { limit: 1 }, signal }));
  const { promoted, mirrors } = all;
  if (promoted === null) return null;
  const former = mirrors.find(({ diskId }) => diskId === promoted.formerId);
  const lost = answer?.lost.count ?? 0;
  return (
    <>
      <p class="strong">{t.movedTitle}</p>
      <p class="second measure">{t.moved(promoted.at, now)}</p>
      {promoted.formerId === null ? (
        <>
          <p class="second measure">{t.oldLeft}</p>
          <p class="second measure">
            {lost === 0 ? t.missingNone : t.missingNow(lost)} {lost > 0 && <a href="/originals">{t.showMissing}</a>}
          </p>
        </>
      ) : former === undefined ? (
        <p class="second measure">{t.oldUnseen}</p>
      ) : (
        <>
          <p class="second measure">{t.oldMirror(former.name)}</p>
          <p class="second measure">{t.oldFailing(former.name)}</p>
        </>
      )}
      <div class="buttons">
        {mirrors.length === 0 ? (
          <LinkButton href="/disks">{words.addAnother}</LinkButton>
        ) : (
          <LinkButton href="/disks/mirrors">{t.toMirrors}</LinkButton>
        )}
        {former !== undefined && (
          <Button look="secondary" onClick={() => setAsked(true)}>
            {words.forgetThis(former.name)}
          </Button>
        )}
        <LinkButton look="quiet" href="/disks/replace?anew=1">
          {t.oncemore}
        </LinkButton>
      </div>
      {former !== undefined && (
        <ForgetMirror
          mirror={former}
          open={asked}
          onClose={() => setAsked(false)}
          onForgotten={() => {
            setAsked(false);
            say(words.forgotten(former.name));
            void onChanged();
          }}
        />
      )}
    </>
  );
}
