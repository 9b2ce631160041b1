/**
 * Makes one neutral reading of what `smartctl --json -x` printed. Believes nothing: a disk's firmware and a USB bridge
 * have their say in every field. Decides nothing: `disk-verdict.ts` does. Pure; never throws.
 */
import { type AttributeCounts, readAttributes } from './smart-attributes.ts';
import { at, count, flag, integer, line, list, percent } from './smart-json.ts';
import { readSelfTests, type SelfTests } from './smart-self-tests.ts';

export type DiskKind = 'ata-hdd' | 'ata-ssd' | 'nvme' | 'usb-unknown' | 'none';

/** Null: the disk does not tell. Counts are of the disk's whole life. */
export type SmartReading = AttributeCounts &
  Readonly<{
    /** `usb-unknown`: behind a bridge that passes nothing on (or speaks SCSI); `none`: no such thing as SMART here. */
    kind: DiskKind;
    /** The `-d` type that smartctl used. */
    deviceType: string | null;
    model: string | null;
    serial: string | null;
    firmware: string | null;
    capacityBytes: number | null;
    /** It sleeps and was let sleep (`-n standby`): nothing else is told. */
    asleep: boolean;
    /** What the disk itself calls its upper limit in operation. */
    temperatureLimitC: number | null;
    mediaErrors: number | null;
    /** NVMe's byte of warnings. */
    criticalWarning: number | null;
    /** The disk's own word on itself. */
    selfAssessmentPassed: boolean | null;
    selfTests: SelfTests;
    exit: SmartctlExit;
  }>;

/** smartctl(8), EXIT STATUS: a field of bits of which few mean that something is wrong with the disk. */
type SmartctlExit = Readonly<{
  /** Null: not told. */
  status: number | null;
  /** Bit 0. */
  badCommand: boolean;
  /** Bit 1: could not be opened, gave no identity, or sleeps. */
  notOpened: boolean;
  /** Bit 2: some command failed or a checksum was wrong; common behind USB bridges, and harmless alone. */
  commandFailed: boolean;
  /** Bit 3: it calls itself failing. */
  failing: boolean;
  /** Bit 4: an attribute is at or below its threshold now. */
  prefailNow: boolean;
  /** Bit 5: one was, or one that only means age is. */
  belowBefore: boolean;
  /** Bit 6: its log holds errors, perhaps of years ago. */
  errorsLogged: boolean;
  /** Bit 7: its log holds failed tests. */
  testsFailed: boolean;
}>;

/** `smart`: the JSON that smartctl printed, parsed. `exitStatus`: of its process, should the JSON not say. */
export function readSmartctl(smart: unknown, exitStatus: number | null = null): SmartReading {
  const kind = kindOf(smart);
  const common = {
    kind,
    deviceType: line(at(smart, 'device', 'type'), 32),
    model: line(at(smart, 'model_name') ?? at(smart, 'scsi_model_name'), 80),
    serial: line(at(smart, 'serial_number'), 64),
    firmware: line(at(smart, 'firmware_version') ?? at(smart, 'scsi_revision') ?? at(smart, 'revision'), 32),
    capacityBytes: integer(at(smart, 'user_capacity', 'bytes'), 1, Number.MAX_SAFE_INTEGER),
    asleep: messages(smart).some((message) => /\bdevice is in (standby|sleep)\b/i.test(message)),
    exit: exitOf(integer(at(smart, 'smartctl', 'exit_status'), 0, 255) ?? integer(exitStatus, 0, 255)),
  };
  if (common.asleep || kind === 'none') return { ...nothing, ...common };
  const told =
    kind === 'nvme' ? nvmeHealth(smart) : kind === 'usb-unknown' ? scsiHealth(smart) : ataHealth(smart, kind);
  return withoutLies({
    ...nothing,
    ...told,
    ...common,
    selfAssessmentPassed: flag(at(smart, 'smart_status', 'passed')) ?? (common.exit.failing ? false : null),
    selfTests: readSelfTests(smart),
  });
}

/**
 * Whether anything that a verdict could stand on was told. A bridge that speaks SCSI says of every disk that it is well:
 * only its no is believed.
 */
export function tellsSomething(reading: SmartReading): boolean {
  const { reallocated, pending, reportedUncorrect, wearPercentUsed, mediaErrors, criticalWarning } = reading;
  const counts = [reallocated, pending, reportedUncorrect, wearPercentUsed, mediaErrors, criticalWarning];
  if (counts.some((told) => told !== null) || reading.selfTests.done.length > 0) return true;
  return reading.kind === 'usb-unknown'
    ? reading.selfAssessmentPassed === false
    : reading.selfAssessmentPassed !== null;
}

const nothing = {
  powerOnHours: null,
  temperatureC: null,
  temperatureLimitC: null,
  reallocated: null,
  pending: null,
  offlineUncorrectable: null,
  reportedUncorrect: null,
  commandTimeout: null,
  crcErrors: null,
  wearPercentUsed: null,
  availableSparePercent: null,
  availableSpareThresholdPercent: null,
  mediaErrors: null,
  unsafeShutdowns: null,
  criticalWarning: null,
  selfAssessmentPassed: null,
  failing: [],
  failedBefore: [],
  selfTests: { done: [], running: null },
} as const;

function kindOf(smart: unknown): DiskKind {
  const protocol = at(smart, 'device', 'protocol');
  if (at(smart, 'nvme_smart_health_information_log') !== undefined || protocol === 'NVMe') return 'nvme';
  if (at(smart, 'ata_smart_attributes') !== undefined || protocol === 'ATA') {
    return isSolidState(smart) ? 'ata-ssd' : 'ata-hdd';
  }
  const bridge = messages(smart).some((message) => /unknown usb bridge|specify device type/i.test(message));
  return protocol === 'SCSI' || bridge ? 'usb-unknown' : 'none';
}

