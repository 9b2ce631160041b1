/** Each rule at the edges of its steps: one below and one at each. What a step means is written here a second time. */
import { expect, test } from 'vitest';
import { type DiskEvents, type DiskFacts, type Growth, noEvents } from './disk-measures.ts';
import { type DiskVerdict, diskRules, type ReasonCode, verdicts } from './disk-rules.ts';
import { judge } from './disk-verdict.ts';
import { readSmartctl, type SmartReading } from './smart-reading.ts';

const well: Readonly<Record<'hdd' | 'ssd' | 'nvme' | 'usb', Partial<SmartReading>>> = {
  hdd: { kind: 'ata-hdd', selfAssessmentPassed: true },
  ssd: { kind: 'ata-ssd', selfAssessmentPassed: true },
  nvme: { kind: 'nvme', selfAssessmentPassed: true, criticalWarning: 0, mediaErrors: 0 },
  usb: { kind: 'usb-unknown', reallocated: 0 },
};
const still: Growth = {
  days: 30,
  reallocated: 0,
  pending: 0,
  reportedUncorrect: 0,
  mediaErrors: 0,
  crcErrors: 0,
};

function of(kind: keyof typeof well, told: Partial<SmartReading>): DiskFacts {
  return { reading: { ...readSmartctl(undefined), ...well[kind], ...told }, growth: null, events: noEvents };
}
function grown(kind: keyof typeof well, by: Partial<Growth>): DiskFacts {
  return { ...of(kind, {}), growth: { ...still, ...by } };
}
function seen(events: Partial<DiskEvents>): DiskFacts {
  return { ...of('hdd', {}), events: { ...noEvents, ...events } };
}
function tests(...outcomes: ('passed' | 'failed' | 'aborted')[]): Partial<SmartReading> {
  const done = outcomes.map((outcome) => ({ kind: 'long' as const, outcome, atHours: null }));
  return { selfTests: { done, running: null } };
}
const many = (length: number, prefail: boolean) => Array.from({ length }, (_, at) => ({ id: at + 1, prefail }));
const failures = (length: number) => Array.from({ length }, () => 'failed' as const);

type Edge = readonly [code: ReasonCode, facts: (value: number) => DiskFacts, ...[from: number, verdict: DiskVerdict][]];
const edges: readonly Edge[] = [
  ['self-assessment-failed', (n) => of('hdd', { selfAssessmentPassed: n < 1 }), [1, 'failing']],
  ['attribute-failing', (n) => of('hdd', { failing: many(n, true) }), [1, 'failing']],
  ['attribute-worn', (n) => of('ssd', { failing: many(n, false) }), [1, 'replace-soon']],
  ['attribute-failed-before', (n) => of('hdd', { failedBefore: many(n, true) }), [1, 'watch']],
  ['reallocated', (n) => of('hdd', { reallocated: n }), [1, 'watch'], [16, 'replace-soon']],
  ['reallocated-blocks', (n) => of('ssd', { reallocated: n }), [50, 'watch']],
  ['reallocated-blocks', (n) => of('usb', { reallocated: n }), [50, 'watch']],
  ['reallocated-growing', (n) => grown('hdd', { reallocated: n }), [5, 'replace-soon'], [50, 'failing']],
  ['pending', (n) => of('hdd', { pending: n }), [1, 'watch'], [9, 'replace-soon']],
  ['pending', (n) => of('ssd', { pending: n }), [1, 'watch'], [9, 'replace-soon']],
  ['pending-growing', (n) => grown('hdd', { pending: n }), [9, 'replace-soon'], [100, 'failing']],
  ['offline-uncorrectable', (n) => of('hdd', { offlineUncorrectable: n }), [1, 'replace-soon']],
  ['reported-uncorrect', (n) => of('hdd', { reportedUncorrect: n }), [1, 'replace-soon']],
  ['reported-uncorrect-flash', (n) => of('ssd', { reportedUncorrect: n }), [1, 'watch'], [10, 'replace-soon']],
  ['uncorrect-growing', (n) => grown('hdd', { reportedUncorrect: n }), [1, 'replace-soon'], [20, 'failing']],
  ['command-timeouts', (n) => of('hdd', { commandTimeout: n }), [1, 'watch']],
  ['several-signs', (n) => of('hdd', { reallocated: 1, pending: n > 1 ? 1 : 0 }), [2, 'replace-soon']],
  ['crc-errors', (n) => of('hdd', { crcErrors: n }), [100, 'watch']],
  ['crc-errors-growing', (n) => grown('ssd', { crcErrors: n }), [5, 'watch']],
  ['worn', (n) => of('nvme', { wearPercentUsed: n }), [90, 'watch'], [100, 'replace-soon']],
  ['worn', (n) => of('ssd', { wearPercentUsed: n }), [90, 'watch'], [100, 'replace-soon']],
  ['nvme-spare-exhausted', (n) => of('nvme', { criticalWarning: n }), [1, 'failing']],
  ['nvme-temperature', (n) => of('nvme', { criticalWarning: n * 2 }), [1, 'watch']],
  ['nvme-degraded', (n) => of('nvme', { criticalWarning: n * 4 }), [1, 'failing']],
  ['nvme-read-only', (n) => of('nvme', { criticalWarning: n * 8 }), [1, 'failing']],
  ['nvme-backup-failed', (n) => of('nvme', { criticalWarning: n * 16 }), [1, 'replace-soon']],
  ['media-errors', (n) => of('nvme', { mediaErrors: n }), [1, 'watch'], [100, 'replace-soon']],
  ['media-errors-growing', (n) => grown('nvme', { mediaErrors: n }), [1, 'replace-soon'], [20, 'failing']],
  ['self-test-failed', (n) => of('hdd', tests('aborted', ...failures(n), 'passed')), [1, 'replace-soon']],
  ['self-test-failed-before', (n) => of('hdd', tests('passed', ...failures(n))), [1, 'watch']],
  ['hot', (n) => of('hdd', { temperatureC: n }), [55, 'watch']],
  ['hot', (n) => of('ssd', { temperatureC: n }), [65, 'watch']],
  ['hot', (n) => of('nvme', { temperatureC: n }), [75, 'watch']],
  ['hot', (n) => of('nvme', { temperatureC: n, temperatureLimitC: 85 }), [80, 'watch']],
  ['aged', (n) => of('hdd', { powerOnHours: n }), [61_320, 'watch']],
  ['io-errors', (n) => seen({ ioErrors: n }), [1, 'watch'], [20, 'replace-soon'], [500, 'failing']],
  ['read-only-remounts', (n) => seen({ readOnlyRemounts: n }), [1, 'watch'], [3, 'replace-soon']],
  ['damaged-files', (n) => seen({ damagedFiles: n }), [1, 'watch'], [10, 'replace-soon']],
];

