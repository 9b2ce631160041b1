/**
 * How much of the disk a person may use: pure. Every door's files pass it twice: before their bytes are sent (`uploads`),
 * and in the commit that gives a file its place (`publishing.ts`), so that many at once cannot pass it together.
 */
import { CodedError } from '../platform/errors.ts';

const units = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** `usedBytes`: with what others of the person's uploads are bringing. @throws {CodedError} `over-quota` */
export function requireQuota(it: { quotaBytes: number | null | undefined; usedBytes: number; bytes: number }): void {
  const { quotaBytes, usedBytes, bytes } = it;
  if (quotaBytes === null || quotaBytes === undefined || usedBytes + bytes <= quotaBytes) return;
  throw new CodedError(
    'over-quota',
    `This person may use ${words(quotaBytes)} on the box, and ${words(usedBytes)} are used; this file takes ${words(bytes)}. It stays on the phone, and everything received so far is safe. Empty the trash, or ask the box’s owner for more.`,
    { facts: { limit: 'quota', quotaBytes, usedBytes, neededBytes: bytes } },
  );
}

/** `1.5 GB`, by thousands as disks are sold. */
export function words(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}
