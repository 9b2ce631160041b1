/**
 * What disks really said (`test/fixtures/smart`; each names where it is from), and what they might say to harm.
 * `recorded: false`: typed from a text or from documentation, since no JSON of such a disk was to be had.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rounds } from '../../test/support/counts.ts';
import { noEvents } from './disk-measures.ts';
import { type DiskVerdict, reasonCodes, verdicts } from './disk-rules.ts';
import { type Judgement, judge } from './disk-verdict.ts';
import { at } from './smart-json.ts';
import { readSmartctl, type SmartReading } from './smart-reading.ts';

const dir = join(import.meta.dirname, '../../test/fixtures/smart');
const recordings = new Map(
  readdirSync(dir).map((name) => {
    const { smart } = JSON.parse(readFileSync(join(dir, name), 'utf8')) as { smart: unknown };
    return [name.replace('.json', ''), smart];
  }),
);

type Expected = Readonly<{ verdict: DiskVerdict; reasons?: readonly string[]; reads: Partial<SmartReading> }>;
const said: Readonly<Record<string, Expected>> = {
  asleep: { verdict: 'tells-nothing', reasons: ['tells-nothing'], reads: { asleep: true, kind: 'ata-hdd' } },
  'hdd-hgst-exit-64': {
    // Bit 6: errors in its log, of long ago.
    verdict: 'watch',
    reasons: ['aged'],
    reads: { kind: 'ata-hdd', reallocated: 0, temperatureC: 26, powerOnHours: 83_425, crcErrors: 12 },
  },
  'hdd-hitachi-failing-behind-jmicron': {
    verdict: 'failing',
    reasons: [
      'self-assessment-failed',
      'attribute-failing',
      'reallocated',
      'several-signs',
      'self-test-failed', // the long one; the short ones since then passed
      'pending',
      'aged',
    ],
    reads: { deviceType: 'usbjmicron', reallocated: 1975, pending: 8, temperatureC: 25, selfAssessmentPassed: false },
  },
  'hdd-seagate-10tb-packed-hours': {
    verdict: 'fine',
    reasons: [],
    reads: { powerOnHours: 34_013, temperatureC: 25, commandTimeout: 0 },
  },
  'hdd-seagate-barracuda-reallocated': {
    verdict: 'replace-soon',
    reasons: ['reallocated'],
    reads: { reallocated: 304 },
  },
  'hdd-seagate-es3-packed-timeouts': {
    verdict: 'replace-soon',
    reasons: ['several-signs', 'reallocated', 'command-timeouts'],
    reads: { commandTimeout: 4, reallocated: 1, temperatureC: 22 },
  },
  'hdd-wd-re4-crc': {
    verdict: 'watch',
    reasons: ['crc-errors', 'aged'],
    reads: { crcErrors: 644, reallocated: 0, pending: 0 },
  },
  'hdd-wd-red': {
    verdict: 'fine',
    reasons: [],
    reads: { powerOnHours: 47_657, temperatureC: 34, wearPercentUsed: null },
  },
  'hdd-wd-red-aged': { verdict: 'watch', reasons: ['aged'], reads: { powerOnHours: 71_605 } },
  'hdd-wd-red-shingled': { verdict: 'fine', reasons: [], reads: { kind: 'ata-hdd', reallocated: 0 } },
  'hdd-wd-scorpio-failing-behind-jmicron': {
    verdict: 'failing',
    reads: { reallocated: 535, reportedUncorrect: 84, commandTimeout: 132, pending: 1, temperatureC: 27 },
  },
  'hdd-wd4000fyyx-reallocated-exit-4': {
    verdict: 'replace-soon',
    reasons: ['reallocated'],
    reads: { reallocated: 387 },
  },
  'not-opened': { verdict: 'tells-nothing', reasons: ['tells-nothing'], reads: { kind: 'none', model: null } },
  'nvme-intel-p4510-wear-73': {
    verdict: 'fine',
    reasons: [],
    reads: { kind: 'nvme', wearPercentUsed: 73, availableSparePercent: 99, availableSpareThresholdPercent: 10 },
  },
  'nvme-samsung-970-evo-media-errors': { verdict: 'watch', reasons: ['media-errors'], reads: { mediaErrors: 7 } },
  'nvme-samsung-only-worn': {
    // It calls itself failed, and is only past what its maker promised.
    verdict: 'replace-soon',
    reasons: ['worn'],
    reads: { criticalWarning: 4, selfAssessmentPassed: false, wearPercentUsed: 100 },
  },
  'nvme-wd-black-sn770': { verdict: 'fine', reasons: [], reads: { unsafeShutdowns: 29, temperatureC: 33 } },
  'sas-seagate-grown-defects': {
    verdict: 'watch',
    reasons: ['reallocated-blocks'],
    reads: { kind: 'usb-unknown', reallocated: 56, temperatureC: 34, powerOnHours: 43_549 },
  },
  'scsi-that-tells-nothing': { verdict: 'tells-nothing', reads: { kind: 'usb-unknown', temperatureC: null } },
  'sd-card-no-smart': { verdict: 'tells-nothing', reads: { kind: 'none' } },
  'ssd-crucial-mx500-worn': {
    // The pending sector never was: its firmware is known for it.
    verdict: 'replace-soon',
    reasons: ['attribute-worn', 'worn'],
    reads: { kind: 'ata-ssd', pending: null, wearPercentUsed: 99 },
  },
  'ssd-intel-s3500-wear-85': {
    verdict: 'fine',
    reasons: [],
    reads: { wearPercentUsed: 85, availableSparePercent: 100 },
  },
  'ssd-kingston-kc400-wear-26': { verdict: 'fine', reasons: [], reads: { wearPercentUsed: 26, reallocated: 1 } },
  'ssd-micron-5300': { verdict: 'fine', reasons: [], reads: { wearPercentUsed: 1, commandTimeout: 8, pending: 0 } },
  'ssd-samsung-840-crc': { verdict: 'watch', reasons: ['crc-errors'], reads: { crcErrors: 108, wearPercentUsed: 2 } },
  'ssd-samsung-860-evo': { verdict: 'fine', reasons: [], reads: { wearPercentUsed: 19, temperatureLimitC: 70 } },
  'usb-bridge-scsi-no-smart': { verdict: 'tells-nothing', reads: { kind: 'usb-unknown', temperatureC: null } },
  'usb-bridge-unknown': { verdict: 'tells-nothing', reads: { kind: 'usb-unknown' } },
  'usb-stick-sandisk': { verdict: 'fine', reasons: [], reads: { selfAssessmentPassed: null, powerOnHours: 11 } },
};

test('every recording is judged, and nothing else', () => {
  expect([...recordings.keys()].toSorted()).toEqual(Object.keys(said).toSorted());
});

test.each(Object.entries(said))('%s', (name, { verdict, reasons, reads }) => {
  const reading = readSmartctl(recordings.get(name));
  expect(reading).toMatchObject(reads);
  const judgement = judge({ reading, growth: null, events: noEvents });
  expect({ verdict: judgement.verdict, codes: judgement.reasons.map(({ code }) => code) }).toEqual({
    verdict,
    codes: reasons ?? expect.anything(),
  });
});

test("a disk that knows nothing of its wear by the vendor's number is asked by the standard's", () => {
  const ssd = structuredClone(recordings.get('ssd-samsung-860-evo')) as { ata_smart_attributes: { table: unknown[] } };
  ssd.ata_smart_attributes.table = [];
  expect(readSmartctl(ssd).wearPercentUsed).toBe(19);
  expect(readSmartctl({ ...ssd, endurance_used: { current_percent: 101 } }).wearPercentUsed).toBe(101);
});

test('an attribute is believed only under a name that means it', () => {
  const read = (rotation: number, ...table: [id: number, name: string, value: number, raw: number][]) =>
    readSmartctl({
      device: { protocol: 'ATA' },
      rotation_rate: rotation,
      ata_smart_attributes: {
        table: table.map(([id, name, value, raw]) => ({ id, name, value, raw: { value: raw, string: `${raw}` } })),
      },
    });
  expect(read(0, [197, 'Bogus_Current_Pend_Sect', 100, 1]).pending).toBeNull();
  expect(read(0, [202, 'Exception_Mode_Status', 3, 0], [233, 'Flash_Writes_GiB', 3, 0]).wearPercentUsed).toBeNull();
  expect(read(0, [202, 'Percent_Lifetime_Remain', 78, 22]).wearPercentUsed).toBe(22);
  expect(read(5400, [202, 'Percent_Lifetime_Remain', 78, 22]).wearPercentUsed).toBeNull();
  expect(at({}, '__proto__')).toBeUndefined();
  expect(at(['a'], 'length')).toBeUndefined();
});

test('the exit status is a field of bits, and of those only bit 3 is a word on the disk', () => {
  const hdd = recordings.get('hdd-wd-red') as Record<string, unknown>;
  const { smart_status: _, ...without } = hdd;
  for (let status = 0; status < 256; status += 1) {
    const { selfAssessmentPassed, exit } = readSmartctl({ ...without, smartctl: { exit_status: status } });
    expect(selfAssessmentPassed).toBe(status & 8 ? false : null);
    expect(exit.status).toBe(status);
  }
  expect(readSmartctl({ ...hdd, smartctl: { exit_status: 0b1101_0100 } }).exit).toMatchObject({
    badCommand: false,
    commandFailed: true,
    failing: false,
    prefailNow: true,
    errorsLogged: true,
    testsFailed: true,
  });
});

test('an NVMe disk that counts no spare blocks is not called one without any', () => {
  const nvme = recordings.get('nvme-wd-black-sn770') as { nvme_smart_health_information_log: object };
  const log = nvme.nvme_smart_health_information_log;
  const reads = (available_spare: number, available_spare_threshold: number) =>
    readSmartctl({
      ...nvme,
      nvme_smart_health_information_log: { ...log, available_spare, available_spare_threshold },
    });
  // As QEMU's does.
  expect(reads(0, 0)).toMatchObject({ availableSparePercent: null, availableSpareThresholdPercent: null });
  expect(reads(0, 10)).toMatchObject({ availableSparePercent: 0, availableSpareThresholdPercent: 10 });
  expect(reads(100, 0)).toMatchObject({ availableSparePercent: 100, availableSpareThresholdPercent: 0 });
});

test('tests of the disk: how they ended, and the one that runs', () => {
  const nvme = recordings.get('nvme-wd-black-sn770') as object;
  const entry = (code: number, result: number) => ({
    self_test_code: { value: code },
    self_test_result: { value: result },
    power_on_hours: 600,
  });
  const log = { current_self_test_operation: { value: 2 }, current_self_test_completion_percent: 30 };
  const table = [entry(1, 0), entry(2, 7), entry(2, 1), entry(0, 0), entry(1, 15)];
  expect(readSmartctl({ ...nvme, nvme_self_test_log: { ...log, table } }).selfTests).toEqual({
    done: [
      { kind: 'short', outcome: 'passed', atHours: 600 },
      { kind: 'long', outcome: 'failed', atHours: 600 },
      { kind: 'long', outcome: 'aborted', atHours: 600 },
    ],
    running: { percentLeft: 70 },
  });
  const ata = recordings.get('hdd-wd-red') as object;
  const status = { value: 0xf4, remaining_percent: 40 };
  expect(readSmartctl({ ...ata, ata_smart_data: { self_test: { status } } }).selfTests.running).toEqual({
    percentLeft: 40,
  });
});

test('a report that is none tells nothing', () => {
  const deep: unknown = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
  for (const report of [
    undefined,
    null,
    [],
    {},
    0,
    '',
    'smartctl: not found',
    deep,
    { smartctl: deep, device: deep },
  ]) {
    expect(readSmartctl(report)).toMatchObject({ kind: 'none', model: null, asleep: false });
  }
});

/** What a disk might put where something else is expected. */
const nasty: readonly unknown[] = [
  null,
  true,
  false,
  -1,
  0,
  0.5,
  255,
  256,
  65_536,
  2 ** 48,
  2 ** 53,
  1e308,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '',
  '9'.repeat(5_000),
  'a\u0000\u202e\ud800\n<b>',
  [],
  {},
  [[[]]],
  Array.from({ length: 300 }, (_, id) => ({ id, raw: { value: id } })),
  { length: 3, toString: 1, constructor: null },
  JSON.parse('{"__proto__":{"value":1}}'),
];