function verdictOf(code: ReasonCode, facts: DiskFacts): DiskVerdict | undefined {
  return judge(facts).reasons.find((reason) => reason.code === code)?.verdict;
}

test.each(edges.map(([code, facts, ...steps]) => ({ code, facts, steps })))('$code', ({ code, facts, steps }) => {
  let below: DiskVerdict | undefined;
  for (const [from, verdict] of steps) {
    expect(verdictOf(code, facts(from - 1)), `${from - 1}`).toBe(below);
    expect(verdictOf(code, facts(from)), `${from}`).toBe(verdict);
    expect(verdicts.indexOf(judge(facts(from)).verdict)).toBeGreaterThanOrEqual(verdicts.indexOf(verdict));
    below = verdict;
  }
});

test('spare blocks count against what the disk itself calls too few', () => {
  const spare = (percent: number, threshold: number | null) =>
    verdictOf('spare-low', of('nvme', { availableSparePercent: percent, availableSpareThresholdPercent: threshold }));
  expect([21, 20, 11, 10, 9].map((percent) => spare(percent, 10))).toEqual([
    undefined,
    'watch',
    'watch',
    'replace-soon',
    'failing',
  ]);
  expect(spare(20, null)).toBe('watch');
  expect([100, 10, 0].map((percent) => spare(percent, 0))).toEqual([undefined, 'watch', 'replace-soon']);
});

test('every rule has its edges here, its steps rise, and it says where it is from', () => {
  const here = new Set<string>([...edges.map(([code]) => code), 'spare-low']);
  expect(diskRules.map(({ code }) => code).filter((code) => !here.has(code))).toEqual([]);
  for (const { code, steps, source } of diskRules) {
    expect(source.length, code).toBeGreaterThan(10);
    expect(steps.map(([from]) => from)).toEqual(steps.map(([from]) => from).toSorted((a, b) => a - b));
  }
  for (const [code, , ...steps] of edges) {
    if (code !== 'hot') expect(diskRules.find((rule) => rule.code === code)?.steps.length).toBe(steps.length);
  }
});

test('a disk that tells nothing is never fine; what the box saw of it counts all the same', () => {
  const nothing: DiskFacts = { reading: null, growth: null, events: noEvents };
  expect(judge(nothing)).toMatchObject({ verdict: 'tells-nothing', advice: 'keep-a-mirror' });
  const usb = {
    ...nothing,
    reading: { ...readSmartctl(undefined), kind: 'usb-unknown' as const, selfAssessmentPassed: true },
  };
  expect(judge(usb)).toMatchObject({ verdict: 'tells-nothing', advice: 'try-another-enclosure' });
  const seenBad = judge({ ...usb, events: { ...noEvents, ioErrors: 25 } });
  expect(seenBad).toMatchObject({ verdict: 'replace-soon', advice: 'plan-replacement' });
  expect(seenBad.reasons.map(({ code }) => code)).toEqual(['io-errors', 'tells-nothing']);
});

test('errors of the way stand until they are seen not to grow', () => {
  const crc = of('hdd', { crcErrors: 5_000 });
  expect(judge(crc)).toMatchObject({ verdict: 'watch', advice: 'check-cable' });
  expect(judge({ ...crc, growth: still })).toMatchObject({ verdict: 'fine', advice: 'nothing', reasons: [] });
});

test('a worn disk that calls itself failed is only worn, unless anything else is wrong', () => {
  const worn = {
    selfAssessmentPassed: false,
    criticalWarning: 4,
    wearPercentUsed: 100,
    availableSparePercent: 100,
    availableSpareThresholdPercent: 10,
    mediaErrors: 0,
  };
  expect(judge(of('nvme', worn)).verdict).toBe('replace-soon');
  const others = [
    { wearPercentUsed: 99 },
    { mediaErrors: 1 },
    { mediaErrors: null },
    { availableSparePercent: 10 },
    { criticalWarning: 12 },
  ];
  for (const other of others) expect(judge(of('nvme', { ...worn, ...other })).verdict).toBe('failing');
});

test('a reason says what was measured, and against what', () => {
  expect(judge(of('hdd', { temperatureC: 57 })).reasons[0]?.params).toEqual({ value: 57, limit: 60 });
  const spare = of('nvme', { availableSparePercent: 4, availableSpareThresholdPercent: 10 });
  expect(judge(spare).reasons[0]?.params).toEqual({ value: 4, limit: 10 });
  const growing = grown('hdd', { reallocated: 7, days: 12 });
  expect(judge(growing).reasons[0]?.params).toEqual({ value: 7, days: 12 });
});
