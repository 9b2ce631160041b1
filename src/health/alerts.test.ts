import { expect, test } from 'vitest';
import { CodedError } from '../platform/errors.ts';
import { needsOf } from './alerts.ts';
import type { HomePhone } from './contract.ts';
import type { Facts } from './facts.ts';

const now = 1_000_000_000_000;
const reserveBytes = 16 * 1024 * 1024;
const well: Facts = {
  now,
  owner: true,
  phones: [],
  library: 'ok',
  problem: undefined,
  breaks: [],
  room: { totalBytes: 1e12, freeBytes: 1e11 },
  reserveBytes,
  secondFactor: true,
  firstRunOver: true,
  clockBehind: false,
  videoToolsMissing: false,
};
const away = (cause?: Error) => new CodedError('disk-missing', 'Not there.', cause === undefined ? {} : { cause });
const failure = (code: string) => Object.assign(new Error(code), { code });
const minutesAgo = (...minutes: number[]) => minutes.map((one) => now - one * 60_000);

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
  ['there is room for a photo', { room: { totalBytes: 1e12, freeBytes: 2 * reserveBytes } }, []],
  ['there is not', { room: { totalBytes: 1e12, freeBytes: 2 * reserveBytes - 1 } }, ['act disk-full']],
  ['only the password guards the box', { secondFactor: false }, ['watch second-factor-missing']],
  ['the first run will ask for it', { secondFactor: false, firstRunOver: false }, []],
  ['it is a member who has none', { secondFactor: false, owner: false }, []],
  ['the clock is wrong', { clockBehind: true }, ['watch clock-behind']],
  ['the clock is wrong, for a member', { clockBehind: true, owner: false }, []],
  ['videos wait', { videoToolsMissing: true }, ['watch video-tools-missing']],
  [
    'everything is wrong: the worst first',
    { secondFactor: false, clockBehind: true, library: 'missing' },
    ['act disk-missing', 'watch second-factor-missing', 'watch clock-behind'],
  ],
];

test.each(rows)('%s', (_when, facts, alerts) => {
  expect(needsOf({ ...well, ...facts }).map(({ severity, code }) => `${severity} ${code}`)).toEqual(alerts);
});

test('files that were refused are said of each phone, without what its owner deleted', () => {
  const phone = (id: string, refused: number, deleted: number): HomePhone => ({
    id,
    name: `${id}’s`,
    personId: 'p',
    person: id,
    client: null,
    tells: [],
    state: 'refused',
    counts: { seen: 9, safe: 9 - refused, waiting: 0, refused, deleted, fromBrowser: 0 },
    newSinceWindow: { count: 0, bytes: 0 },
    arriving: null,
    lastReceivedAt: null,
    silentNights: 0,
  });
  const phones = [phone('mia', 3, 1), phone('tom', 2, 2), { ...phone('ida', 1, 0), counts: null }];
  expect(needsOf({ ...well, phones })).toEqual([
    { code: 'refused-files', severity: 'watch', params: { phone: 'mia', name: 'mia’s', person: 'mia', count: 2 } },
  ]);
});
