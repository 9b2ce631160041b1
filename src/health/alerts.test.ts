import { expect, test } from 'vitest';
import type { DiskVerdict } from '../disks/disk-rules.ts';
import { CodedError } from '../platform/errors.ts';
import { assess, needsOf } from './alerts.ts';
import type { AlertCode, HomePhone } from './contract.ts';
import type { AlertMemory, Facts } from './facts.ts';

const now = Date.parse('2026-06-10T10:00:00Z');
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const reserveBytes = 16 * 1024 * 1024;
const nothingBefore: AlertMemory = { since: () => undefined, raised: () => false, acknowledged: () => false };
const well: Facts = {
  now,
  owner: true,
  phones: [],
  library: 'ok',
  problem: undefined,
  breaks: [],
  room: { totalBytes: 1e12, freeBytes: 3e11 },
  reserveBytes,
  secondFactor: true,
  firstRunOver: true,
  clockBehind: false,
  videoToolsMissing: false,
  night: { from: now - 14 * 60 * minuteMs, to: now - 2 * 60 * minuteMs, since: now - 14 * 60 * minuteMs },
  zone: 'UTC',
  silentNightsMin: 3,
  fullInDays: null,
  damaged: 0,
  mirrors: [],
  offbox: null,
  disks: [],
  aheadMs: null,
  machine: { memory: { totalBytes: 1e9, availableBytes: 5e8 }, celsius: 50 },
  certificates: [{ which: 'name', validUntil: now + 100 * dayMs }],
  failing: [],
  book: nothingBefore,
};
const mirror = ({ attached = true, nightsAway = 0, nightsBehind = 0 }) => ({
  disk: 'the second',
  name: 'Second',
  attached,
  seenAt: now - nightsAway * dayMs,
  behindSince: nightsBehind === 0 ? null : now - nightsBehind * dayMs,
  waiting: nightsBehind === 0 ? 0 : 5,
});
const copied = (nightsAgo: number) => ({ since: now - nightsAgo * dayMs, damagedAt: null, drillFailedAt: null });
const ofDisk = (verdict: DiskVerdict) => ({ disk: `d-${verdict}`, name: 'Seagate X', verdict, reason: 'pending' });
const away = (cause?: Error) => new CodedError('disk-missing', 'Not there.', cause === undefined ? {} : { cause });
const failure = (code: string) => Object.assign(new Error(code), { code });
const minutesAgo = (...minutes: number[]) => minutes.map((one) => now - one * minuteMs);
const free = (percent: number) => ({ totalBytes: 1e12, freeBytes: percent * 1e10 + reserveBytes });
/** Raised before, or seen for so many minutes. */
const before = (raised: AlertCode | null, minutes?: number): AlertMemory => ({
  since: () => (minutes === undefined ? undefined : now - minutes * minuteMs),
  raised: (code) => code === raised,
  acknowledged: () => false,
});
const memory = (percent: number) => ({
  ...well.machine,
  memory: { totalBytes: 1e9, availableBytes: percent * 1e7 },
});

