/**
 * The one table of what makes a disk good or bad: what is measured, from where on, what to do, and who says so.
 * Decides nothing by itself (`disk-verdict.ts` goes through it), and has no words: codes only.
 */
import {
  type DiskFacts,
  failedTests,
  hottest,
  isOnlyWorn,
  lacking,
  signs,
  spareThreshold,
  truth,
  warning,
} from './disk-measures.ts';
import type { DiskKind } from './smart-reading.ts';

/** From the best to the worst. */
export const verdicts = ['fine', 'tells-nothing', 'watch', 'replace-soon', 'failing'] as const;
export type DiskVerdict = (typeof verdicts)[number];

/** What one can do. */
export const advices = [
  'nothing',
  'keep-a-mirror',
  'try-another-enclosure',
  'keep-watching',
  'cool-it',
  'check-cable',
  'check-filesystem',
  'plan-replacement',
  'replace-now',
] as const;
export type Advice = (typeof advices)[number];

type Step = readonly [from: number, verdict: DiskVerdict, advice: Advice];
type Rule = Readonly<{
  code: string;
  /** Of which kinds of disk; without it: of all. */
  kinds?: readonly DiskKind[];
  /** Null: not known, and then the rule says nothing. */
  measure: (facts: DiskFacts) => number | null;
  /** Rising; the last that is reached counts. */
  steps: readonly [Step, ...Step[]];
  source: string;
  limit?: (facts: DiskFacts) => number;
}>;

const platters = ['ata-hdd'] as const;
const solid = ['ata-ssd'] as const;
const anyAta = ['ata-hdd', 'ata-ssd'] as const;
const nvme = ['nvme'] as const;
const flash = ['ata-ssd', 'nvme', 'usb-unknown'] as const;

/** Rates are of failure within a year, of Backblaze's fleet; disks with none of these signs: 2.5 %. */
const backblaze2014 = 'Backblaze, Hard Drive SMART Stats (2014) and the tables to it';
const backblaze2016 = 'Backblaze, What SMART Stats Tell Us About Hard Drives (2016)';
const backblaze2025 = 'Backblaze, Are Hard Drives Getting Better? (2025)';
const nvmeSpec = 'NVM Express Base Specification 2.0, 5.16.1.3, figure 207';
const acs = 'ATA/ATAPI Command Set 3 (ACS-3), SMART RETURN STATUS';
const own = 'own judgement';

