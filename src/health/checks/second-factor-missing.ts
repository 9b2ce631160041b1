import type { Alert } from '../contract.ts';
import type { Facts } from '../facts.ts';

/** Whoever learns the owner's password can do what the owner can. The first run asks for it by itself. */
export function secondFactorMissing({ owner, secondFactor, firstRunOver }: Facts): Alert[] {
  return owner && firstRunOver && !secondFactor
    ? [{ code: 'second-factor-missing', severity: 'watch', params: {} }]
    : [];
}
