/** What the rules on disks look at, and what of it is no plain number. Pure. */
import type { DiskKind, SmartReading } from './smart-reading.ts';

/** By how much counts rose; null: not told then or now. Never negative. */
export type Growth = Readonly<{
  /** Between the two readings, up to 30. */
  days: number;
  reallocated: number | null;
  pending: number | null;
  reportedUncorrect: number | null;
  mediaErrors: number | null;
  crcErrors: number | null;
}>;

/** What the box itself saw of the disk within the last 30 days. */
export type DiskEvents = Readonly<{
  /** Errors of reading or writing that the kernel told. */
  ioErrors: number;
  /** How often the kernel made its filesystem read-only. */
  readOnlyRemounts: number;
  /** Files that were found to be not what was written. */
  damagedFiles: number;
}>;
export const noEvents: DiskEvents = { ioErrors: 0, readOnlyRemounts: 0, damagedFiles: 0 };

export type DiskFacts = Readonly<{ reading: SmartReading | null; growth: Growth | null; events: DiskEvents }>;

export function truth(so: boolean): number {
  return so ? 1 : 0;
}

/** Pending and offline uncorrectable count the same sectors, and are one sign. */
export function signs({
  reallocated,
  reportedUncorrect,
  commandTimeout,
  pending,
  offlineUncorrectable,
}: SmartReading): number {
  const kinds = [reallocated, reportedUncorrect, commandTimeout, (pending ?? 0) + (offlineUncorrectable ?? 0)];
  return kinds.filter((told) => told !== null && told > 0).length;
}

export function warning(reading: SmartReading | null, bit: number): number | null {
  const warnings = reading?.criticalWarning ?? null;
  return warnings === null ? null : (warnings >> bit) & 1;
}

/** Its rated life is over and nothing else is wrong: some then set bit 2 of the warnings, and call themselves failed. */
export function isOnlyWorn(reading: SmartReading | null): boolean {
  if (reading === null || reading.criticalWarning !== 0b100 || reading.mediaErrors !== 0) return false;
  return (reading.wearPercentUsed ?? 0) >= 100 && (lacking(reading) ?? 0) < 0;
}

const spareThresholdUsual = 10;

export function spareThreshold(reading: SmartReading | null): number {
  return reading?.availableSpareThresholdPercent ?? spareThresholdUsual;
}

/** Percent points of spare blocks that are missing to the threshold; negative: there are more. */
export function lacking(reading: SmartReading | null): number | null {
  const spare = reading?.availableSparePercent ?? null;
  return spare === null ? null : spareThreshold(reading) - spare;
}

/**
 * How the tests that ran to their end ended: `last`: failures among the last one of each kind, since a short test that
 * passes says nothing of what the long one found; `before`: among the older ones.
 */
export function failedTests(reading: SmartReading | null): { last: number; before: number } {
  const seen = new Set<string>();
  const failed = { last: 0, before: 0 };
  for (const { kind, outcome } of reading?.selfTests.done ?? []) {
    if (outcome === 'aborted') continue;
    if (outcome === 'failed') failed[seen.has(kind) ? 'before' : 'last'] += 1;
    seen.add(kind);
  }
  return failed;
}

const hottestUsual: Readonly<Record<DiskKind, number>> = {
  'ata-hdd': 60,
  'ata-ssd': 70,
  nvme: 80,
  'usb-unknown': 60,
  none: 60,
};

/** Degrees. */
export function hottest(reading: SmartReading): number {
  return reading.temperatureLimitC ?? hottestUsual[reading.kind];
}