/** Every rule there is. The codes are what pages have words for. */
const table = [
  {
    code: 'self-assessment-failed',
    measure: ({ reading }) => truth(reading?.selfAssessmentPassed === false && !isOnlyWorn(reading)),
    steps: [[1, 'failing', 'replace-now']],
    source: `${acs}; smartctl(8): failure is to be expected within a day`,
  },
  {
    code: 'attribute-failing',
    measure: ({ reading }) => reading?.failing.filter(({ prefail }) => prefail).length ?? null,
    steps: [[1, 'failing', 'replace-now']],
    source: 'ATA-3, SMART: a pre-failure attribute at its threshold means failure within a day; smartctl(8), -A',
  },
  {
    code: 'attribute-worn',
    measure: ({ reading }) => reading?.failing.filter(({ prefail }) => !prefail).length ?? null,
    steps: [[1, 'replace-soon', 'plan-replacement']],
    source: 'ATA-3, SMART: an advisory attribute at its threshold means that the disk is past its design life',
  },
  {
    code: 'attribute-failed-before',
    measure: ({ reading }) => reading?.failedBefore.filter(({ prefail }) => prefail).length ?? null,
    steps: [[1, 'watch', 'keep-watching']],
    source: 'smartctl(8), -A: WHEN_FAILED',
  },
  {
    code: 'reallocated',
    kinds: platters,
    measure: ({ reading }) => reading?.reallocated ?? null,
    steps: [
      [1, 'watch', 'keep-watching'],
      [16, 'replace-soon', 'plan-replacement'],
    ],
    source: `${backblaze2014}: SMART 5 from 4 on 7 %, from 16 on 24 %, from 70 on 36 %`,
  },
  {
    code: 'reallocated-blocks',
    kinds: ['ata-ssd', 'usb-unknown'],
    measure: ({ reading }) => reading?.reallocated ?? null,
    steps: [[50, 'watch', 'keep-watching']],
    source: `${own}: flash retires blocks all its life, and has spare ones`,
  },
  {
    code: 'reallocated-growing',
    measure: ({ growth }) => growth?.reallocated ?? null,
    steps: [
      [5, 'replace-soon', 'plan-replacement'],
      [50, 'failing', 'replace-now'],
    ],
    source: `${backblaze2016}: a count that grows fast foretells failure better than a high one that stands`,
  },
  {
    code: 'pending',
    kinds: anyAta,
    measure: ({ reading }) => reading?.pending ?? null,
    steps: [
      [1, 'watch', 'keep-watching'],
      [9, 'replace-soon', 'plan-replacement'],
    ],
    source: `${backblaze2014}: SMART 197 at 1 34 %, above more than 60 %. One bad sector of 4 KiB counts 8, and writing cures it`,
  },
  {
    code: 'pending-growing',
    kinds: anyAta,
    measure: ({ growth }) => growth?.pending ?? null,
    steps: [
      [9, 'replace-soon', 'plan-replacement'],
      [100, 'failing', 'replace-now'],
    ],
    source: `${backblaze2014}: SMART 197 from 40 on, a disk does not last the year`,
  },
  {
    code: 'offline-uncorrectable',
    kinds: platters,
    measure: ({ reading }) => reading?.offlineUncorrectable ?? null,
    steps: [[1, 'replace-soon', 'plan-replacement']],
    source: `${backblaze2014}: SMART 198 from 1 on 81 %`,
  },
  {
    code: 'reported-uncorrect',
    kinds: platters,
    measure: ({ reading }) => reading?.reportedUncorrect ?? null,
    steps: [[1, 'replace-soon', 'plan-replacement']],
    source: `${backblaze2014}: SMART 187 from 1 on 24 to 34 %; a disk that has any is replaced there`,
  },
  {
    code: 'reported-uncorrect-flash',
    kinds: solid,
    measure: ({ reading }) => reading?.reportedUncorrect ?? null,
    steps: [
      [1, 'watch', 'keep-watching'],
      [10, 'replace-soon', 'plan-replacement'],
    ],
    source: `${own}: the same count; Backblaze has no figures for flash`,
  },
  {
    code: 'uncorrect-growing',
    kinds: anyAta,
    measure: ({ growth }) => growth?.reportedUncorrect ?? null,
    steps: [
      [1, 'replace-soon', 'plan-replacement'],
      [20, 'failing', 'replace-now'],
    ],
    source: `${backblaze2014}: SMART 187 from 20 on 84 %`,
  },
  {
    code: 'command-timeouts',
    kinds: platters,
    measure: ({ reading }) => reading?.commandTimeout ?? null,
    steps: [[1, 'watch', 'check-cable']],
    source: `${backblaze2014}: SMART 188 above 0 10 %; a weak power supply or cable does it too`,
  },
  {
    code: 'several-signs',
    kinds: platters,
    measure: ({ reading }) => (reading === null ? null : signs(reading)),
    steps: [[2, 'replace-soon', 'plan-replacement']],
    source: `${backblaze2016}: any of 5, 187, 188, 197, 198 in 76.7 % of the failed, and in 4.2 % of those that run`,
  },
  {
    code: 'crc-errors',
    measure: ({ reading, growth }) => (growth === null ? (reading?.crcErrors ?? null) : null),
    steps: [[100, 'watch', 'check-cable']],
    source: `${own}: counted on the way, never reset: the cable's or the bridge's doing, until it is seen not to grow`,
  },
  {
    code: 'crc-errors-growing',
    measure: ({ growth }) => growth?.crcErrors ?? null,
    steps: [[5, 'watch', 'check-cable']],
    source: 'ACS-3, SATA: interface CRC errors are of the transfer, not of the platters',
  },
  {
    code: 'worn',
    kinds: flash,
    measure: ({ reading }) => reading?.wearPercentUsed ?? null,
    steps: [
      [90, 'watch', 'plan-replacement'],
      [100, 'replace-soon', 'plan-replacement'],
    ],
    source: `${nvmeSpec}: Percentage Used; ACS-4, 9.5.9. At 100 the endurance that its maker promised is used up, no more`,
  },
  {
    code: 'spare-low',
    kinds: flash,
    measure: ({ reading }) => lacking(reading),
    limit: ({ reading }) => spareThreshold(reading),
    steps: [
      [-10, 'watch', 'plan-replacement'],
      [0, 'replace-soon', 'plan-replacement'],
      [1, 'failing', 'replace-now'],
    ],
    source: `${nvmeSpec}: Available Spare and its Threshold`,
  },
  {
    code: 'nvme-spare-exhausted',
    kinds: nvme,
    measure: ({ reading }) => warning(reading, 0),
    steps: [[1, 'failing', 'replace-now']],
    source: `${nvmeSpec}: Critical Warning, bit 0`,
  },
  {
    code: 'nvme-temperature',
    kinds: nvme,
    measure: ({ reading }) => warning(reading, 1),
    steps: [[1, 'watch', 'cool-it']],
    source: `${nvmeSpec}: Critical Warning, bit 1`,
  },
  {
    code: 'nvme-degraded',
    kinds: nvme,
    measure: ({ reading }) => (isOnlyWorn(reading) ? 0 : warning(reading, 2)),
    steps: [[1, 'failing', 'replace-now']],
    source: `${nvmeSpec}: Critical Warning, bit 2; smartmontools issue 537: some set it for wear alone`,
  },
  {
    code: 'nvme-read-only',
    kinds: nvme,
    measure: ({ reading }) => warning(reading, 3),
    steps: [[1, 'failing', 'replace-now']],
    source: `${nvmeSpec}: Critical Warning, bit 3`,
  },
  {
    code: 'nvme-backup-failed',
    kinds: nvme,
    measure: ({ reading }) => warning(reading, 4),
    steps: [[1, 'replace-soon', 'plan-replacement']],
    source: `${nvmeSpec}: Critical Warning, bit 4: what it has acknowledged may be lost with the power`,
  },
  {
    code: 'media-errors',
    kinds: nvme,
    measure: ({ reading }) => reading?.mediaErrors ?? null,
    steps: [
      [1, 'watch', 'keep-watching'],
      [100, 'replace-soon', 'plan-replacement'],
    ],
    source: `${nvmeSpec}: Media and Data Integrity Errors; the numbers: ${own}`,
  },
  {
    code: 'media-errors-growing',
    kinds: nvme,
    measure: ({ growth }) => growth?.mediaErrors ?? null,
    steps: [
      [1, 'replace-soon', 'plan-replacement'],
      [20, 'failing', 'replace-now'],
    ],
    source: `${nvmeSpec}: Media and Data Integrity Errors; the numbers: ${own}`,
  },
  {
    code: 'self-test-failed',
    measure: ({ reading }) => failedTests(reading).last,
    steps: [[1, 'replace-soon', 'plan-replacement']],
    source: 'ACS-3, A.14; NVM Express Base Specification 2.0, 5.16.1.7: it could not read, or not move, what it tried',
  },
  {
    code: 'self-test-failed-before',
    measure: ({ reading }) => (failedTests(reading).last > 0 ? 0 : failedTests(reading).before),
    steps: [[1, 'watch', 'keep-watching']],
    source: `${own}: the last test passed, so what was unreadable was written anew`,
  },
  {
    code: 'hot',
    measure: ({ reading }) => (reading?.temperatureC == null ? null : reading.temperatureC - hottest(reading)),
    limit: ({ reading }) => (reading === null ? 0 : hottest(reading)),
    steps: [[-5, 'watch', 'cool-it']],
    source:
      'the disk’s own limit, else what makers name for operation: 60 °C with platters, 70 °C SATA flash, 80 °C NVMe',
  },
  {
    code: 'aged',
    kinds: platters,
    measure: ({ reading }) => reading?.powerOnHours ?? null,
    steps: [[61_320, 'watch', 'keep-a-mirror']],
    source: `${backblaze2025}: failures rise up to the seventh year of running and are highest in the eleventh`,
  },
  {
    code: 'io-errors',
    measure: ({ events }) => events.ioErrors,
    steps: [
      [1, 'watch', 'check-cable'],
      [20, 'replace-soon', 'plan-replacement'],
      [500, 'failing', 'replace-now'],
    ],
    source: `${own}: the kernel tells of them only after its own tries; a loose plug gives a few at a time`,
  },
  {
    code: 'read-only-remounts',
    measure: ({ events }) => events.readOnlyRemounts,
    steps: [
      [1, 'watch', 'check-filesystem'],
      [3, 'replace-soon', 'plan-replacement'],
    ],
    source: `${own}: ext4(5), errors=remount-ro: it met what it had not written`,
  },
  {
    code: 'damaged-files',
    measure: ({ events }) => events.damagedFiles,
    steps: [
      [1, 'watch', 'keep-watching'],
      [10, 'replace-soon', 'plan-replacement'],
    ],
    source: `${own}: a byte that changed without an error is past what the disk’s own code corrects`,
  },
] as const satisfies readonly Rule[];

type RuleCode = (typeof table)[number]['code'];
export type ReasonCode = RuleCode | 'tells-nothing';
export type DiskRule = Rule & Readonly<{ code: RuleCode }>;
export const diskRules: readonly DiskRule[] = table;
export const reasonCodes: readonly ReasonCode[] = [...table.map(({ code }) => code), 'tells-nothing'];
