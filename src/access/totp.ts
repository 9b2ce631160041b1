/**
 * Time-based one-time codes (RFC 6238, RFC 4226): which code belongs to which step, and to which steps a typed code
 * belongs. Decides nothing and keeps nothing.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
// Not `otplib`, which is all of these and more: 1.4 MB more.
import { type CryptoPlugin, generateSync } from '@otplib/hotp';
import { ScureBase32Plugin } from '@otplib/plugin-base32-scure';

/** Other settings than SHA-1, six digits and 30 s are ignored by some apps. */
export const stepMs = 30_000;
const codeDigits = 6;
/** 160 bits, as RFC 4226, section 4, recommends. */
export const secretBytes = 20;
/** A code of the step before or after is as good: clocks differ, and typing takes time (RFC 6238, section 5.2). */
export const stepsAccepted = 1;
/** As far as a code is recognised, never accepted: whose clock is wrong by ten minutes is told so. */
export const stepsRecognised = 20;

/** otplib's own HMAC is JavaScript: 41 steps of ten authenticators would hold a Pi's event loop for 50 ms. */
const nodeCrypto: CryptoPlugin = {
  name: 'node',
  hmac: (algorithm, key, data) => createHmac(algorithm, key).update(data).digest(),
  randomBytes: (size) => randomBytes(size),
  constantTimeEqual: (one, other) => sameText(Buffer.from(one), Buffer.from(other)),
};

/** What codes look like elsewhere; the box itself uses the default alone. */
type CodeForm = Readonly<{ algorithm: 'sha1' | 'sha256' | 'sha512'; digits: 6 | 8 }>;
const ourForm: CodeForm = { algorithm: 'sha1', digits: codeDigits };

/** The step of a time in milliseconds since 1970. */
export function stepOf(ms: number): number {
  return Math.max(0, Math.floor(ms / stepMs));
}

/** The code of one step. `secret`: at least 16 bytes. */
export function codeOfStep(secret: Uint8Array, step: number, form: CodeForm = ourForm): string {
  return generateSync({ secret, counter: step, crypto: nodeCrypto, ...form });
}

/**
 * All steps at most `stepsRecognised` away from `current` whose code this is; nearly always none or one. Computes and
 * compares every one of them whatever it finds, so that the time tells nothing.
 */
export function stepsOfCode(secret: Uint8Array, code: string, current: number): number[] {
  const typed = Buffer.from(code);
  const found: number[] = [];
  for (let step = Math.max(0, current - stepsRecognised); step <= current + stepsRecognised; step += 1) {
    if (sameText(Buffer.from(codeOfStep(secret, step)), typed)) found.push(step);
  }
  return found;
}

/** What was typed as six digits, spaces and dashes left out; undefined when it is no such code. */
export function typedCode(text: string): string | undefined {
  const code = text.normalize('NFKC').replace(/[\s\p{Pd}]/gu, '');
  return /^[0-9]{6}$/.test(code) ? code : undefined;
}

/** The secret for typing into an app: base 32 (RFC 4648) in groups of four; apps ignore the spaces. */
export function textKey(secret: Uint8Array): string {
  return (base32(secret).match(/.{1,4}/g) ?? []).join(' ');
}

/**
 * The link that apps read from the QR picture (Key URI format). Neither name may hold a colon there, not even an encoded
 * one, since it parts the two.
 */
export function otpauthUrl(secret: Uint8Array, names: { issuer: string; account: string }): string {
  const issuer = encodeURIComponent(names.issuer.replaceAll(':', ' ').trim());
  const account = encodeURIComponent(names.account.replaceAll(':', ' ').trim());
  const form = `algorithm=SHA1&digits=${codeDigits}&period=${stepMs / 1_000}`;
  return `otpauth://totp/${issuer}:${account}?secret=${base32(secret)}&issuer=${issuer}&${form}`;
}

function base32(secret: Uint8Array): string {
  return new ScureBase32Plugin().encode(secret, { padding: false });
}

function sameText(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
