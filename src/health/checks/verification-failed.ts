import type { Facts, Need } from '../facts.ts';

/** Bytes on the disk are not what came: the disk is going, or somebody changed a file. */
export function verificationFailed({ owner, damaged }: Facts): Need[] {
  if (!owner || damaged === null || damaged === 0) return [];
  return [{ code: 'verification-failed', severity: 'act', params: { count: damaged }, level: damaged }];
}
