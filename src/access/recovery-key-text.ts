/**
 * The recovery key as it is written on paper: 26 random symbols (130 bits) and 6 of checksum, in eight groups of four.
 * The checksum is that of Bech32m (BIP 350) over a fixed length: up to four mistyped symbols are always found, and so
 * are two that changed places.
 */
import { CodedError } from '../platform/errors.ts';
import { normalCode, type RandomBytes, symbols } from '../platform/identifiers.ts';

const randomSymbols = 26;
const checkSymbols = 6;
const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const checkConstant = 0x2bc830a3;

/** A new recovery key: XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX. */
export function newRecoveryKeyText(randomBytes: RandomBytes): string {
  const values = Array.from(randomBytes(randomSymbols), (byte) => byte & 31);
  const check = remainder([...values, ...Array<number>(checkSymbols).fill(0)]) ^ checkConstant;
  for (let at = checkSymbols - 1; at >= 0; at -= 1) values.push((check >>> (5 * at)) & 31);
  const text = values.map((value) => symbols.charAt(value)).join('');
  return (text.match(/.{4}/g) ?? []).join('-');
}

/**
 * The random symbols of a typed key; case, dashes, spaces and look-alikes do not matter.
 * @throws {CodedError} `invalid-request` for one that is mistyped
 */
export function readRecoveryKeyText(text: string): string {
  const typed = normalCode(text);
  const values = Array.from(typed, (symbol) => symbols.indexOf(symbol));
  const whole = values.length === randomSymbols + checkSymbols && !values.includes(-1);
  if (!whole || remainder(values) !== checkConstant) {
    throw new CodedError(
      'invalid-request',
      'There is a typing mistake in that recovery key: it has eight groups of four letters and digits. Nothing was changed; compare it with what you wrote down.',
    );
  }
  return typed.slice(0, randomSymbols);
}

/** Of the polynomial over GF(32) that `values` are the coefficients of, divided by the generator; 30 bits. */
function remainder(values: readonly number[]): number {
  let state = 1;
  for (const value of values) {
    const top = state >>> 25;
    state = ((state & 0x1ffffff) << 5) ^ value;
    for (const [bit, term] of generator.entries()) {
      if (((top >>> bit) & 1) === 1) state ^= term;
    }
  }
  return state;
}
