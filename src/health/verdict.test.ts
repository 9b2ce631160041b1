import { expect, test } from 'vitest';
import type { Alert, HomePhone, PhoneStateCode, Verdict } from './contract.ts';
import { verdictOf } from './verdict.ts';

const since = 1_000;
const watch: Alert = { code: 'clock-behind', severity: 'watch', params: {} };

function phone(id: string, state: PhoneStateCode, more: Partial<HomePhone> = {}): HomePhone {
  return {
    id,
    name: `${id}’s phone`,
    personId: `person ${id}`,
    person: id,
    client: null,
    tells: [],
    state,
    counts: null,
    newSinceWindow: { count: 0, bytes: 0 },
    arriving: null,
    lastReceivedAt: null,
    fromBrowser: 0,
    lastSignAt: 0,
    awayUntil: null,
    silentNights: 0,
    ...more,
  };
}
const counts = (safe: number) => ({ seen: safe, safe, waiting: 0, refused: 0, deleted: 0, fromBrowser: 0 });
const brought = (count: number) => ({ newSinceWindow: { count, bytes: count } });

const rows: ReadonlyArray<[when: string, needs: Alert[], phones: HomePhone[], verdict: Verdict]> = [
  ['nothing is there', [], [], { code: 'no-phone', params: {} }],
  ['nobody has a phone, and something needs somebody', [watch], [], { code: 'needs-you', params: { count: 1 } }],
  [
    'something needs somebody while files arrive',
    [watch, watch],
    [phone('mia', 'arriving', { arriving: { count: 3 } })],
    { code: 'needs-you', params: { count: 2 } },
  ],
  [
    'two bring files',
    [],
    [
      phone('tom', 'arriving', { arriving: { count: 3 } }),
      phone('mia', 'arriving', { arriving: { count: 9 } }),
      phone('ida', 'all-safe'),
    ],
    { code: 'arriving', params: { phone: 'mia', name: 'mia’s phone', person: 'mia', count: 9, phones: 2 } },
  ],
  [
    'every phone tells, and all of it is here',
    [],
    [phone('mia', 'all-safe', { counts: counts(8_412) }), phone('tom', 'all-safe', { counts: counts(8) })],
    { code: 'all-safe', params: { phones: 2, safe: 8_420 } },
  ],
  [
    'one of them does not tell: never all safe',
    [],
    [phone('mia', 'all-safe', { counts: counts(5), ...brought(1) }), phone('tom', 'came-in', brought(60))],
    { code: 'came-in', params: { phones: 2, count: 61, since } },
  ],
  [
    'one has not come yet',
    [],
    [phone('mia', 'came-in', brought(60)), phone('tom', 'not-yet')],
    { code: 'some-came', params: { came: 1, phones: 2, new: 0, since } },
  ],
  [
    'one has more to bring: it did not all come in',
    [],
    [phone('mia', 'came-in', brought(60)), phone('tom', 'waiting', { counts: counts(5), ...brought(2) })],
    { code: 'some-came', params: { came: 1, phones: 2, new: 0, since } },
  ],
  [
    'one was paired today: it has missed no night',
    [],
    [phone('mia', 'came-in', brought(60)), phone('tom', 'new')],
    { code: 'some-came', params: { came: 1, phones: 1, new: 1, since } },
  ],
  [
    'the first phone was paired a minute ago',
    [],
    [phone('mia', 'new')],
    { code: 'some-came', params: { came: 0, phones: 0, new: 1, since } },
  ],
  [
    'one is silent',
    [],
    [phone('mia', 'came-in'), phone('tom', 'silent')],
    { code: 'some-came', params: { came: 1, phones: 2, new: 0, since } },
  ],
];

test.each(rows)('%s', (_when, needs, phones, verdict) => {
  expect(verdictOf(needs, phones, since)).toEqual(verdict);
  expect(verdictOf(needs, phones.toReversed(), since)).toEqual(verdict);
});
