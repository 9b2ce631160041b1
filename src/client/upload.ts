import { createHash } from 'node:crypto';
import { type Box, failed, type Reply } from './box.ts';
import type { Resumes } from './config-store.ts';
import { Refusal, Trouble, Waiting } from './failure.ts';
import { hashItem, type Item, readItem } from './inventory.ts';
import { type Patience, type Retry, stallsMax } from './patience.ts';
import { metadata } from './upload-metadata.ts';

/**
 * Sends one file so that the box has it for good. Owns: the tus verbs (tus 1.0.0: core, creation, creation-with-upload,
 * termination) and going on after any trouble. Never: calls a file safe before the box reported its full length.
 */

export type Outcome =
  | Readonly<{ state: 'safe' }>
  | Readonly<{ state: 'waiting' | 'refused'; code: string; reason: string }>;

export type UploaderParts = Readonly<{
  box: Box;
  patience: Patience;
  resumes: Resumes;
  /** The position of `item` on its way, and how many bytes were handed to the network for it just now. */
  onBytes: (item: Item, offset: number, bytes: number) => void;
  /** Does the box have this content by now? Asked before a small file whose answer was lost is sent again. */
  have: (item: Item, sha256: string) => Promise<boolean>;
}>;

/** Up to here a file is read into memory and sent in one request; four at a time. */
const sliceBytes = 64 * 1024;
const wholeBytesMax = 8 * 1024 * 1024;
/** Verdicts that say: not what was announced. The file is read and sent again from its first byte. */
const damagedOnTheWay: readonly string[] = ['checksum-mismatch', 'length-mismatch'];
const mismatchesMax = 2;
const lossesMax = 5;
const tus = { 'tus-resumable': '1.0.0' };

export class Uploader {
  readonly #parts: UploaderParts;

  constructor(parts: UploaderParts) {
    this.#parts = parts;
  }

  /** Throws only what ends the run. */
  async send(item: Item): Promise<Outcome> {
    try {
      await new Sending(this.#parts, item).run();
      return { state: 'safe' };
    } catch (error) {
      if (error instanceof Waiting) return { state: 'waiting', code: error.code, reason: error.message };
      if (error instanceof Refusal) return { state: 'refused', code: error.code, reason: error.message };
      throw error;
    }
  }
}

/** One file on its way. */
class Sending {
  readonly #parts: UploaderParts;
  readonly #item: Item;
  readonly #retry: Retry;
  #url: string | undefined;
  /** What the box last said that it holds; undefined when that must be asked. */
  #offset: number | undefined;
  #sha256: string | undefined;
  /** The furthest offset that the box ever reported: only more than this is progress, a mere beginning is none. */
  #best: number | undefined;
  #from = -1;
  #stalls = 0;
  #losses = 0;
  #mismatches = 0;
  /** A whole file was sent, and no answer came: the box may have it. */
  #answerLost = false;

  constructor(parts: UploaderParts, item: Item) {
    this.#parts = parts;
    this.#item = item;
    this.#retry = parts.patience.retry(item.path);
    this.#url = parts.resumes.find(item);
  }

