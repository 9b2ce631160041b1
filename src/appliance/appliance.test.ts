import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { BoxState } from '../../test/support/box-state.ts';
import { TimeServerForTests } from '../../test/support/time-server.ts';
import type { Access } from '../access/access.ts';
import { AuditLog } from '../access/audit-log.ts';
import { Clock } from '../platform/clock.ts';
import { CodedError } from '../platform/errors.ts';
import { Settings } from '../platform/settings.ts';
import { Appliance, type BoxPresence } from './appliance.ts';

const console = { kind: 'console' } as const;
const dayMs = 86_400_000;
const certificates = { nameValidUntil: 1, addressValidUntil: 2, names: ['nightjar.local'], owners: null };
let box: BoxState;
let access: Access;
let servers: string[];
/** The clock of the machine, which has no battery. */
let machine: { ms: number };

beforeEach(async () => {
  box = new BoxState();
  ({ access } = await box.openClaimed());
  servers = [];
  machine = { ms: 0 };
  return () => box[Symbol.asyncDispose]();
});

/** As after a start. What follows from a name is not there; it refuses what `refuses` throws. */
function open(refuses?: () => void): Appliance {
  const { database } = box;
  const presence: BoxPresence = {
    name: 'nightjar',
    chosenName: 'nightjar',
    fingerprint: 'cd'.repeat(32),
    certificates,
    facts: (port) => ({ addresses: [`nightjar.local:${port}`] }),
    rename: async (_name, commit) => {
      refuses?.();
      await commit(() => undefined);
    },
  };
  const settings = new Settings(database);
  const clock = new Clock({
    system: () => machine.ms,
    steady: () => performance.now(),
    saved: Number(settings.text('clock.saved')) || box.now() - dayMs,
    save: async () => undefined,
    madeAt: 0,
  });
  const appliance = new Appliance({
    database,
    presence,
    clock,
    timeServers: servers,
    ports: () => ({ httpPort: 80, httpsPort: 443 }),
    version: '1',
    facts: () => ({ claimed: true, secondFactor: false, recovery: false, phones: 0, disks: 'none-to-make' }),
    record: (entry) => access.record(entry),
    requireConfirmed: () => undefined,
    now: clock.now,
    randomBytes,
    log: pino({ level: 'silent' }),
  });
  appliance.open();
  return appliance;
}

function audited(event: string) {
  const { entries } = new AuditLog(box.database).page(undefined, 100);
  return entries.filter((entry) => entry.event === event).map(({ actor, detail }) => ({ actor, detail }));
}

test('a box without a battery takes the internet’s time, says whose it is, and remembers that', async () => {
  await using server = await TimeServerForTests.start(box.now);
  servers = [`127.0.0.1:${server.port}`];
  const appliance = open();
  expect(appliance.view(console).timeSource).toEqual({ source: 'system', toldAt: null });
  expect(box.now() - appliance.view(console).now).toBeGreaterThan(dayMs / 2);
  await appliance.change({ internetTime: true }, console);
  await expect.poll(() => appliance.view(console).timeSource.source).toBe('internet');
  const { now, timeSource, internetAnswer } = appliance.view(console);
  expect(Math.abs(now - box.now())).toBeLessThan(60_000);
  expect(Math.abs((timeSource.toldAt ?? 0) - box.now())).toBeLessThan(60_000);
  expect(Math.abs((internetAnswer?.aheadMs ?? 0) - dayMs)).toBeLessThan(60_000);
  expect(audited('time-told')).toEqual([{ actor: 'nobody', detail: { now: timeSource.toldAt, by: 'internet' } }]);
  // A page of the owner comes next; and then the machine has a time of its own.
  await appliance.browserTold(console);
  expect(appliance.view(console).timeSource.source).toBe('browser');
  const next = open();
  expect(next.view(console).timeSource.source).toBe('browser');
  machine.ms = box.now() + dayMs;
  expect(next.view(console).timeSource).toMatchObject({ source: 'system', toldAt: expect.any(Number) });
  await appliance.close();
});

test('a time that lies out of bounds is not taken', async () => {
  await using server = await TimeServerForTests.start(() => box.now() - 10 * dayMs);
  servers = [`127.0.0.1:${server.port}`];
  const appliance = open();
  const before = appliance.view(console).now;
  await appliance.change({ internetTime: true }, console);
  await expect.poll(() => appliance.view(console).internetAnswer).not.toBeNull();
  const { timeSource, internetAnswer, now } = appliance.view(console);
  expect(timeSource).toEqual({ source: 'system', toldAt: null });
  expect(internetAnswer?.aheadMs).toBeLessThan(-8 * dayMs);
  expect(now).toBeGreaterThanOrEqual(before);
  expect(audited('time-told')).toEqual([]);
  await appliance.close();
});

test('a time zone that this program does not know any more is the machine’s', async () => {
  const machines = Intl.DateTimeFormat().resolvedOptions().timeZone;
  await new Settings(box.database).putText('box.time-zone', 'Europe/Atlantis');
  const appliance = open();
  expect(appliance.timeZone()).toBe(machines);
  await appliance.change({ timeZone: 'Asia/Tokyo' }, console);
  expect(appliance.timeZone()).toBe('Asia/Tokyo');
  expect(open().timeZone()).toBe('Asia/Tokyo');
  expect(audited('time-zone-changed')).toEqual([{ actor: 'console', detail: { from: machines, to: 'Asia/Tokyo' } }]);
});

test('a choice of the first run that fails, in whatever way, is told and throws nothing', async () => {
  const tell = (error: Error) =>
    open(() => {
      throw error;
    }).takeFirst({ name: 'attic' }, 'anna');
  expect(await tell(new CodedError('disk-full', 'No room is left.'))).toEqual({
    name: { applied: false, problem: 'No room is left.' },
    timeZone: null,
  });
  const { name } = await tell(new Error('ENOENT: /secret/place'));
  expect(name).toEqual({ applied: false, problem: expect.not.stringContaining('secret') });
  expect(audited('box-renamed')).toEqual([]);
});
