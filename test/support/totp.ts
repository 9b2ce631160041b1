/** Codes as an authenticator app shows them, from the text key that the box shows (RFC 4648, section 6). */
import { codeOfStep } from '../../src/access/totp.ts';

const symbols = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The code at `ms`; `steps` of 30 s away from it. */
export function codeAt(textKey: string, ms: number, steps = 0): string {
  let bits = '';
  for (const symbol of textKey.replaceAll(' ', '').replaceAll('=', '')) {
    bits += symbols.indexOf(symbol.toUpperCase()).toString(2).padStart(5, '0');
  }
  const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
  return codeOfStep(Uint8Array.from(bytes), Math.floor(ms / 30_000) + steps);
}