const rows: ReadonlyArray<[when: string, Partial<Facts>, alerts: string[]]> = [
  ['all is well', {}, []],
  ['the disk was not found yet', { library: 'missing', room: null }, ['act disk-missing']],
  ['the disk is away', { library: 'missing', room: null, problem: away() }, ['act disk-missing']],
  ['another disk is there', { library: 'missing', problem: new CodedError('disk-foreign', '') }, ['act disk-foreign']],
  ['it cannot be read', { library: 'missing', problem: away(failure('EIO')) }, ['act disk-failing']],
  [
    'it cannot be written',
    { library: 'missing', problem: away(away(failure('SQLITE_READONLY_DBMOVED'))) },
    ['act disk-read-only'],
  ],
  ['it is mounted read-only', { library: 'missing', problem: away(failure('EROFS')) }, ['act disk-read-only']],
  ['it failed three times this hour', { breaks: minutesAgo(59, 30, 1) }, ['act disk-failing']],
  ['it failed twice this hour', { breaks: minutesAgo(61, 30, 1) }, []],
  ['no box is set up', { library: 'none', room: null }, []],
  ['there is room for a photo', { owner: false, room: { totalBytes: 1e12, freeBytes: 2 * reserveBytes } }, []],
  ['there is not', { owner: false, room: { totalBytes: 1e12, freeBytes: 2 * reserveBytes - 1 } }, ['act disk-full']],
  ['less than a twentieth is free', { room: free(4.9) }, ['watch disk-nearly-full']],
  ['a twentieth is free', { room: free(5.1) }, []],
  [
    'a little more than that, after it was less',
    { room: free(6.9), book: before('disk-nearly-full') },
    ['watch disk-nearly-full'],
  ],
  ['enough more', { room: free(7.1), book: before('disk-nearly-full') }, []],
  ['it lasts for three weeks', { room: free(14), fullInDays: 21 }, ['watch disk-nearly-full']],
  ['three weeks, on a disk that is half empty', { room: free(50), fullInDays: 21 }, []],
  ['it lasts for two months', { room: free(14), fullInDays: 60 }, []],
  ['only the password guards the box', { secondFactor: false }, ['watch second-factor-missing']],
  ['the first run will ask for it', { secondFactor: false, firstRunOver: false }, []],
  ['it is a member who has none', { secondFactor: false, owner: false }, []],
  ['the clock is wrong', { clockBehind: true }, ['watch clock-behind']],
  ['the clock is wrong, for a member', { clockBehind: true, owner: false }, []],
  ['the clock is six minutes ahead', { aheadMs: -6 * minuteMs }, ['watch clock-ahead']],
  ['three minutes', { aheadMs: -3 * minuteMs }, []],
  ['three minutes, after it was six', { aheadMs: -3 * minuteMs, book: before('clock-ahead') }, ['watch clock-ahead']],
  ['videos wait', { videoToolsMissing: true }, ['watch video-tools-missing']],
  ['bytes are not what came', { damaged: 2 }, ['act verification-failed']],
  ['the same, for a member', { damaged: 2, owner: false }, []],
  ['a mirror away for a week', { mirrors: [mirror({ attached: false, nightsAway: 7 })] }, []],
  ['a mirror away for longer', { mirrors: [mirror({ attached: false, nightsAway: 8 })] }, ['watch mirror-missing']],
  ['the same, for a member', { mirrors: [mirror({ attached: false, nightsAway: 8 })], owner: false }, []],
  ['a mirror that gets its first copy', { mirrors: [mirror({ nightsBehind: 2 })] }, []],
  ['a mirror that does not catch up', { mirrors: [mirror({ nightsBehind: 3 })] }, ['watch mirror-behind']],
  ['a copy off the box that waits', { offbox: copied(3) }, []],
  ['one that waits for longer', { offbox: copied(4) }, ['watch offbox-behind']],
  ['the same, for a member', { offbox: copied(4), owner: false }, []],
  ['one that is damaged', { offbox: { ...copied(1), damagedAt: now } }, ['act offbox-damaged']],
  ['one that does not come back', { offbox: { ...copied(1), drillFailedAt: now } }, ['act offbox-damaged']],
  [
    'a disk that shows a sign',
    { disks: [ofDisk('watch'), ofDisk('fine'), ofDisk('tells-nothing')] },
    ['watch disk-watch'],
  ],
  ['one that wears out', { disks: [ofDisk('replace-soon')] }, ['watch disk-replace-soon']],
  ['one that fails', { disks: [ofDisk('failing')] }, ['act disk-replace-now']],
  ['the same, for a member', { disks: [ofDisk('failing')], owner: false }, []],
  ['a mirror that is away and behind', { mirrors: [mirror({ attached: false, nightsAway: 2, nightsBehind: 3 })] }, []],
  ['memory is short just now', { machine: memory(4) }, []],
  ['for a quarter of an hour', { machine: memory(4), book: before(null, 15) }, ['watch memory-high']],
  ['less short', { machine: memory(9), book: before('memory-high', 15) }, ['watch memory-high']],
  ['no more', { machine: memory(11), book: before('memory-high', 15) }, []],
  ['it is hot just now', { machine: { memory: null, celsius: 81 } }, []],
  ['for ten minutes', { machine: { memory: null, celsius: 81 }, book: before(null, 10) }, ['watch temperature-high']],
  ['cooler', { machine: { memory: null, celsius: 73 }, book: before('temperature-high') }, ['watch temperature-high']],
  ['cool', { machine: { memory: null, celsius: 71 }, book: before('temperature-high') }, []],
  ['a certificate has 14 days', { certificates: [{ which: 'owner', validUntil: now + 14 * dayMs }] }, []],
  [
    'a certificate has less',
    { certificates: [{ which: 'owner', validUntil: now + 14 * dayMs - 1 }] },
    ['watch certificate-expiring'],
  ],
  ['mail waits for an hour', { failing: [{ channel: 'mail', since: now - 60 * minuteMs, waiting: 1 }] }, []],
  [
    'mail waits for half a day',
    { failing: [{ channel: 'mail', since: now - 720 * minuteMs, waiting: 1 }] },
    ['watch channel-failing'],
  ],
  [
    'everything is wrong: the worst first',
    { secondFactor: false, clockBehind: true, library: 'missing' },
    ['act disk-missing', 'watch second-factor-missing', 'watch clock-behind'],
  ],
];

