import { FileCheck, FileX } from 'lucide';
import { ask, boxNow, Refusal, type ReplyOf } from '../ask/ask.ts';
import { useAsk } from '../ask/use-ask.ts';
import { disks as t } from '../text/en/disks.ts';
import type { Mirror } from '../ui/disk-facts.ts';
import { Icon } from '../ui/icon.tsx';
import { Bar, Skeleton } from '../ui/parts.tsx';
import type { House } from './use-disks.ts';

type Verification = ReplyOf<'GET /api/verification'>;

/** How far the box is with keeping what is on the disks: reading it back, and holding it twice. */
export function BoxDoes({ house }: { house: House }) {
  const { answer } = useAsk(
    (signal) => ask('GET /api/verification', { query: { limit: 1 }, signal }).catch(nullIfRefused),
    [house.library],
  );
  return (
    <section class="card stack" aria-labelledby="disk-does">
      <h2 class="head" id="disk-does">
        {t.boxDoes}
      </h2>
      {answer === undefined && <Skeleton height="3rem" />}
      {answer != null && <ReadBack verification={answer} />}
      {house.mirrors.map((mirror) => (
        <Copy key={mirror.diskId} mirror={mirror} library={house.library} />
      ))}
      {house.mirrors.length === 0 && house.library === 'ok' && <p class="second">{t.noCopy}</p>}
      {answer != null && <Lost count={answer.lost.count} single={house.mirrors.length === 0} />}
    </section>
  );
}

function ReadBack({ verification: { all, oldestAt } }: { verification: Verification }) {
  const said =
    all !== null ? t.readOf(all.files, all.ofFiles) : oldestAt === null ? t.readNone : t.readSince(oldestAt, boxNow());
  return (
    <div class="disks-progress">
      <p class="strong">{t.readBack}</p>
      <p class="cap num">{said}</p>
      <Bar
        share={all === null ? (oldestAt === null ? 0 : 1) : all.bytes / Math.max(1, all.ofBytes)}
        label={t.readBack}
      />
    </div>
  );
}

function Copy({ mirror, library }: { mirror: Mirror; library: House['library'] }) {
  const { name, attached, bytes, waiting, problem, lastCompleteAt } = mirror;
  const all = lastCompleteAt === null ? 0 : 1;
  const share = waiting.files === 0 ? all : bytes / Math.max(1, bytes + waiting.bytes);
  return (
    <div class="disks-progress">
      <p class="strong">{t.copyOn(name)}</p>
      <p class="cap num">{copySays(mirror, library)}</p>
      {library === 'ok' && (!attached || problem !== 'failing') && <Bar share={share} label={t.copyOn(name)} />}
    </div>
  );
}

function copySays(
  { attached, seenAt, waiting, problem, lastCompleteAt, secondsLeft }: Mirror,
  library: string,
): string {
  const now = boxNow();
  if (!attached) return t.copyAway(seenAt, now);
  if (library !== 'ok') return t.copyAlone;
  if (problem !== null) return t.copyProblems[problem];
  if (waiting.files > 0) return t.copyLacks(waiting.files, secondsLeft);
  return lastCompleteAt === null ? t.copyBegun : t.copyWhole(lastCompleteAt, now);
}

function Lost({ count, single }: { count: number; single: boolean }) {
  return (
    <p class={count === 0 ? 'disks-lost right' : 'disks-lost wrong'}>
      <Icon of={count === 0 ? FileCheck : FileX} />
      {count === 0 ? (
        <span class="second">{single ? t.lostNoneSingle : t.lostNone}</span>
      ) : (
        <span>
          {t.lost(count)} <a href="/originals">{t.lostShow}</a>
        </span>
      )}
    </p>
  );
}

/** The disk is away: the rest of the page is of use without it. */
function nullIfRefused(error: unknown): null {
  if (error instanceof Refusal && error.status > 0) return null;
  throw error;
}
