import { ArrowRightLeft, CircleCheck, Clock, CopyPlus, HardDrive, MoonStar, TriangleAlert, Unplug } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { type MirrorState, mirrors as t } from '../text/en/mirrors.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { say } from '../ui/page.tsx';
import { Bar, Pill, type PillLook, RefusalNote } from '../ui/parts.tsx';
import { useSteady } from '../ui/use-steady.ts';
import { type Mirror, type Mirrors, stateOf } from './use-mirrors.ts';

const looks: Readonly<Record<MirrorState, readonly [PillLook, IconNode]>> = {
  complete: ['safe', CircleCheck],
  copying: ['waiting', CopyPlus],
  resting: ['waiting', MoonStar],
  behind: ['watch', Clock],
  beginning: ['waiting', CopyPlus],
  away: ['quiet', Unplug],
  full: ['act', TriangleAlert],
  failing: ['act', TriangleAlert],
  moving: ['waiting', ArrowRightLeft],
  alone: ['quiet', HardDrive],
};

type CardProps = Readonly<{ mirror: Mirror; all: Mirrors; onLacking: () => void; onChanged: () => void }>;

/** One disk that holds everything a second time: how far it is, and what may be done with it. */
export function MirrorCard({ mirror, all, onLacking, onChanged }: CardProps) {
  const now = boxNow();
  const { diskId, name, waiting, attached } = mirror;
  const state = stateOf(mirror, all);
  const [look, icon] = looks[state];
  const [asked, setAsked] = useState(false);
  const id = `mirror-${diskId}`;
  const lacks = all.library.state === 'ok' && waiting.files > 0;
  return (
    <section class="card stack copies-mirror" style={{ '--gap': 'var(--s4)' }} aria-labelledby={id}>
      <div class="copies-head">
        <Icon of={HardDrive} size={24} />
        <h2 class="head" id={id}>
          {name}
        </h2>
        <Pill look={look} icon={icon}>
          {t.states[state]}
        </Pill>
      </div>
      <p class="second measure">{t.says(state, mirror, now)}</p>
      {(state === 'copying' || state === 'resting') && <CopyProgress mirror={mirror} />}
      {all.library.state === 'ok' && <Facts mirror={mirror} />}
      <div class="buttons">
        {lacks && (
          <Button look="secondary" onClick={onLacking}>
            {t.showLacking}
          </Button>
        )}
        {attached && state !== 'moving' && all.library.state === 'ok' && (
          <LinkButton look="secondary" href={`/disks/replace?to=${encodeURIComponent(diskId)}`}>
            {t.promote}
          </LinkButton>
        )}
        {all.library.state === 'ok' && state !== 'moving' && (
          <Button look="quiet" label={t.forgetThis(name)} onClick={() => setAsked(true)}>
            {t.forget}
          </Button>
        )}
      </div>
      <ForgetMirror
        mirror={mirror}
        open={asked}
        onClose={() => setAsked(false)}
        onForgotten={() => {
          setAsked(false);
          say(t.forgotten(name));
          onChanged();
        }}
      />
    </section>
  );
}

/** How much of all is on it, and how long the rest takes once that is steady. */
export function CopyProgress({ mirror }: { mirror: Mirror }) {
  const { files, waiting, bytes, secondsLeft } = mirror;
  const steady = useSteady(secondsLeft);
  // By bytes: a video takes as long as a thousand photos.
  const share = bytes / Math.max(1, bytes + waiting.bytes);
  return (
    <div class="stack" style={{ '--gap': 'var(--s2)' }}>
      <Bar share={files === 0 ? 0 : share} label={t.progress(mirror)} />
      <p class="cap num copies-progress">
        <span>{t.progress(mirror)}</span>
        {steady !== null && <span>{t.left(steady)}</span>}
      </p>
    </div>
  );
}

function Facts({ mirror }: { mirror: Mirror }) {
  const now = boxNow();
  const { lastCompleteAt, oldestReadAt, catalogueAt, name } = mirror;
  const at = (ms: number | null) => (ms === null ? t.never : t.at(ms, now));
  const facts = [
    [t.holds, t.held(mirror)],
    [t.completeAt, at(lastCompleteAt)],
    [t.readBack, oldestReadAt === null ? t.never : t.readBackSince(oldestReadAt, now)],
    [t.catalogue, at(catalogueAt)],
  ] as const;
  return (
    <dl class="copies-facts num" aria-label={t.facts(name)}>
      {facts.map(([what, value]) => (
        <div key={what}>
          <dt class="cap">{what}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

type ForgetProps = Readonly<{
  mirror: Mirror;
  open: boolean;
  onClose: () => void;
  onForgotten: () => void;
}>;

/** Asks before a mirror is followed no more. */
export function ForgetMirror({ mirror: { diskId, name }, open, onClose, onForgotten }: ForgetProps) {
  const { busy, refusal, run, clear } = useDoing(async () => {
    await confirmFirst(() => ask('DELETE /api/mirrors/:diskId', { params: { diskId } }));
    onForgotten();
  });
  const close = () => {
    clear();
    onClose();
  };
  return (
    <Dialog title={t.forgetTitle(name)} open={open} onClose={close} busy={busy}>
      <p>{t.forgetText}</p>
      <RefusalNote refusal={refusal} />
      <div class="buttons">
        <Button look="secondary" disabled={busy} onClick={close}>
          {common.cancel}
        </Button>
        <Button look="destructive" busy={busy} onClick={() => void run()}>
          {t.forgetAction(name)}
        </Button>
      </div>
    </Dialog>
  );
}