test.each(rows)('%s', (_when, facts, alerts) => {
  expect(needsOf({ ...well, ...facts }).map(({ severity, code }) => `${severity} ${code}`)).toEqual(alerts);
});

function phone(id: string, more: Partial<HomePhone> = {}): HomePhone {
  return {
    id,
    name: `${id}’s`,
    personId: 'p',
    person: id,
    client: null,
    tells: [],
    state: 'refused',
    counts: null,
    newSinceWindow: { count: 0, bytes: 0 },
    arriving: null,
    lastReceivedAt: null,
    fromBrowser: 0,
    lastSignAt: now - dayMs,
    awayUntil: null,
    silentNights: 0,
    ...more,
  };
}
const counts = (refused: number, deleted: number, waiting = 0) => ({
  ...{ seen: 9, safe: 9 - refused - waiting, waiting, refused, deleted, fromBrowser: 0 },
});

test('files that were refused are said of each phone, without what its owner deleted', () => {
  const phones = [phone('mia', { counts: counts(3, 1) }), phone('tom', { counts: counts(2, 2) }), phone('ida')];
  expect(needsOf({ ...well, phones })).toEqual([
    { code: 'refused-files', severity: 'watch', params: { phone: 'mia', name: 'mia’s', person: 'mia', count: 2 } },
  ]);
});

test('a phone is silent from the chosen night on, and worse after weeks', () => {
  const phones = [
    phone('two', { silentNights: 2 }),
    phone('three', { silentNights: 3 }),
    phone('long', { silentNights: 30 }),
  ];
  const silent = (silentNightsMin: number) =>
    assess({ ...well, phones, silentNightsMin }).needs.map(({ params, level }) => [params['phone'], level]);
  expect(silent(3)).toEqual([
    ['three', 0],
    ['long', 2],
  ]);
  expect(silent(2).map(([id]) => id)).toEqual(['two', 'three', 'long']);
});

test('a phone’s files wait from when they were first seen waiting, or the last one came', () => {
  const find = (more: Partial<HomePhone>, book: AlertMemory) =>
    assess({ ...well, phones: [phone('mia', { counts: counts(0, 0, 2), ...more })], book }).needs.map(
      ({ code, ready, params }) => [code, ready ?? true, params['nights']],
    );
  // Nothing came for a month, and this afternoon there is a photo.
  expect(find({ lastReceivedAt: now - 30 * dayMs }, nothingBefore)).toEqual([['phone-stalled', false, 0]]);
  const seen = before(null, 4 * 24 * 60);
  expect(find({ lastReceivedAt: now - 30 * dayMs }, seen)).toEqual([['phone-stalled', true, 4]]);
  expect(find({ lastReceivedAt: now - dayMs }, seen)).toEqual([['phone-stalled', false, 1]]);
  expect(find({ lastReceivedAt: null, state: 'arriving' }, seen)).toEqual([['phone-stalled', false, 4]]);
  // Somebody was told, and one file came: it is over, also while others still wait.
  const told = { ...seen, raised: () => true };
  expect(find({ lastReceivedAt: now - dayMs }, told)).toEqual([]);
  expect(find({ lastReceivedAt: now - 30 * dayMs }, told)).toEqual([['phone-stalled', true, 4]]);
  // It was away until yesterday.
  expect(find({ lastReceivedAt: null, awayUntil: now - dayMs }, seen)).toEqual([['phone-stalled', false, 1]]);
  expect(find({ silentNights: 3 }, seen).map(([code]) => code)).toEqual(['phone-silent']);
});

test('what was acknowledged is on no page, and what cannot be known is not over', () => {
  const acknowledged: AlertMemory = { ...nothingBefore, acknowledged: (code) => code === 'clock-behind' };
  expect(needsOf({ ...well, clockBehind: true, damaged: 1, book: acknowledged }).map(({ code }) => code)).toEqual([
    'verification-failed',
  ]);
  const blind = assess({ ...well, library: 'missing', room: null, damaged: null });
  expect(blind.needs.map(({ code }) => code)).toEqual(['disk-missing']);
  expect([...blind.unknown].sort()).toEqual([
    'clock-ahead',
    'disk-full',
    'disk-nearly-full',
    'phone-silent',
    'phone-stalled',
    'refused-files',
    'verification-failed',
  ]);
});
