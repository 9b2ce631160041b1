/** How disks are asked, kept and tested, on a real database, with a clock that the test turns and disks that it speaks for. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import { DiskHealth, type HealthDisk } from './disk-health.ts';
import type { SmartType } from './smart-types.ts';

const dayMs = 24 * 60 * 60_000;
const usb: HealthDisk = { id: 'wwn-5000c500', transport: 'usb' };
const nvme: HealthDisk = { id: 'nvme-eui.0025', transport: 'nvme' };
const signal = new AbortController().signal;

let dir: string;
let database: Database;
let now: number;
let disks: HealthDisk[];
/** What each disk says in each way; in others it is silent. */
let answers: Map<string, Partial<Record<SmartType, unknown>>>;
let asked: string[];
let tests: string[];
let told: string[];
let health: DiskHealth;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-disk-health-'));
  const migrationsDir = join(import.meta.dirname, '../schema/box-state');
  database = Database.open(join(dir, 'box.sqlite'), { migrationsDir, create: true });
  now = Date.parse('2026-06-10T10:00:00Z');
  disks = [usb];
  answers = new Map();
  asked = [];
  tests = [];
  told = [];
  health = new DiskHealth({
    database,
    disks: () => disks,
    smart: async (id, type) => {
      asked.push(type);
      const answer = answers.get(id)?.[type];
      if (answer instanceof Error) throw answer;
      return { exitStatus: answer === undefined ? 2 : 0, report: answer ?? null };
    },
    selfTest: async (id, type, kind) => void tests.push(`${kind} ${id} ${type}`),
    onVerdict: (id, { verdict }) => told.push(`${id} ${verdict}`),
    now: () => now,
    log: { warn: () => undefined },
  });
});
afterEach(() => {
  database.close();
  rmSync(dir, { recursive: true });
});

type Told = { reallocated?: number; crc?: number; temperature?: number; hours?: number };
function hdd({ reallocated = 0, crc = 0, temperature = 30, hours = 100 }: Told = {}) {
  const attribute = (id: number, name: string, value: number) => ({ id, name, raw: { value, string: `${value}` } });
  const table = [attribute(5, 'Reallocated_Sector_Ct', reallocated), attribute(199, 'UDMA_CRC_Error_Count', crc)];
  return {
    device: { type: 'sat', protocol: 'ATA' },
    model_name: 'A disk',
    serial_number: 'SERIAL',
    rotation_rate: 5400,
    smart_status: { passed: true },
    temperature: { current: temperature },
    power_on_time: { hours },
    ata_smart_attributes: { table },
  };
}
const asleep = {
  device: { type: 'sat', protocol: 'ATA' },
  smartctl: { exit_status: 2, messages: [{ string: 'Device is in STANDBY mode, exit(2)' }] },
};

async function readLater(afterMs: number, answer: unknown, type: SmartType = 'sat,12'): Promise<void> {
  now += afterMs;
  answers.set(usb.id, { [type]: answer });
  await health.readAll(signal);
}

test('the way that is answered is found once, and kept', async () => {
  await readLater(0, hdd());
  expect(asked).toEqual(['auto', 'sat', 'sat,12']);
  asked = [];
  await readLater(6 * 60 * 60_000, hdd());
  expect(asked).toEqual(['sat,12']);
  expect(health.view(usb.id, 90)).toMatchObject({
    verdict: 'fine',
    advice: 'nothing',
    asleep: false,
    now: { kind: 'ata-hdd', model: 'A disk', serial: 'SERIAL', temperatureC: 30, testing: null },
  });
});

test('a sleeping disk is let sleep, and keeps what it said', async () => {
  await readLater(0, hdd({ reallocated: 2 }));
  const readAt = now;
  asked = [];
  await readLater(dayMs, asleep);
  expect(asked).toEqual(['sat,12']);
  expect(health.view(usb.id, 90)).toMatchObject({ verdict: 'watch', asleep: true, readAt, lookedAt: now });
  expect(health.view(usb.id, 90).history).toHaveLength(1);
});