  async run(): Promise<void> {
    for (;;) {
      this.#parts.patience.throwIfStopped();
      try {
        if (await this.#step()) {
          await this.#parts.resumes.forget(this.#item);
          this.#retry.progressed();
          return;
        }
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  /** One request onward. True: the box holds all of it, verified and recorded. */
  async #step(): Promise<boolean> {
    if (this.#url === undefined) {
      if (this.#answerLost && (await this.#parts.have(this.#item, await this.#hash()))) return true;
      await this.#create();
    }
    this.#offset ??= await this.#askOffset();
    if (this.#best !== undefined && this.#offset > this.#best) this.#retry.progressed();
    this.#best = Math.max(this.#offset, this.#best ?? 0);
    this.#parts.onBytes(this.#item, this.#offset, 0);
    if (this.#offset === this.#item.size) return true;
    // An answer of success that does not move is asked again a few times, then treated as trouble: never a tight loop.
    this.#stalls = this.#offset <= this.#from ? this.#stalls + 1 : 0;
    if (this.#stalls >= stallsMax) throw new Trouble('no-progress', 'The box takes no more of this file just now.');
    this.#from = this.#offset;
    await this.#append(this.#offset);
    return false;
  }

  async #recover(error: unknown): Promise<void> {
    if (error instanceof Trouble) {
      this.#offset = undefined;
      this.#from = -1;
      this.#stalls = 0;
      await this.#retry.after(error);
      return;
    }
    if (error instanceof Waiting && error.code === 'changed') await this.#abort();
    if (!(error instanceof Refusal)) throw error;
    if (isLost(error) && this.#url !== undefined) {
      this.#losses += 1;
      if (this.#losses > lossesMax)
        throw new Waiting(error.code, 'The box keeps losing this upload; the next run tries.');
      await this.#startAnew();
      return;
    }
    await this.#parts.resumes.forget(this.#item);
    if (!damagedOnTheWay.includes(error.code) || this.#mismatches >= mismatchesMax) throw error;
    this.#mismatches += 1;
    this.#sha256 = undefined;
    await this.#startAnew();
  }

  async #startAnew(): Promise<void> {
    this.#url = undefined;
    this.#offset = undefined;
    this.#best = 0;
    this.#from = -1;
    await this.#parts.resumes.forget(this.#item);
  }

  async #hash(): Promise<string> {
    this.#sha256 ??= await hashItem(this.#item);
    return this.#sha256;
  }

  /** POST: creation, and for a small file creation-with-upload: one request in all. */
  async #create(): Promise<void> {
    const { size } = this.#item;
    const headers: Record<string, string> = { ...tus, 'upload-length': String(size) };
    let body: Buffer | undefined;
    if (size > 0 && size <= wholeBytesMax) {
      body = await this.#readWhole();
      headers['content-type'] = 'application/offset+octet-stream';
    }
    headers['upload-metadata'] = metadata(this.#item, await this.#hash());
    if (body !== undefined) this.#answerLost = true;
    const reply = await this.#parts.box.ask({
      method: 'POST',
      path: '/api/uploads',
      headers,
      ...(body === undefined ? {} : { body: { stream: this.#slices(body), length: size } }),
    });
    this.#answerLost = false;
    const url = locationOf(reply);
    if (url !== undefined && !isFinal(reply)) {
      this.#url = url;
      await this.#parts.resumes.remember(this.#item, url);
    }
    mustBeFine(reply);
    if (url === undefined) throw new Trouble('invalid-answer', 'The box named no place to send the file to.');
    // Without bytes in the request, an offset of 0 is all there can be, and an empty file is only safe once asked for.
    this.#offset = body === undefined && size > 0 ? 0 : offsetOf(reply, size);
  }

  async #readWhole(): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of readItem(this.#item, 0)) pieces.push(piece);
    const whole = Buffer.concat(pieces);
    this.#sha256 = createHash('sha256').update(whole).digest('hex');
    return whole;
  }

  async #askOffset(): Promise<number> {
    const reply = await this.#parts.box.ask({ method: 'HEAD', path: this.#place(), headers: tus });
    // HEAD has no body to say why it is gone: a request with one does.
    if (reply.status === 410) mustBeFine(await this.#patch(0, Buffer.alloc(0)));
    mustBeFine(reply);
    const length = reply.headers['upload-length'];
    const offset = offsetOf(reply, this.#item.size);
    if (length !== undefined && Number(length) !== this.#item.size) {
      throw new Refusal('upload-gone', 'The unfinished upload was of another file.', 404);
    }
    if (offset === undefined) throw new Trouble('invalid-answer', 'The box did not say how much it holds.');
    return offset;
  }

  /** PATCH from `offset` to the end. Only what the box reports counts; without a report it is asked. */
  async #append(offset: number): Promise<void> {
    this.#offset = undefined;
    const stream = this.#bytesFrom(offset);
    const reply = await this.#patch(offset, { stream, length: this.#item.size - offset });
    mustBeFine(reply);
    this.#offset = offsetOf(reply, this.#item.size);
  }

  #patch(offset: number, body: Buffer | { stream: AsyncIterable<Buffer>; length: number }): Promise<Reply> {
    const type = { 'content-type': 'application/offset+octet-stream' };
    const headers = { ...tus, ...type, 'upload-offset': String(offset) };
    return this.#parts.box.ask({ method: 'PATCH', path: this.#place(), headers, body });
  }

  async *#bytesFrom(offset: number): AsyncGenerator<Buffer> {
    let at = offset;
    for await (const piece of readItem(this.#item, offset)) {
      at += piece.length;
      yield piece;
      this.#parts.onBytes(this.#item, at, piece.length);
    }
  }

  /** A file in memory, piece by piece: so that what is told of its progress is what the network took. */
  async *#slices(whole: Buffer): AsyncGenerator<Buffer> {
    for (let at = 0; at < whole.length; at += sliceBytes) {
      const piece = whole.subarray(at, at + sliceBytes);
      yield piece;
      this.#parts.onBytes(this.#item, at + piece.length, piece.length);
    }
  }

  /** DELETE: what was sent of a file that has changed is of no use. The box forgets it by itself if this fails. */
  async #abort(): Promise<void> {
    await this.#parts.resumes.forget(this.#item);
    if (this.#url === undefined) return;
    await this.#parts.box.ask({ method: 'DELETE', path: this.#place(), headers: tus }).catch(() => {});
  }

  #place(): string {
    if (this.#url === undefined) throw new Trouble('no-upload', 'The upload has not begun.');
    return this.#url;
  }
}

function mustBeFine(reply: Reply): void {
  if (reply.status < 200 || reply.status > 299) throw failed(reply);
}

function isFinal(reply: Reply): boolean {
  return reply.status >= 400 && failed(reply) instanceof Refusal;
}

/** The box has no such upload (any more), and no verdict on the file. */
function isLost(refusal: Refusal): boolean {
  return refusal.status === 404 || (refusal.status === 410 && refusal.code === 'upload-gone');
}

/** The path of `Location`; the host in it does not count, since the box may be reached at another address tomorrow. */
function locationOf(reply: Reply): string | undefined {
  const { location } = reply.headers;
  if (location === undefined) return undefined;
  try {
    const { pathname, search } = new URL(location, 'https://box/api/uploads');
    return pathname + search;
  } catch {
    return undefined;
  }
}

function offsetOf(reply: Reply, sizeMax: number): number | undefined {
  const text = reply.headers['upload-offset'];
  if (typeof text !== 'string' || !/^\d{1,15}$/.test(text) || Number(text) > sizeMax) return undefined;
  return Number(text);
}
