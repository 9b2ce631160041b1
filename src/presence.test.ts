import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Database } from './platform/database.ts';
import { createLog } from './platform/log.ts';
import { Settings } from './platform/settings.ts';
import { type NameLeafChange, Presence } from './presence.ts';

const dayMs = 86_400_000;
const november = Date.parse('2026-11-21T12:00:00Z');
const doors = { boxId: 'x', version: '1', httpPort: 1, httpsPort: 2, refreshTls: () => undefined };
let dir: string;
let database: Database;
let told: NameLeafChange[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nightjar-presence-'));
  const migrationsDir = new URL('./schema/box-state', import.meta.url).pathname;
  database = Database.open(join(dir, 'nightjar.sqlite'), { migrationsDir, create: true });
  told = [];
});
afterEach(async () => {
  database.close();
  await rm(dir, { recursive: true });
});

function open(now: number, name = 'nightjar'): Promise<Presence> {
  return Presence.open({
    config: { stateDir: dir, name, hosts: [], discovery: false, tlsFiles: undefined },
    settings: new Settings(database),
    now: () => now,
    log: createLog({ level: 'silent' }),
    onNameLeaf: (change) => void told.push(change),
  });
}

/** One start and stop of the box at this time. */
async function start(now: number, name = 'nightjar'): Promise<void> {
  const presence = await open(now, name);
  // Nobody is told before there is somebody to tell.
  expect(told).toEqual([]);
  await presence.announce(doors);
  await presence.close();
}

test('14 days before another certificate of the name comes it is told, once; and then that it came', async () => {
  await start(november);
  expect(told.splice(0)).toEqual([]);
  // 824 days from the build date, less 30.
  const at = Date.UTC(2026, 10, 1) + 794 * dayMs;
  await start(at - 15 * dayMs);
  expect(told.splice(0)).toEqual([]);
  await start(at - 13 * dayMs);
  expect(told.splice(0)).toEqual([{ change: 'due', at }]);
  for (const now of [at - 12 * dayMs, at - 20 * dayMs, at - 1]) await start(now);
  expect(told.splice(0)).toEqual([]);
  await start(at);
  expect(told.splice(0)).toEqual([{ change: 'renewed', why: 'expiry' }]);
  await start(at + dayMs);
  expect(told.splice(0)).toEqual([]);
});

test('another name is told at once', async () => {
  await start(november);
  await start(november, 'owl');
  expect(told).toEqual([{ change: 'renewed', why: 'names' }]);
});

/** In one write, as its caller does. */
const commit = (putInWrite: () => void) => database.write(putInWrite);

test('the owner’s name goes before the configured one; the one before is answered to until the next start', async () => {
  const presence = await open(november);
  let refreshed = 0;
  await presence.announce({ ...doors, refreshTls: () => void refreshed++ });
  const before = presence.contexts.contextFor('nightjar.local');
  const byAddress = presence.contexts.contextFor('10.0.0.7');
  await presence.rename('owl', commit);
  expect([presence.name, presence.chosenName]).toEqual(['owl', 'owl']);
  expect(presence.certificates.names).toEqual(['owl.local']);
  expect(told.splice(0)).toEqual([{ change: 'renewed', why: 'names' }]);
  expect(refreshed).toBe(1);
  const now = presence.contexts.contextFor('owl.local');
  expect(now).not.toBe(byAddress);
  // With the certificate that names it: pages that are open there ask on new connections too.
  expect(presence.contexts.contextFor('NIGHTJAR.local.')).toBe(before);
  expect(['owl.local', 'nightjar.local', 'wren.local', 'nightjar'].map((host) => presence.allowHost(host))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  // The same again is nothing: no certificate, no write.
  await presence.rename('owl', () => Promise.reject(new Error('nothing is to be written')));
  expect(told).toEqual([]);
  await presence.close();

  const next = await open(november, 'nightjar');
  expect(next.name).toBe('owl');
  expect(next.allowHost('owl.local')).toBe(true);
  expect(next.allowHost('nightjar.local')).toBe(false);
  await next.announce(doors);
  expect(told).toEqual([]);
  await next.close();
});

test('what a write refuses leaves the old name whole; a crash before it too', async () => {
  const presence = await open(november);
  await presence.announce(doors);
  await expect(presence.rename('owl', () => Promise.reject(new Error('the disk is full')))).rejects.toThrow('full');
  expect([presence.name, presence.chosenName]).toEqual(['nightjar', 'nightjar']);
  expect(presence.certificates.names).toEqual(['nightjar.local']);
  expect(presence.allowHost('owl.local')).toBe(false);
  // The plug is pulled when the certificate was there and the name was not.
  const hanging = new Promise<void>(() => undefined);
  void presence.rename('owl', () => hanging);
  await expect.poll(() => presence.certificates.names).toEqual(['owl.local']);
  const next = await open(november);
  expect(next.name).toBe('nightjar');
  expect(next.certificates.names).toEqual(['nightjar.local']);
});

test('there and back, many times: eight names of before at most are kept', async () => {
  const presence = await open(november);
  await presence.announce(doors);
  await Promise.all(Array.from({ length: 10 }, (_, count) => presence.rename(`owl${count}`, commit)));
  await presence.rename('nightjar', commit);
  expect(presence.name).toBe('nightjar');
  const known = Array.from({ length: 10 }, (_, count) => presence.allowHost(`owl${count}.local`));
  expect(known.map(Number).join('')).toBe('0011111111');
  await presence.close();
});
