import type { Alert } from '../contract.ts';
import type { Facts } from '../facts.ts';

const hourMs = 60 * 60_000;
/** Once is a cord that was pulled, twice one that is loose. */
const timesMin = 3;

/** The disk is there each time that it is looked for, and fails when it is used. */
export function diskFailing({ library, breaks, now }: Facts): Alert[] {
  const times = breaks.filter((at) => Math.abs(now - at) < hourMs).length;
  if (library !== 'ok' || times < timesMin) return [];
  return [{ code: 'disk-failing', severity: 'act', params: { times } }];
}
