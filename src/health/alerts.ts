/**
 * What needs somebody: every check over the same facts, worst first. A new alert is a file in `checks/`, a line here, its
 * code in contract.ts, and its row in `alert-kinds.ts`. Pure: what became of it before is in the facts (`alert-book.ts`).
 */
import { keyOf } from './alert-kinds.ts';
import { certificateExpiring } from './checks/certificate-expiring.ts';
import { channelFailing } from './checks/channel-failing.ts';
import { clockAhead } from './checks/clock-ahead.ts';
import { clockBehind } from './checks/clock-behind.ts';
import { diskAway } from './checks/disk-away.ts';
import { diskFailing } from './checks/disk-failing.ts';
import { diskFull } from './checks/disk-full.ts';
import { diskNearlyFull } from './checks/disk-nearly-full.ts';
import { diskReplaceNow } from './checks/disk-replace-now.ts';
import { diskReplaceSoon } from './checks/disk-replace-soon.ts';
import { diskWatch } from './checks/disk-watch.ts';
import { memoryHigh } from './checks/memory-high.ts';
import { mirrorBehind } from './checks/mirror-behind.ts';
import { mirrorMissing } from './checks/mirror-missing.ts';
import { offboxBehind } from './checks/offbox-behind.ts';
import { offboxDamaged } from './checks/offbox-damaged.ts';
import { phoneSilent } from './checks/phone-silent.ts';
import { phoneStalled } from './checks/phone-stalled.ts';
import { refusedFiles } from './checks/refused-files.ts';
import { secondFactorMissing } from './checks/second-factor-missing.ts';
import { temperatureHigh } from './checks/temperature-high.ts';
import { verificationFailed } from './checks/verification-failed.ts';
import { videoToolsMissing } from './checks/video-tools-missing.ts';
import type { Alert, AlertCode } from './contract.ts';
import type { Facts, Need } from './facts.ts';

type Check = Readonly<{
  find: (facts: Facts) => Need[];
  /** What cannot be known while this is false: it stays as it was. Default: always known. */
  knows?: (facts: Facts) => boolean;
  codes?: readonly AlertCode[];
}>;

const open = ({ library }: Facts) => library !== 'missing';

/** Those of one severity stay in this order. */
const checks: readonly Check[] = [
  { find: diskAway },
  { find: diskFailing },
  { find: diskReplaceNow, codes: ['disk-replace-now'], knows: ({ disks }) => disks !== null },
  { find: verificationFailed, codes: ['verification-failed'], knows: ({ damaged }) => damaged !== null },
  { find: diskFull, codes: ['disk-full'], knows: ({ room }) => room !== null },
  { find: phoneSilent, codes: ['phone-silent'], knows: open },
  { find: phoneStalled, codes: ['phone-stalled'], knows: open },
  { find: refusedFiles, codes: ['refused-files'], knows: open },
  { find: diskNearlyFull, codes: ['disk-nearly-full'], knows: ({ room }) => room !== null },
  { find: diskReplaceSoon, codes: ['disk-replace-soon'], knows: ({ disks }) => disks !== null },
  { find: diskWatch, codes: ['disk-watch'], knows: ({ disks }) => disks !== null },
  { find: mirrorMissing, codes: ['mirror-missing'], knows: ({ mirrors }) => mirrors !== null },
  { find: mirrorBehind, codes: ['mirror-behind'], knows: ({ mirrors }) => mirrors !== null },
  { find: offboxDamaged },
  { find: offboxBehind },
  { find: videoToolsMissing },
  { find: secondFactorMissing },
  { find: clockBehind },
  { find: clockAhead, codes: ['clock-ahead'], knows: ({ aheadMs }) => aheadMs !== null },
  { find: certificateExpiring },
  { find: temperatureHigh, codes: ['temperature-high'], knows: ({ machine }) => machine.celsius !== null },
  { find: memoryHigh, codes: ['memory-high'], knows: ({ machine }) => machine.memory !== null },
  { find: channelFailing },
];

/** All that is so just now, and the codes of which nothing can be known just now. */
export function assess(facts: Facts): { needs: Need[]; unknown: ReadonlySet<AlertCode> } {
  const blind = checks.filter(({ knows }) => knows !== undefined && !knows(facts));
  const needs = checks.filter((check) => !blind.includes(check)).flatMap(({ find }) => find(facts));
  return { needs, unknown: new Set(blind.flatMap(({ codes = [] }) => codes)) };
}

/** What a page shows: without what may pass by itself, and what somebody acknowledged. */
export function needsOf(facts: Facts): Alert[] {
  const found = checks
    .flatMap(({ find }) => find(facts))
    .filter((need) => need.ready !== false && !facts.book.acknowledged(need.code, keyOf(need)))
    .map(({ code, severity, params }) => ({ code, severity, params }));
  const rank = ({ severity }: Alert) => (severity === 'act' ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b));
}
