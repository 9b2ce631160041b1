import { HardDrive } from 'lucide';
import { boxNow, type ReplyOf } from '../ask/ask.ts';
import { reasonBrief } from '../text/en/disk-verdicts.ts';
import { home as t } from '../text/en/home.ts';
import { DiskVerdictPill, isGood } from '../ui/disk-verdict.tsx';
import { Icon } from '../ui/icon.tsx';

type View = ReplyOf<'GET /api/home'>;
type Disk = NonNullable<View['disks']>[number];
const shownMax = 4;

/** The disks that hold the photos, and how each is. */
export function DisksCard({ disks, library }: { disks: readonly Disk[]; library: View['library'] }) {
  const single = library === 'ok' && !disks.some(({ role }) => role === 'mirror');
  return (
    <section class="card home-disks" aria-labelledby="home-disks">
      <div class="home-card-head">
        <h2 class="head" id="home-disks">
          {t.disks}
        </h2>
        <a href="/disks">{t.allDisks}</a>
      </div>
      <ul class="rows">
        {disks.slice(0, shownMax).map((disk) => (
          <li key={disk.id ?? `${disk.role} ${disk.name}`}>
            <DiskRow disk={disk} />
          </li>
        ))}
      </ul>
      {(single || library === 'none') && (
        <p class="cap">
          {single ? t.oneDisk : t.noDisk} <a href="/disks">{single ? t.addDisk : t.chooseDisk}</a>
        </p>
      )}
    </section>
  );
}

function DiskRow({ disk }: { disk: Disk }) {
  const { id, name, role } = disk;
  const state = disk.state === 'missing' && role === 'mirror' ? 'away' : disk.state;
  const shown = name === '' ? t.diskName[role ?? 'other'] : name;
  const href = id !== null ? `/disks/${encodeURIComponent(id)}` : role === 'mirror' ? '/disks/mirrors' : '/disks';
  return (
    <a class="home-disk" href={href}>
      <span class={`home-disk-icon ${state}`}>
        <Icon of={HardDrive} />
      </span>
      <span class="strong home-disk-name">{shown}</span>
      <DiskVerdictPill state={role === null && isGood(state) ? 'new' : state} />
      <span class="cap home-disk-text">{captionOf(disk)}</span>
    </a>
  );
}

/** What is bad about it, else what it is for. */
function captionOf({ role, state, reason, waiting, seenAt }: Disk): string {
  if (state === 'missing') return seenAt === null ? t.diskGone : t.diskAway(seenAt, boxNow());
  const bad = state === 'failing' || state === 'replace-soon' || state === 'watch';
  const why = reasonBrief(reason);
  if (bad && why !== '') return why;
  if (role === 'mirror' && waiting > 0) return t.diskBehind(waiting);
  return t.diskRoles[role ?? 'other'];
}
