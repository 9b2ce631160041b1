/**
 * The form of a sealed copy: what stands in its file, and how it is made and opened as it streams by. Keeps nothing.
 *
 *   nightjar box state 1\n      what it is, and the version of this form
 *   {...}\n                     JSON: whose it is, when it was made, a salt of 32 bytes, the wraps of the data key
 *   chunks                      each 65,536 bytes of content (the last 1 to 65,536) and a tag of 16 bytes
 *
 * The key of a file is fresh: HKDF-SHA256 (RFC 5869) of the box's data key with the file's own random salt. Chunks are
 * sealed by ChaCha20-Poly1305 (RFC 8439; a Pi 4 has no AES instructions) in the STREAM construction (Hoang, Reyhanitabar,
 * Rogaway and Vizar, 2015), as age does: the nonce is the chunk's number (11 bytes, big-endian) and a byte that is 1 for
 * the last, so that none can be changed, moved, left out or added, nor the end cut off. The SHA-256 of both lines is
 * authenticated with each chunk. Nothing that comes out is to be used before the last chunk was right.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto';
import { CodedError } from '../platform/errors.ts';
import { isOf, type Static, Type } from '../platform/schema.ts';

const algorithm = 'chacha20-poly1305';
const magic = 'nightjar box state 1\n';
const chunkBytes = 64 * 1024;
const tagBytes = 16;
export const saltBytes = 32;
const headBytesMax = 16 * 1024;

const Head = Type.Object({
  boxId: Type.String({ maxLength: 64 }),
  box: Type.String({ maxLength: 256, description: 'what it is called' }),
  madeAt: Type.Integer({ minimum: 0 }),
  salt: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }),
  /** As `RecoveryKey.wrapsForCopy` gives them. */
  wraps: Type.String({ maxLength: 8 * 1024 }),
});
export type SealedHead = Static<typeof Head>;

/** `content`, sealed: the lines first, then a chunk at a time. */
export async function* sealed(
  head: SealedHead,
  dataKey: Uint8Array,
  content: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const lines = Buffer.from(`${magic}${JSON.stringify(head)}\n`);
  yield lines;
  const { key, bound } = keyOf(head, lines, dataKey);
  let number = 0;
  for await (const { chunk, last } of inChunks(content, chunkBytes)) {
    const cipher = createCipheriv(algorithm, key, nonceOf(number, last), { authTagLength: tagBytes });
    cipher.setAAD(bound, { plaintextLength: chunk.length });
    yield Buffer.concat([cipher.update(chunk), cipher.final(), cipher.getAuthTag()]);
    number += 1;
  }
}

/** What stands before the chunks, from the first bytes of a file. @throws {CodedError} `invalid-request` */
export function readHead(beginning: Buffer): { head: SealedHead; lines: Buffer } {
  const end = beginning.subarray(0, headBytesMax).indexOf('\n', magic.length);
  if (!beginning.toString('latin1', 0, magic.length).startsWith(magic) || end === -1) throw notOurs();
  const lines = beginning.subarray(0, end + 1);
  let head: unknown;
  try {
    head = JSON.parse(lines.toString('utf8', magic.length));
  } catch {
    throw notOurs();
  }
  if (!isOf(Head, head)) throw notOurs();
  return { head, lines };
}

/** The content of the chunks that `rest` gives. @throws {CodedError} `checksum-mismatch` where anything is not as it was sealed */
export async function* unsealed(
  { head, lines }: { head: SealedHead; lines: Buffer },
  dataKey: Uint8Array,
  rest: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const { key, bound } = keyOf(head, lines, dataKey);
  let number = 0;
  for await (const { chunk, last } of inChunks(rest, chunkBytes + tagBytes)) {
    if (chunk.length <= tagBytes) throw changed();
    const decipher = createDecipheriv(algorithm, key, nonceOf(number, last), { authTagLength: tagBytes });
    decipher.setAAD(bound, { plaintextLength: chunk.length - tagBytes });
    decipher.setAuthTag(chunk.subarray(chunk.length - tagBytes));
    const content = decipher.update(chunk.subarray(0, chunk.length - tagBytes));
    try {
      decipher.final();
    } catch {
      throw changed();
    }
    yield content;
    number += 1;
  }
  if (number === 0) throw changed();
}

export const headBytesEnough = headBytesMax;

function keyOf({ salt }: SealedHead, lines: Buffer, dataKey: Uint8Array): { key: Buffer; bound: Buffer } {
  const key = hkdfSync('sha256', dataKey, Buffer.from(salt, 'base64url'), 'nightjar box state 1', 32);
  return { key: Buffer.from(key), bound: createHash('sha256').update(lines).digest() };
}

function nonceOf(number: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(number, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** In pieces of `bytes`, and a last one that may be shorter. */
async function* inChunks(from: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<{ chunk: Buffer; last: boolean }> {
  let waiting: Buffer[] = [];
  let held = 0;
  for await (const piece of from) {
    waiting.push(piece);
    held += piece.length;
    // One byte more than a chunk: only then it is known not to be the last.
    while (held > bytes) {
      const all = Buffer.concat(waiting);
      yield { chunk: all.subarray(0, bytes), last: false };
      const rest = all.subarray(bytes);
      waiting = [rest];
      held = rest.length;
    }
  }
  if (held > 0) yield { chunk: Buffer.concat(waiting), last: true };
}

function notOurs(): CodedError {
  return new CodedError(
    'invalid-request',
    'This file is no sealed copy of a Nightjar’s state, or its head was changed.',
  );
}

function changed(): CodedError {
  return new CodedError(
    'checksum-mismatch',
    'This copy is not as the box sealed it: it was changed or cut off. Nothing of it was kept; try an older one.',
  );
}
