/**
 * What a phone signs when it approves, and how that is checked. Knows keys and bytes; keeps nothing.
 *
 * The text is six lines (UTF-8, "\n" between them, none after the last):
 *
 *     nightjar-approval:v1
 *     <origin>       of the page that signs, as browsers write it: https://nightjar.local:8443
 *     <request id>
 *     <digits>       six, as they were typed
 *     <time>         of the request: milliseconds since 1970 by the box's clock, exactly as the request carried it
 *     <phone id>
 *
 * signed with ECDSA over P-256 and SHA-256; the signature is r and s, 32 bytes each (IEEE P1363, as WebCrypto gives it),
 * in base64.
 *
 * The time is the request's own and not the phone's: what resists replay is that a request takes one right answer, which
 * is marked in the synced commit that takes it, and that its id is never given again. A time by the phone's clock would
 * add nothing to that, and would lock out whoever's phone is wrong by an hour. The request's time must be equal, so the
 * answer is bound to this request as the box wrote it down, and expires by one clock: the box's.
 */
import { createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto';
import { CodedError } from '../platform/errors.ts';
import type { RandomBytes } from '../platform/identifiers.ts';

export type SignedAnswer = Readonly<{
  origin: string;
  requestId: string;
  digits: string;
  /** Milliseconds since 1970. */
  at: number;
  phoneId: string;
}>;

const approvalDigits = 6;
const signatureBytes = 64;
/** A P-256 key is 91 bytes, or 59 with a compressed point. */
const keyBytesMax = 128;

export function approvalText({ origin, requestId, digits, at, phoneId }: SignedAnswer): string {
  return ['nightjar-approval:v1', origin, requestId, digits, String(at), phoneId].join('\n');
}

/** Six digits, each value as likely as any other. */
export function randomDigits(randomBytes: RandomBytes): string {
  const values = 10 ** approvalDigits;
  // Of 2^32 values the last 967,296 would make the small numbers likelier. Each draw is turned away once in 4,440.
  const fair = 2 ** 32 - (2 ** 32 % values);
  for (let draw = 0; draw < 32; draw += 1) {
    const value = randomBytes(4).readUInt32BE(0);
    if (value < fair) return String(value % values).padStart(approvalDigits, '0');
  }
  throw new CodedError('internal', 'The source of randomness gives no numbers. Nothing was asked.');
}

/**
 * The public key of base64 SPKI (RFC 5280, section 4.1.2.7; P-256 alone) in the one form in which it is kept.
 * @throws {CodedError} `invalid-request`
 */
export function approverKey(base64: string): Buffer {
  const der = Buffer.from(base64, 'base64');
  if (der.length > 0 && der.length <= keyBytesMax) {
    try {
      const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
      if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') {
        return key.export({ format: 'der', type: 'spki' });
      }
    } catch {
      // Not a key at all: the same answer.
    }
  }
  throw new CodedError(
    'invalid-request',
    'This is not a key that can approve: it takes the public half of a P-256 key. Nothing was registered.',
  );
}

/** Whether `signature` (base64) is this key's over this answer. Never throws. */
export function isSignedBy(publicKey: Buffer, answer: SignedAnswer, signature: string): boolean {
  const bytes = Buffer.from(signature, 'base64');
  const whole = bytes.length === signatureBytes;
  try {
    const key: KeyObject = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
    const signed = whole ? bytes : Buffer.alloc(signatureBytes);
    return verify('sha256', Buffer.from(approvalText(answer)), { key, dsaEncoding: 'ieee-p1363' }, signed) && whole;
  } catch {
    return false;
  }
}

/** Compares six digits in a time that does not tell how many of them are right. */
export function sameDigits(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => Buffer.from(text.slice(0, approvalDigits).padEnd(approvalDigits, ' ')));
  return a !== undefined && b !== undefined && a.length === b.length && timingSafeEqual(a, b);
}
