import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { type Box, failed } from './box.ts';
import { Refusal, systemCodeOf, Trouble, Waiting } from './failure.ts';
import { readBytes } from './inventory.ts';
import type { Patience } from './patience.ts';

/**
 * Fetches one original into a part file. Owns: Range and If-Range (RFC 9110, 13.1.5 and 14.2), going on after trouble,
 * and the checksum of the whole. Never: calls bytes complete whose SHA-256 is not the listing's. For restore.
 */

export type Wanted = Readonly<{ id: number; size: number; sha256: string; mtime: number; part: string; what: string }>;
export type DownloadParts = Readonly<{
  box: Box;
  patience: Patience;
  onBytes: (offset: number, bytes: number) => void;
}>;

const mismatchesMax = 2;

/** Resolves when the part file is complete, verified and synced, with its time set. */
export async function download(wanted: Wanted, parts: DownloadParts): Promise<void> {
  const retry = parts.patience.retry(wanted.what);
  let mismatches = 0;
  let etag: string | undefined;
  let best = 0;
  for (;;) {
    parts.patience.throwIfStopped();
    try {
      const attempt = new Attempt(wanted, parts, etag);
      const matches = await attempt.run((offset, seenEtag) => {
        etag = seenEtag ?? etag;
        if (offset > best) retry.progressed();
        best = Math.max(best, offset);
      });
      if (matches) return;
      await rm(wanted.part, { force: true });
      etag = undefined;
      best = 0;
      mismatches += 1;
      if (mismatches > mismatchesMax) {
        throw new Refusal('checksum-mismatch', 'What came is not what the box’s list says. Look at the box’s disk.');
      }
    } catch (error) {
      if (!(error instanceof Trouble)) throw localFailure(error);
      await retry.after(error);
    }
  }
}

/** One request for the rest of the file, and the checksum over all of it. */
class Attempt {
  readonly #wanted: Wanted;
  readonly #parts: DownloadParts;
  readonly #hash: Hash = createHash('sha256');
  #etag: string | undefined;

  constructor(wanted: Wanted, parts: DownloadParts, etag: string | undefined) {
    this.#wanted = wanted;
    this.#parts = parts;
    this.#etag = etag;
  }

  /** True: complete and right. False: complete and wrong. */
  async run(onProgress: (offset: number, etag: string | undefined) => void): Promise<boolean> {
    const { part, size, sha256, mtime } = this.#wanted;
    const file = await openPart(part);
    try {
      let offset = await this.#hashStored(file);
      if (offset < size) offset = await this.#fetch(file, offset, onProgress);
      onProgress(offset, this.#etag);
      if (this.#hash.digest('hex') !== sha256) return false;
      await file.utimes(mtime / 1000, mtime / 1000);
      await file.sync();
      return true;
    } finally {
      await file.close();
    }
  }

  /** What an earlier run left; more than the file's size cannot be of this file. */
  async #hashStored(file: FileHandle): Promise<number> {
    const { size: stored } = await file.stat();
    if (stored > this.#wanted.size) {
      await file.truncate(0);
      return 0;
    }
    const piece = Buffer.allocUnsafe(readBytes);
    let at = 0;
    while (at < stored) {
      const { bytesRead } = await file.read(piece, 0, piece.length, at);
      if (bytesRead === 0) break;
      this.#hash.update(piece.subarray(0, bytesRead));
      at += bytesRead;
    }
    return at;
  }

  async #fetch(
    file: FileHandle,
    from: number,
    onProgress: (offset: number, etag: string | undefined) => void,
  ): Promise<number> {
    const { box, onBytes } = this.#parts;
    const { size } = this.#wanted;
    const path = `/api/assets/${this.#wanted.id}/original`;
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (from > 0) {
      // A part of an earlier run: the ETag of now guards this request, and the checksum guards the whole.
      this.#etag ??= etagOf((await this.#headers(path)).headers);
      headers.range = `bytes=${from}-`;
      if (this.#etag !== undefined) headers['if-range'] = this.#etag;
    }
    const response = await box.open({ method: 'GET', path, headers });
    try {
      const status = response.statusCode ?? 0;
      if (status !== 200 && status !== 206) await this.#refused(file, response, status);
      this.#etag = etagOf(response.headers);
      let offset = status === 206 ? from : 0;
      if (status === 206 && !response.headers['content-range']?.startsWith(`bytes ${from}-`)) {
        throw new Trouble('invalid-answer', 'The box sent another part of the file than was asked for.');
      }
      if (status === 200 && from > 0) throw await this.#startAnew(file, 'The file changed on the box.');
      onBytes(offset, 0);
      for await (const chunk of response as AsyncIterable<Buffer>) {
        if (offset + chunk.length > size) throw await this.#startAnew(file, 'The box sent more than the file’s size.');
        await writeAll(file, chunk, offset);
        this.#hash.update(chunk);
        offset += chunk.length;
        onBytes(offset, chunk.length);
        onProgress(offset, this.#etag);
      }
      if (offset < size) throw new Trouble('unreachable', 'The connection to the box broke.');
      return offset;
    } catch (error) {
      throw isLocal(error) ? error : box.lost(error);
    } finally {
      response.destroy();
    }
  }

  async #headers(path: string): Promise<{ headers: Readonly<Record<string, string | string[] | undefined>> }> {
    const reply = await this.#parts.box.ask({ method: 'HEAD', path });
    if (reply.status < 200 || reply.status > 299) throw failed(reply);
    return reply;
  }

  async #refused(file: FileHandle, response: AsyncIterable<Buffer>, status: number): Promise<never> {
    if (status === 416) throw await this.#startAnew(file, 'The part does not fit the file.');
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response) {
      length += chunk.length;
      if (length > 65_536) break;
      chunks.push(chunk);
    }
    throw failed({ status, headers: {}, body: Buffer.concat(chunks) });
  }

  async #startAnew(file: FileHandle, message: string): Promise<Trouble> {
    await file.truncate(0);
    return new Trouble('started-anew', message);
  }
}

async function openPart(part: string): Promise<FileHandle> {
  return await open(part, 'r+').catch(async (error: unknown) => {
    if (systemCodeOf(error) !== 'ENOENT') throw error;
    return await open(part, 'wx+');
  });
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}

function etagOf(headers: Readonly<Record<string, string | string[] | undefined>>): string | undefined {
  const { etag } = headers;
  // If-Range takes strong validators only (RFC 9110, 13.1.5).
  return typeof etag === 'string' && etag.startsWith('"') ? etag : undefined;
}

const localCodes: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EACCES', 'EPERM', 'EROFS', 'EIO', 'ENAMETOOLONG'];

function isLocal(error: unknown): boolean {
  return localCodes.includes(systemCodeOf(error) ?? '');
}

/** What this machine's own file system refuses, as an outcome of the file. */
export function localFailure(error: unknown): unknown {
  const code = systemCodeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') return new Waiting('no-space-here', 'There is no room left here.');
  if (code === 'ENAMETOOLONG' || code === 'EILSEQ' || code === 'EINVAL') {
    return new Refusal('invalid-name', 'This name cannot be a file here.');
  }
  if (error instanceof Error && code !== undefined && isLocal(error)) {
    return new Refusal('unwritable', `The file cannot be written here (${code}).`);
  }
  return error;
}