test('one row a day, its highest temperature and its last counts, for 400 days', async () => {
  await readLater(0, hdd({ temperature: 41, reallocated: 1 }));
  await readLater(60_000, hdd({ temperature: 33, reallocated: 2 }));
  expect(health.view(usb.id, 90).history).toEqual([
    expect.objectContaining({ day: '2026-06-10', temperatureC: 41, reallocated: 2, wearPercentUsed: null }),
  ]);
  await readLater(399 * dayMs, hdd({ hours: 200 }));
  expect(health.view(usb.id, 400).history.map(({ day }) => day)).toEqual(['2026-06-10', '2027-07-14']);
  expect(health.view(usb.id, 399).history.map(({ day }) => day)).toEqual(['2027-07-14']);
  await readLater(dayMs, hdd({ hours: 220 }));
  expect(database.all('SELECT day FROM disk_reading')).toHaveLength(2);
});

test('growth counts from the oldest day of the last thirty, and never backwards', async () => {
  await readLater(0, hdd({ reallocated: 1 }));
  await readLater(20 * dayMs, hdd({ reallocated: 5 }));
  expect(health.judgement(usb.id).reasons.map(({ code }) => code)).toEqual(['reallocated']);
  await readLater(9 * dayMs, hdd({ reallocated: 6 }));
  expect(health.judgement(usb.id).reasons[0]).toMatchObject({
    code: 'reallocated-growing',
    params: { value: 5, days: 29 },
  });
  await readLater(2 * dayMs, hdd({ reallocated: 6 }));
  expect(health.judgement(usb.id).reasons.map(({ code }) => code)).toEqual(['reallocated']);
  await readLater(dayMs, hdd({ reallocated: 60, hours: 3 })); // Another disk, under this one's name.
  expect(health.judgement(usb.id).reasons.map(({ code }) => code)).toEqual(['reallocated']);
  expect(told).toEqual([`${usb.id} watch`, `${usb.id} replace-soon`, `${usb.id} watch`, `${usb.id} replace-soon`]);
});

test('what rises within the first day is no growth yet', async () => {
  await readLater(0, hdd({ reallocated: 1 }));
  await readLater(60_000, hdd({ reallocated: 8 }));
  expect(health.judgement(usb.id).reasons.map(({ code }) => code)).toEqual(['reallocated']);
  await readLater(60_000, hdd({ crc: 5_000 }));
  expect(health.judgement(usb.id).reasons.map(({ code }) => code)).toEqual(['crc-errors']);
  await readLater(dayMs, hdd({ crc: 5_002 }));
  expect(health.judgement(usb.id).verdict).toBe('fine');
  await readLater(dayMs, hdd({ crc: 5_005 }));
  expect(health.judgement(usb.id).reasons.map(({ code }) => code)).toEqual(['crc-errors-growing']);
});

test('a disk that falls silent is believed for three days, then tells nothing', async () => {
  await readLater(0, hdd());
  for (let tries = 0; tries < 11; tries += 1) await readLater(dayMs / 4, undefined);
  expect(health.judgement(usb.id).verdict).toBe('fine');
  await readLater(dayMs / 4, undefined);
  expect(health.judgement(usb.id)).toMatchObject({ verdict: 'tells-nothing' });
  await readLater(dayMs / 4, hdd(), 'sat,12');
  expect(health.judgement(usb.id).verdict).toBe('fine');
});

test('a disk whose questions fail is believed no longer than a silent one, and a bad one stays bad', async () => {
  await readLater(0, hdd());
  const hangs = new CodedError('command-failed', 'smartctl was stopped after 120 s.');
  const fails = async () => await expect(readLater(dayMs / 4, hangs)).rejects.toThrow('stopped');
  for (let tries = 0; tries < 11; tries += 1) await fails();
  expect(health.judgement(usb.id).verdict).toBe('fine');
  await fails();
  expect(health.judgement(usb.id).verdict).toBe('tells-nothing');
  answers.set(usb.id, { auto: hdd({ reallocated: 16 }), 'sat,12': hdd({ reallocated: 16 }) });
  await health.readAll(signal);
  for (let tries = 0; tries < 12; tries += 1) await readLater(dayMs / 4, undefined);
  expect(health.judgement(usb.id).verdict).toBe('replace-soon');
});

