/**
 * What needs somebody: every check over the same facts, worst first. A new alert is a file in `checks/`, a line here and
 * its code in contract.ts.
 */
import { clockBehind } from './checks/clock-behind.ts';
import { diskAway } from './checks/disk-away.ts';
import { diskFailing } from './checks/disk-failing.ts';
import { diskFull } from './checks/disk-full.ts';
import { refusedFiles } from './checks/refused-files.ts';
import { secondFactorMissing } from './checks/second-factor-missing.ts';
import { videoToolsMissing } from './checks/video-tools-missing.ts';
import type { Alert } from './contract.ts';
import type { Facts } from './facts.ts';

/** Those of one severity stay in this order. */
const checks: ReadonlyArray<(facts: Facts) => Alert[]> = [
  diskAway,
  diskFailing,
  diskFull,
  refusedFiles,
  videoToolsMissing,
  secondFactorMissing,
  clockBehind,
];

export function needsOf(facts: Facts): Alert[] {
  const found = checks.flatMap((check) => check(facts));
  const rank = ({ severity }: Alert) => (severity === 'act' ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b));
}