/** ACS-3, A.11.7.5: a rotation rate of 1 is no rotation, which smartctl tells as 0. Older disks tell none. */
function isSolidState(smart: unknown): boolean {
  const rotation = integer(at(smart, 'rotation_rate'), 0, 100_000);
  return rotation === null ? at(smart, 'trim', 'supported') === true : rotation === 0;
}

function messages(smart: unknown): string[] {
  return list(at(smart, 'smartctl', 'messages'), 20).map((message) => line(at(message, 'string'), 300) ?? '');
}

function ataHealth(smart: unknown, kind: DiskKind) {
  const solidState = kind === 'ata-ssd';
  const counts = readAttributes(smart, solidState);
  const spare = spareAvailable(smart);
  return {
    ...counts,
    // smartctl knows each model's unit (hours, half minutes, seconds): its sum comes first.
    powerOnHours: count(at(smart, 'power_on_time', 'hours')) ?? counts.powerOnHours,
    temperatureC: celsius(at(smart, 'temperature', 'current')) ?? celsius(counts.temperatureC),
    temperatureLimitC: limit(at(smart, 'temperature', 'op_limit_max')),
    wearPercentUsed: solidState ? (enduranceUsed(smart) ?? counts.wearPercentUsed) : null,
    availableSparePercent: spare.percent ?? counts.availableSparePercent,
    availableSpareThresholdPercent: spare.threshold,
  };
}

/** ACS-4, 9.5.9: where the standard itself tells of the wear, before anything of the vendor's. smartctl 7.5 sums it up. */
function enduranceUsed(smart: unknown): number | null {
  const summed = integer(at(smart, 'endurance_used', 'current_percent'), 0, 255);
  if (summed !== null) return summed;
  for (const page of list(at(smart, 'ata_device_statistics', 'pages'), 32)) {
    if (at(page, 'number') !== 7) continue;
    const used = list(at(page, 'table'), 64).find((entry) => at(entry, 'offset') === 8);
    if (at(used, 'flags', 'valid') === true) return integer(at(used, 'value'), 0, 255);
  }
  return null;
}

function spareAvailable(smart: unknown): { percent: number | null; threshold: number | null } {
  const spare = at(smart, 'spare_available');
  return { percent: percent(at(spare, 'current_percent')), threshold: percent(at(spare, 'threshold_percent')) };
}

/** NVM Express Base Specification 2.0, 5.16.1.3 (figure 207). */
function nvmeHealth(smart: unknown) {
  const log = at(smart, 'nvme_smart_health_information_log');
  const [spare, threshold] = [percent(at(log, 'available_spare')), percent(at(log, 'available_spare_threshold'))];
  // 0 of at least 0: it does not count them. One that ran out says so in its byte of warnings.
  const counts = spare !== 0 || threshold !== 0;
  return {
    powerOnHours: count(at(log, 'power_on_hours')) ?? count(at(smart, 'power_on_time', 'hours')),
    temperatureC: celsius(at(log, 'temperature')) ?? celsius(at(smart, 'temperature', 'current')),
    temperatureLimitC: limit(
      at(smart, 'nvme_composite_temperature_threshold', 'warning') ?? at(smart, 'temperature', 'op_limit_max'),
    ),
    wearPercentUsed: integer(at(log, 'percentage_used'), 0, 255),
    availableSparePercent: counts ? spare : null,
    availableSpareThresholdPercent: counts ? threshold : null,
    mediaErrors: count(at(log, 'media_errors')),
    unsafeShutdowns: count(at(log, 'unsafe_shutdowns')),
    criticalWarning: integer(at(log, 'critical_warning'), 0, 255),
  };
}

/** What still comes through a bridge that speaks SCSI. A temperature of 0 is how most say that they do not know. */
function scsiHealth(smart: unknown) {
  const temperatureC = celsius(at(smart, 'temperature', 'current'));
  return {
    powerOnHours: count(at(smart, 'power_on_time', 'hours')),
    temperatureC: temperatureC === 0 ? null : temperatureC,
    reallocated: count(at(smart, 'scsi_grown_defect_list')),
    wearPercentUsed: enduranceUsed(smart) ?? integer(at(smart, 'scsi_percentage_used_endurance_indicator'), 0, 255),
  };
}

function celsius(value: unknown): number | null {
  return integer(value, -40, 120);
}

/** A limit of less than a warm room's is none. */
function limit(value: unknown): number | null {
  return integer(value, 45, 110);
}

/** Firmware that is known to say what is not so. */
const lies: readonly Readonly<{ model: RegExp; without: Partial<SmartReading>; source: string }>[] = [
  {
    model: /^CT\d+MX500SSD/,
    without: { pending: null },
    source: 'smartmontools issue 48, ticket 1227: it tells of one pending sector now and then that never was',
  },
  {
    model: /^SanDisk pSSD$/,
    without: { selfAssessmentPassed: null, failing: [], availableSparePercent: null },
    source: 'smartmontools issues 147 and 163: USB sticks whose new ones already call themselves failed',
  },
];

function withoutLies(reading: SmartReading): SmartReading {
  const lie = lies.find(({ model }) => model.test(reading.model ?? ''));
  return lie === undefined ? reading : { ...reading, ...lie.without };
}

function exitOf(status: number | null): SmartctlExit {
  const bit = (number: number) => ((status ?? 0) >> number) % 2 === 1;
  return {
    status,
    badCommand: bit(0),
    notOpened: bit(1),
    commandFailed: bit(2),
    failing: bit(3),
    prefailNow: bit(4),
    belowBefore: bit(5),
    errorsLogged: bit(6),
    testsFailed: bit(7),
  };
}