test('what only says its name is shown, and tells nothing', async () => {
  await readLater(0, { device: { type: 'scsi', protocol: 'SCSI' }, model_name: 'Bridge' }, 'scsi');
  expect(asked).toHaveLength(11);
  expect(health.view(usb.id, 1)).toMatchObject({
    verdict: 'tells-nothing',
    advice: 'try-another-enclosure',
    readAt: null,
    now: { kind: 'usb-unknown', model: 'Bridge' },
    history: [],
  });
});

test('one disk that cannot be asked is no reason to leave out the others', async () => {
  disks = [usb, nvme];
  answers.set(usb.id, { auto: new CodedError('command-failed', 'The helper did not answer.') });
  answers.set(nvme.id, { nvme: { device: { protocol: 'NVMe' }, smart_status: { passed: true } } });
  await health.readAll(signal);
  expect(health.judgement(nvme.id).verdict).toBe('fine');
  expect(() => health.view(usb.id, 1)).toThrow(expect.objectContaining({ code: 'not-found' }));
  disks = [usb];
  await expect(health.readAll(signal)).rejects.toMatchObject({ code: 'command-failed' });
});

test('what the box saw of a disk counts for thirty days', async () => {
  await health.saw(usb.id, 'io-error', 3);
  await health.saw(usb.id, 'io-error', 0.5);
  await health.saw(usb.id, 'damaged-file', 10);
  expect(health.judgement(usb.id).reasons).toMatchObject([
    { code: 'damaged-files', verdict: 'replace-soon', params: { value: 10 } },
    { code: 'io-errors', verdict: 'watch', params: { value: 3 } },
    { code: 'tells-nothing' },
  ]);
  now += 30 * dayMs;
  expect(health.judgement(usb.id).reasons).toMatchObject([{ code: 'tells-nothing' }]);
});

test('tests are begun when due: all short ones, one long one a day, none on a disk that is failing or asleep', async () => {
  disks = [usb, nvme];
  answers.set(nvme.id, { nvme: { device: { protocol: 'NVMe' }, smart_status: { passed: true } } });
  await readLater(0, hdd());
  await health.testDue('short', signal);
  await health.testDue('long', signal);
  await health.testDue('short', signal);
  await health.testDue('long', signal);
  expect(tests).toEqual([
    `short ${usb.id} sat,12`,
    `short ${nvme.id} nvme`,
    `long ${usb.id} sat,12`,
    `long ${nvme.id} nvme`,
  ]);

  disks = [usb];
  tests = [];
  await readLater(7 * dayMs, asleep);
  await health.testDue('short', signal);
  expect(tests).toEqual([]);
  await readLater(7 * dayMs, asleep); // Due twice over: it sleeps whenever it is looked at.
  await health.testDue('short', signal);
  expect(tests).toEqual([`short ${usb.id} sat,12`]);

  await readLater(7 * dayMs, { ...hdd(), smart_status: { passed: false } });
  await health.testDue('short', signal);
  const status = { value: 0xf9, remaining_percent: 90 };
  await readLater(1, { ...hdd(), ata_smart_data: { self_test: { status } } });
  await health.testDue('short', signal);
  expect(tests).toHaveLength(1);
  await readLater(1, hdd());
  await health.testDue('short', signal);
  expect(tests).toHaveLength(2);
});

test('somebody has it test itself now: it is asked at once, and no test begun beside one that runs', async () => {
  await expect(health.testNow('nobody', 'short')).rejects.toMatchObject({ code: 'not-found' });
  // It was never answered: there is no way to tell it.
  await expect(health.testNow(usb.id, 'short')).rejects.toMatchObject({ code: 'conflict' });
  answers.set(usb.id, { auto: hdd({ temperature: 41 }) });
  await health.testNow(usb.id, 'long');
  expect(tests).toEqual([`long ${usb.id} auto`]);
  expect(health.view(usb.id, 1)).toMatchObject({ now: { temperatureC: 41 }, events: { ioErrors: 0 } });
  const running = { self_test: { status: { value: 0xf9, remaining_percent: 90 } } };
  answers.set(usb.id, { auto: { ...hdd(), ata_smart_data: running } });
  await health.testNow(usb.id, 'short');
  expect(tests).toHaveLength(1);
  expect(health.view(usb.id, 1).now?.testing).toEqual({ percentLeft: 90 });
});
