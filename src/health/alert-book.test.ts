/** An alert's way through its states, on a real database, with a clock that the test turns. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PersonCaller } from '../http/caller.ts';
import { Database } from '../platform/database.ts';
import { AlertBook, type AlertChange } from './alert-book.ts';
import type { AlertCode } from './contract.ts';
import type { Need } from './facts.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const owner: PersonCaller = { kind: 'person', personId: 'alice', role: 'owner', sessionId: 's' };
const bob: PersonCaller = { kind: 'person', personId: 'bob', role: 'member', sessionId: 's' };
const carol: PersonCaller = { kind: 'person', personId: 'carol', role: 'member', sessionId: 's' };
const nothing = { needs: [], unknown: new Set<AlertCode>() };

let dir: string;
let database: Database;
let now: number;
let told: string[];
let audited: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-alerts-'));
  const migrationsDir = join(import.meta.dirname, '../schema/box-state');
  database = Database.open(join(dir, 'box.sqlite'), { migrationsDir, create: true });
  now = Date.parse('2026-06-10T10:00:00Z');
  told = [];
  audited = [];
});
afterEach(() => {
  database.close();
  rmSync(dir, { recursive: true });
});

function open(): AlertBook {
  const book = new AlertBook({
    database,
    now: () => now,
    personOf: (phoneId) => (phoneId === 'bobs' ? 'bob' : null),
    record: ({ event, actor }) => audited.push(`${event} by ${actor}`),
    onChangeInWrite: ({ change, alert }: AlertChange) => told.push(`${change} ${alert.code}`),
  });
  book.open();
  return book;
}
const take = (book: AlertBook, ...needs: Need[]) => book.take({ ...nothing, needs });
const states = (book: AlertBook) => book.list({ kind: 'console' }).map(({ code, state }) => `${state} ${code}`);
const silent = (nights: number, level = 0): Need => ({
  code: 'phone-silent',
  severity: 'watch',
  params: { phone: 'bobs', name: 'Pixel', person: 'Bob', nights },
  level,
});
const full: Need = { code: 'disk-full', severity: 'act', params: { freeBytes: 1 } };
const away: Need = { code: 'disk-missing', severity: 'act', params: {} };

test('raised, acknowledged, cleared; and raised again as another one', async () => {
  const book = open();
  await take(book, silent(3));
  await take(book, silent(3));
  expect([states(book), told]).toEqual([['raised phone-silent'], ['raised phone-silent']]);
  const [alert] = book.list(owner);
  expect(alert).toMatchObject({ advice: { code: 'open-the-app-at-home', params: { nights: 3 } }, raisedAt: now });
  now += hourMs;
  const seen = await book.acknowledge(alert?.id ?? 0, bob);
  expect(seen).toMatchObject({ state: 'acknowledged', acknowledgedAt: now });
  await book.acknowledge(alert?.id ?? 0, bob);
  expect(audited).toEqual(['alert-acknowledged by person:bob']);
  await take(book, silent(4));
  expect([book.acknowledged('phone-silent', 'bobs'), told.length]).toEqual([true, 1]);
  await take(book);
  expect([states(book), told.at(-1)]).toEqual([[], 'cleared phone-silent']);
  expect(book.cleared(owner)).toMatchObject([{ state: 'cleared', clearedAt: now, params: { nights: 4 } }]);
  await take(book, silent(3));
  expect(book.list(owner)[0]?.id).toBeGreaterThan(alert?.id ?? 0);
  expect(told).toEqual(['raised phone-silent', 'cleared phone-silent', 'raised phone-silent']);
});

test('what comes and goes is one alert, and is told of once', async () => {
  const book = open();
  for (let minute = 0; minute < 120; minute += 1) {
    await take(book, ...(minute % 2 === 0 ? [full] : []));
    now += minuteMs;
  }
  expect([states(book), told]).toEqual([['raised disk-full'], ['raised disk-full']]);
  for (let minute = 0; minute < 59; minute += 1) {
    await take(book);
    now += minuteMs;
  }
  expect(states(book)).toEqual(['raised disk-full']);
  now += 2 * minuteMs;
  await take(book);
  expect([states(book), told]).toEqual([[], ['raised disk-full', 'cleared disk-full']]);
});

test('a disk that is back before two minutes are over is nobody’s trouble', async () => {
  const book = open();
  await take(book, away);
  now += minuteMs;
  await take(book);
  expect([states(book), told, book.since('disk-missing')]).toEqual([[], [], undefined]);
  await take(book, away);
  now += 2 * minuteMs;
  await take(book, away);
  expect([states(book), told]).toEqual([['raised disk-missing'], ['raised disk-missing']]);
});

test('what may pass by itself is remembered, and said to nobody; also through a restart', async () => {
  const hot: Need = { code: 'temperature-high', severity: 'watch', params: { celsius: 81 }, ready: false };
  const book = open();
  await take(book, hot);
  expect([states(book), book.since('temperature-high'), book.raised('temperature-high')]).toEqual([[], now, false]);
  const since = now;
  now += 10 * minuteMs;
  const again = open();
  expect(again.since('temperature-high')).toBe(since);
  await take(again, { ...hot, ready: undefined } as unknown as Need);
  expect(again.list(owner)).toMatchObject([{ since, raisedAt: now }]);
  expect(open().raised('temperature-high')).toBe(true);
});

test('what grows worse asks again for who has acknowledged it; what cannot be known stays', async () => {
  const book = open();
  await take(book, silent(3));
  await book.acknowledge(book.list(owner)[0]?.id ?? 0, owner);
  await take(book, silent(13));
  expect(states(book)).toEqual(['acknowledged phone-silent']);
  await take(book, silent(14, 1));
  expect([states(book), told.at(-1)]).toEqual([['raised phone-silent'], 'worse phone-silent']);
  await book.take({ needs: [], unknown: new Set(['phone-silent']) });
  expect(states(book)).toEqual(['raised phone-silent']);
});

test('a member sees what concerns their phones and what keeps everybody’s photos out, and acknowledges the first', async () => {
  const book = open();
  const clock: Need = { code: 'clock-ahead', severity: 'watch', params: { seconds: 400 } };
  await take(book, silent(3), full, clock);
  const codes = (who: PersonCaller) => book.list(who).map(({ code }) => code);
  expect(codes(owner)).toEqual(['disk-full', 'clock-ahead', 'phone-silent']);
  expect(codes(bob)).toEqual(['disk-full', 'phone-silent']);
  expect(codes(carol)).toEqual(['disk-full']);
  const idOf = (code: string) => book.list(owner).find((one) => one.code === code)?.id ?? 0;
  await expect(book.acknowledge(idOf('phone-silent'), carol)).rejects.toMatchObject({ code: 'not-found' });
  await expect(book.acknowledge(idOf('disk-full'), bob)).rejects.toMatchObject({ code: 'not-found' });
  await book.acknowledge(idOf('phone-silent'), bob);
  await take(book);
  expect(book.cleared(carol)).toEqual([]);
  expect(book.cleared(bob).map(({ code }) => code)).toEqual(['phone-silent']);
});

test('an acknowledgement during a look is not lost, and where nothing changed nothing is written', async () => {
  const book = open();
  await take(book, silent(3), full);
  const id = book.list(owner).find(({ code }) => code === 'disk-full')?.id ?? 0;
  const changed: Need = { ...full, params: { freeBytes: 2 } };
  now += 7 * hourMs;
  await Promise.all([take(book, silent(3), changed), book.acknowledge(id, owner)]);
  expect(book.acknowledged('disk-full')).toBe(true);
  expect(open().acknowledged('disk-full')).toBe(true);
  const before = database.get<{ n: number }>('SELECT total_changes() AS n')?.n;
  await take(book, silent(3), { ...full, params: { freeBytes: 3 } });
  expect(database.get<{ n: number }>('SELECT total_changes() AS n')?.n).toBe(before);
  // All the same it is what is shown.
  expect(book.list(owner).find(({ code }) => code === 'disk-full')?.params).toEqual({ freeBytes: 3 });
});

test('what was cleared more than 400 days ago is forgotten', async () => {
  const book = open();
  await take(book, silent(3));
  await take(book);
  now += 399 * 24 * hourMs;
  await book.forgetOld();
  expect(book.cleared(owner).length).toBe(1);
  now += 2 * 24 * hourMs;
  await book.forgetOld();
  expect(book.cleared(owner)).toEqual([]);
});

test('neither waits for years nor lasts for years after the clock was ahead', async () => {
  const book = open();
  const yearsMs = 4 * 365 * 24 * hourMs;
  await take(book, full);
  now += yearsMs;
  // One begins to be over, and one begins.
  await take(book, away);
  now -= yearsMs;
  await take(book, away);
  expect([book.since('disk-missing'), states(book)]).toEqual([now, ['raised disk-full']]);
  now += hourMs;
  await take(book, away);
  expect(states(book)).toEqual(['raised disk-missing']);
});
