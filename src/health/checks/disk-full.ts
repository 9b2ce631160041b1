import type { Alert } from '../contract.ts';
import type { Facts } from '../facts.ts';

/** Beside the reserve: with less, not even one large photo comes in. */
const photoBytes = 16 * 1024 * 1024;

export function diskFull({ room, reserveBytes }: Facts): Alert[] {
  if (room === null || room.freeBytes >= reserveBytes + photoBytes) return [];
  return [{ code: 'disk-full', severity: 'act', params: { freeBytes: room.freeBytes } }];
}
