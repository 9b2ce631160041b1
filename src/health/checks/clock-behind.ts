import type { Alert } from '../contract.ts';
import type { Facts } from '../facts.ts';

/** Codes of an authenticator may not fit, and days may be wrong, until somebody tells the box the time. */
export function clockBehind(facts: Facts): Alert[] {
  return facts.owner && facts.clockBehind ? [{ code: 'clock-behind', severity: 'watch', params: {} }] : [];
}
