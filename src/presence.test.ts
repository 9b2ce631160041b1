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

/** One start and stop of the box at this time. */
async function start(now: number, name = 'nightjar'): Promise<void> {
  const presence = await Presence.open({
    config: { stateDir: dir, name, hosts: [], discovery: false, tlsFiles: undefined },
    settings: new Settings(database),
    now: () => now,
    log: createLog({ level: 'silent' }),
    onNameLeaf: (change) => void told.push(change),
  });
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
