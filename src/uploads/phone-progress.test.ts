import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { UploadsEvent } from './contract.ts';
import { PhoneProgress } from './phone-progress.ts';
import type { Upload } from './upload.ts';

type State = { finished: boolean; arriving: number; length: number | undefined };
type Told = Omit<UploadsEvent, 'type'> & { personId: string };

let told: Told[];
let progress: PhoneProgress;
beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  const tell = (personId: string, { type: _type, ...event }: UploadsEvent) => void told.push({ personId, ...event });
  progress = new PhoneProgress(tell, { progressEveryMs: 1_000, burstRestMs: 5_000 });
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** An upload that is used until `end`: of a real one only these members are looked at. */
function use(phoneId: string, length: number | undefined) {
  const state: State = { finished: false, arriving: 0, length };
  const upload = Object.assign(state, { owner: { phoneId, person: { id: `person of ${phoneId}` } } });
  const turn = Promise.withResolvers<void>();
  const done = progress.follow(upload as unknown as Upload, () => turn.promise);
  const end = async (how: 'finished' | 'left' | 'failed') => {
    state.finished = how === 'finished';
    if (how === 'failed') turn.reject(new Error('the disk is full'));
    else turn.resolve();
    await done.catch(() => undefined);
  };
  return { state, end };
}

const quiet = { personId: 'person of a', phone: 'a', uploads: 0, bytes: 0, length: 0 };

test('tells once a second what goes on, only what is new, and once when the burst is over', async () => {
  const one = use('a', 100);
  const two = use('a', 50);
  one.state.arriving = 10;
  vi.advanceTimersByTime(999);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(1);
  const first = { ...quiet, uploads: 2, bytes: 10, length: 150, arrived: 0, ended: false };
  expect(told).toEqual([first]);
  vi.advanceTimersByTime(3_000);
  expect(told).toHaveLength(1);
  for (let bytes = 11; bytes < 90; bytes++) {
    one.state.arriving = bytes;
    vi.advanceTimersByTime(10);
  }
  expect(told).toHaveLength(1);
  vi.advanceTimersByTime(210);
  expect(told[1]).toEqual({ ...first, bytes: 89 });
  await one.end('finished');
  await two.end('failed');
  vi.advanceTimersByTime(1_000);
  expect(told[2]).toEqual({ ...quiet, arrived: 1, ended: false });
  vi.advanceTimersByTime(60_000);
  expect(told.slice(3)).toEqual([{ ...quiet, arrived: 1, ended: true }]);
});

test('a phone that goes on within the rest goes on with its burst; after it, a new one begins', async () => {
  for (let file = 0; file < 3; file++) {
    await use('a', 10).end('finished');
    vi.advanceTimersByTime(4_000);
  }
  expect(told.map(({ arrived, ended }) => [arrived, ended])).toEqual([
    [1, false],
    [2, false],
    [3, false],
  ]);
  vi.advanceTimersByTime(1_000);
  expect(told.at(-1)).toEqual({ ...quiet, arrived: 3, ended: true });
  await use('a', 10).end('finished');
  vi.advanceTimersByTime(1_000);
  expect(told.at(-1)).toEqual({ ...quiet, arrived: 1, ended: false });
  progress.close();
});

test('a phone that only asks begins nothing, and a finished upload that is asked about does not arrive again', async () => {
  await use('a', 10).end('left');
  const asked = use('b', 10);
  vi.advanceTimersByTime(500);
  await asked.end('left');
  vi.advanceTimersByTime(60_000);
  expect(told).toEqual([]);
  const state = { finished: true, arriving: 10, length: 10, owner: { phoneId: 'a', person: { id: 'p' } } };
  await progress.follow(state as unknown as Upload, async () => undefined);
  vi.advanceTimersByTime(60_000);
  expect(told).toEqual([]);
});

test('each phone has its own burst, and a length that is not known is not made up', () => {
  use('a', undefined);
  use('a', 10);
  use('b', 20);
  vi.advanceTimersByTime(1_000);
  expect(told.map(({ phone, uploads, length }) => ({ phone, uploads, length }))).toEqual([
    { phone: 'a', uploads: 2, length: null },
    { phone: 'b', uploads: 1, length: 20 },
  ]);
  progress.close();
});
