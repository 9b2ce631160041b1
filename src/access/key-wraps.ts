/**
 * A data key wrapped in several ways: what may lie beside the sealed copies, and how each wrap is made and opened.
 * ChaCha20-Poly1305 (RFC 8439), since a Pi 4 has no AES; each wrap is bound to its way and to the key's fingerprint, so
 * that none can stand in for another. Keeps nothing.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { RandomBytes } from '../platform/identifiers.ts';
import { isOf, type Static, Type } from '../platform/schema.ts';

export const dataKeyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const algorithm = 'chacha20-poly1305';
const wrapsCharsMax = 4_096;

const Base64 = (bytes: number) => Type.String({ pattern: '^[A-Za-z0-9_-]*$', minLength: bytes, maxLength: 2 * bytes });
const Wrap = Type.Object({ nonce: Base64(nonceBytes), sealed: Base64(dataKeyBytes + tagBytes) });
const PasswordWrap = Type.Object({
  nonce: Base64(nonceBytes),
  sealed: Base64(dataKeyBytes + tagBytes),
  salt: Base64(16),
  memoryKiB: Type.Integer({ minimum: 8, maximum: 1024 * 1024 }),
  passes: Type.Integer({ minimum: 1, maximum: 100 }),
  parallelism: Type.Integer({ minimum: 1, maximum: 8 }),
});
const KeyWrapsShape = Type.Object({
  version: Type.Literal(1),
  fingerprint: Type.String({ pattern: '^[0-9a-f]{32}$' }),
  recovery: Wrap,
  /** Null: the password changed while the key was not at hand. */
  password: Type.Union([PasswordWrap, Type.Null()]),
  /** Opened by the file `box-key`; null where the wraps have left the box. */
  box: Type.Union([Wrap, Type.Null()]),
});

export type Wrap = Static<typeof Wrap>;
export type PasswordWrap = Static<typeof PasswordWrap>;
export type KeyWraps = Static<typeof KeyWrapsShape>;
/** The ways to open the data key. */
export type WrapWay = 'recovery' | 'password' | 'box';

/** Tells data keys apart without saying anything of them: 16 bytes derived from the key, lower-case hexadecimal. */
export function fingerprintOf(dataKey: Uint8Array): string {
  return derived(dataKey, 'fingerprint', 16).toString('hex');
}

/** `secret`: what the way has to offer, of at least 128 bits or stretched already. */
export function wrap(way: WrapWay, secret: Uint8Array, dataKey: Uint8Array, randomBytes: RandomBytes): Wrap {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, derived(secret, way, 32), nonce, { authTagLength: tagBytes });
  cipher.setAAD(boundTo(way, fingerprintOf(dataKey)), { plaintextLength: dataKey.length });
  const sealed = Buffer.concat([cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
  return { nonce: nonce.toString('base64url'), sealed: sealed.toString('base64url') };
}

/** The data key, or undefined: the secret is not the right one, or somebody changed the wrap. */
export function unwrap(way: WrapWay, secret: Uint8Array, one: Wrap, fingerprint: string): Buffer | undefined {
  const sealed = Buffer.from(one.sealed, 'base64url');
  const nonce = Buffer.from(one.nonce, 'base64url');
  if (sealed.length !== dataKeyBytes + tagBytes || nonce.length !== nonceBytes) return undefined;
  const decipher = createDecipheriv(algorithm, derived(secret, way, 32), nonce, { authTagLength: tagBytes });
  decipher.setAAD(boundTo(way, fingerprint), { plaintextLength: dataKeyBytes });
  decipher.setAuthTag(sealed.subarray(dataKeyBytes));
  try {
    const dataKey = Buffer.concat([decipher.update(sealed.subarray(0, dataKeyBytes)), decipher.final()]);
    return fingerprintOf(dataKey) === fingerprint ? dataKey : undefined;
  } catch {
    return undefined;
  }
}

/** Reads wraps from wherever they come; undefined when they are none of ours. */
export function readWraps(text: string): KeyWraps | undefined {
  if (text.length > wrapsCharsMax) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isOf(KeyWrapsShape, value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function boundTo(way: WrapWay, fingerprint: string): Buffer {
  return Buffer.from(`nightjar key wrap 1 ${way} ${fingerprint}`);
}

/** HKDF with SHA-256 (RFC 5869): the same secret never serves two purposes. */
function derived(secret: Uint8Array, purpose: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `nightjar recovery key 1 ${purpose}`, bytes));
}
