import { CircleCheck, CircleX, TriangleAlert } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { updates as t } from '../text/en/updates.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { Bar, RefusalNote } from '../ui/parts.tsx';
import type { From, Part, Updates } from './part.ts';

type Outcome = NonNullable<Updates['outcome']>;
type Activity = NonNullable<Updates['activity']>;

const looks: Readonly<Record<Outcome['result'], readonly [string, IconNode]>> = {
  installed: ['safe', CircleCheck],
  updated: ['safe', CircleCheck],
  refused: ['watch', CircleX],
  failed: ['watch', CircleX],
  'went-back': ['watch', TriangleAlert],
};

type StateProps = Part &
  Readonly<{
    /** This page does, and shows it where that was begun. */
    sending: boolean;
    /** The one that was refused because it is older. */
    older: From | undefined;
    onLeaving: () => void;
  }>;

/** What runs, what is beside it, what is done just now, and what became of the last update. */
export function StateCard({ updates, busy, install, sending, older, onLeaving }: StateProps) {
  const { running, other, activity, outcome } = updates;
  return (
    <section class="card stack" aria-labelledby="state">
      <h2 class="head" id="state">
        {t.state}
      </h2>
      <dl class="updates-facts num">
        <div>
          <dt>{t.running}</dt>
          <dd>{running.version}</dd>
        </div>
        {other !== null && (
          <div>
            <dt>{t.beside}</dt>
            <dd>{t.slot(other.version, t.slots[other.state])}</dd>
          </div>
        )}
      </dl>
      {activity !== null && !sending && <Doing activity={activity} />}
      <Came outcome={activity === null ? outcome : null} />
      {activity === null && older !== undefined && (
        <div class="buttons">
          <Button look="secondary" disabled={busy} onClick={() => void install(older, { older: true })}>
            {t.olderAll}
          </Button>
        </div>
      )}
      {activity === null && other !== null && (other.state === 'ready' || other.state === 'good') && (
        <Restart other={other} onLeaving={onLeaving} />
      )}
    </section>
  );
}

function Doing({ activity }: { activity: Activity }) {
  if (activity.state === 'trying') return <p class="second">{t.trying}</p>;
  if (activity.state === 'receiving') {
    const label = t.receiving(activity.bytes, activity.ofBytes);
    return (
      <div class="updates-progress">
        {activity.ofBytes !== null && <Bar share={activity.bytes / Math.max(1, activity.ofBytes)} label={label} />}
        <p class="cap num">{label}</p>
      </div>
    );
  }
  const label = t.installing(activity.percent);
  return (
    <div class="updates-progress">
      <Bar share={activity.percent / 100} label={label} />
      <p class="cap num">{label}</p>
      <p class="second">{t.installingText}</p>
    </div>
  );
}

/** Its place is there before its words are, or they would not be read out. */
function Came({ outcome }: { outcome: Outcome | null }) {
  return <div role="status">{outcome !== null && <CameOf outcome={outcome} />}</div>;
}

function CameOf({ outcome }: { outcome: Outcome }) {
  const { result, reason, at, detail } = outcome;
  const [look, icon] = looks[result];
  return (
    <div class="updates-line">
      <span class={look}>
        <Icon of={icon} />
      </span>
      <div>
        <p class="strong">{t.result[result](outcome, t.at(at, boxNow()))}</p>
        {reason !== null && <p class="second">{t.reasons[reason]}</p>}
        {t.untouched[result] !== '' && <p class="second">{t.untouched[result]}</p>}
        {reason !== null && detail !== '' && (
          <details>
            <summary>{t.saw}</summary>
            <p class="cap">{detail}</p>
          </details>
        )}
      </div>
    </div>
  );
}

type RestartProps = Readonly<{ other: NonNullable<Updates['other']>; onLeaving: () => void }>;

/** Into what was just written at once; into an older one only after a question. */
function Restart({ other: { version, state, older }, onLeaving }: RestartProps) {
  const [open, setOpen] = useState(false);
  const { busy, refusal, run, clear } = useDoing(async () => {
    await confirmFirst(() => ask('POST /api/updates/restart'));
    onLeaving();
  });
  const close = () => {
    clear();
    setOpen(false);
  };
  if (state === 'ready' && !older) {
    return (
      <>
        <RefusalNote refusal={refusal} />
        <div class="buttons">
          <Button busy={busy} onClick={() => void run()}>
            {t.restart(version)}
          </Button>
        </div>
        <p class="cap">{t.restartText}</p>
      </>
    );
  }
  return (
    <>
      <div class="buttons">
        <Button look="quiet" onClick={() => setOpen(true)}>
          {older ? t.restartOlder(version) : t.restart(version)}
        </Button>
      </div>
      <Dialog title={older ? t.olderTitle(version) : t.restart(version)} open={open} onClose={close} busy={busy}>
        <p>{older ? t.olderText : t.restartText}</p>
        <RefusalNote refusal={refusal} />
        <div class="buttons">
          <Button look="secondary" disabled={busy} onClick={close}>
            {common.cancel}
          </Button>
          <Button busy={busy} onClick={() => void run()}>
            {t.restart(version)}
          </Button>
        </div>
      </Dialog>
    </>
  );
}
