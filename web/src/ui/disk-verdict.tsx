import { CalendarClock, Check, CircleDashed, CircleQuestionMark, Eye, Folder, TriangleAlert, Unplug } from 'lucide';
import type { ReplyOf } from '../ask/ask.ts';
import { diskVerdicts } from '../text/en/disk-verdicts.ts';
import type { IconNode } from './icon.tsx';
import { Pill, type PillLook } from './parts.tsx';

/** `new`, `foreign`: used for nothing, and nothing bad is known of it. `away`: a mirror, which may be elsewhere on purpose. */
export type DiskState = NonNullable<ReplyOf<'GET /api/home'>['disks']>[number]['state'] | 'new' | 'foreign' | 'away';
const looks: Readonly<Record<DiskState, readonly [PillLook, IconNode]>> = {
  fine: ['safe', Check],
  'tells-nothing': ['quiet', CircleQuestionMark],
  watch: ['watch', Eye],
  'replace-soon': ['watch', CalendarClock],
  failing: ['act', TriangleAlert],
  missing: ['act', Unplug],
  away: ['quiet', Unplug],
  folder: ['quiet', Folder],
  new: ['quiet', CircleDashed],
  foreign: ['quiet', CircleQuestionMark],
};

/** How a disk is, in a word. */
export function DiskVerdictPill({ state }: { state: DiskState }) {
  const [look, icon] = looks[state];
  return (
    <Pill look={look} icon={icon}>
      {diskVerdicts[state]}
    </Pill>
  );
}

export function isGood(state: DiskState): boolean {
  return state === 'fine' || state === 'tells-nothing';
}