/** Puts something nasty into a random place of a copy. */
function mutated(original: unknown, random: () => number): unknown {
  const copy = structuredClone(original);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  for (let times = 1 + Math.floor(random() * 4); times > 0; times -= 1) {
    let here = copy as Record<string, unknown>;
    for (let depth = 0; depth < 8; depth += 1) {
      const keys = Object.keys(here);
      if (keys.length === 0) break;
      const key = pick(keys);
      const next = here[key];
      if (typeof next !== 'object' || next === null || random() < 0.2) {
        if (random() < 0.1) delete here[key];
        else here[key] = structuredClone(pick(nasty));
        break;
      }
      here = next as Record<string, unknown>;
    }
  }
  return copy;
}

test('whatever a disk says, there is a reading within its bounds and a verdict', () => {
  let seed = 8;
  const random = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const originals = [...recordings.values()];
  const all = rounds(3_000, 300_000);
  for (let round = 0; round < all; round += 1) {
    const reading = readSmartctl(mutated(originals[round % originals.length], random));
    const judgement = judge({ reading, growth: null, events: noEvents });
    const wrong = wrongIn(reading, judgement);
    if (wrong !== undefined) expect.fail(`${wrong}, in round ${round}`);
  }
});

function wrongIn(reading: SmartReading, { verdict, reasons }: Judgement): string | undefined {
  for (const [name, value] of Object.entries(reading)) {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) return `${name} is ${value}`;
    if (typeof value === 'string' && !/^[^\p{C}]{1,80}$/u.test(value)) return `${name} is ${JSON.stringify(value)}`;
  }
  if (JSON.stringify(reading).length > 8_192) return 'it is too long to keep';
  if (!verdicts.includes(verdict)) return `the verdict is ${verdict}`;
  const reason = reasons.find(
    ({ code, params }) => !reasonCodes.includes(code) || !Object.values(params).every(Number.isSafeInteger),
  );
  return reason && `a reason is ${JSON.stringify(reason)}`;
}
