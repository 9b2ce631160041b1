import { ChevronDown, Eye, HeartPulse, type IconNode, TriangleAlert } from 'lucide';
import { boxNow } from '../ask/ask.ts';
import { diskAdvice, reasonSeen } from '../text/en/disk-reasons.ts';
import { disks as t } from '../text/en/disks.ts';
import { LinkButton } from '../ui/button.tsx';
import { type AttachedDisk, roleOf } from '../ui/disk-facts.ts';
import { Icon } from '../ui/icon.tsx';
import type { Health } from './health.ts';

const reasonsFirst = 3;
const icons: Readonly<Record<Health['verdict'], IconNode>> = {
  fine: HeartPulse,
  'tells-nothing': Eye,
  watch: Eye,
  'replace-soon': TriangleAlert,
  failing: TriangleAlert,
};

/** How it is, why, and what to do: the answer that the page was opened for. */
export function Verdict({ disk, health, twice }: VerdictProps) {
  const { verdict, advice } = health ?? disk.health;
  const reasons = health?.reasons ?? [];
  const replacing = (verdict === 'failing' || verdict === 'replace-soon') && roleOf(disk) === 'library';
  const todo = verdict === 'fine' ? undefined : todoOf(advice, { used: roleOf(disk) !== null, twice, replacing });
  const bad = verdict === 'failing' ? 'act' : verdict === 'watch' || verdict === 'replace-soon' ? 'watch' : '';
  return (
    <section class={`card disks-verdict ${bad}`} aria-labelledby="disk-verdict">
      <span class={`disks-icon ${verdict}`} aria-hidden="true">
        <Icon of={icons[verdict]} />
      </span>
      <div class="stack" style={{ '--gap': 'var(--s2)' }}>
        <h2 class="head" id="disk-verdict">
          {t.verdictHeads[verdict]}
        </h2>
        {reasons.length === 0 && <p class="second">{health === undefined ? t.notAsked : t.fineText}</p>}
        {reasons.length > 0 && (
          <ul class="disks-reasons">
            {reasons.slice(0, reasonsFirst).map((reason) => (
              <li key={reason.code}>{reasonSeen(reason)}</li>
            ))}
          </ul>
        )}
        {reasons.length > reasonsFirst && (
          <details class="disks-numbers">
            <summary>
              <Icon of={ChevronDown} size={16} />
              {t.moreSigns(reasons.length - reasonsFirst)}
            </summary>
            <ul class="disks-reasons">
              {reasons.slice(reasonsFirst).map((reason) => (
                <li key={reason.code}>{reasonSeen(reason)}</li>
              ))}
            </ul>
          </details>
        )}
        {bad !== '' && roleOf(disk) !== null && <p>{twice ? t.twice : t.onlyHere}</p>}
        {todo !== undefined && <p class="strong">{todo}</p>}
        {health !== undefined && <ReadAt health={health} />}
        {replacing && (
          <div class="buttons">
            <LinkButton href="/disks/replace">{t.replaceThis}</LinkButton>
          </div>
        )}
      </div>
    </section>
  );
}

type VerdictProps = Readonly<{ disk: AttachedDisk; health: Health | undefined; twice: boolean }>;

/** Who has a mirror need not be told to keep one, nor is one needed for a disk that holds nothing of the box. */
function todoOf(advice: Health['advice'], { used, twice, replacing }: Record<'used' | 'twice' | 'replacing', boolean>) {
  if (replacing && twice) return t.replaceTwice;
  if (advice !== 'keep-a-mirror') return diskAdvice(advice);
  return used ? (twice ? t.twice : diskAdvice(advice)) : undefined;
}

function ReadAt({ health: { readAt, asleep } }: { health: Health }) {
  if (readAt === null) return null;
  const told = t.readAt(readAt, boxNow());
  return <p class="cap disks-read-at">{asleep ? `${told} ${t.asleep}` : told}</p>;
}
