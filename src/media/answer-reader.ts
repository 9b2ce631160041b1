/**
 * Reads one answer of the worker: a line of JSON, then the bytes of the pictures that it announces. The worker has read
 * an untrusted file, so nothing that it says is taken beyond its limits.
 */
import { CodedError } from '../platform/errors.ts';
import type { PictureAnswer } from './pictures.ts';
import { lineBytesMax, pictureBytesMax } from './protocol.ts';

const sideMax = 1_000_000;
const reasonCharsMax = 500;
const codeCharsMax = 64;
const thumbhashBytesMax = 64;

/** It left for want of work just when the job came: another one may be asked. */
export class WorkerLeft extends Error {}

type Head = Record<string, unknown>;

export class AnswerReader {
  readonly #id: number;
  readonly #resolve: (answer: PictureAnswer) => void;
  readonly #reject: (error: unknown) => void;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #head: Head | undefined;
  #wanted = 0;

  constructor(id: number, resolve: (answer: PictureAnswer) => void, reject: (error: unknown) => void) {
    this.#id = id;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  take(chunk: Buffer): void {
    try {
      this.#chunks.push(chunk);
      this.#bytes += chunk.length;
      if (this.#head === undefined) this.#readHead(chunk);
      if (this.#head === undefined || this.#bytes < this.#wanted) return;
      if (this.#bytes > this.#wanted) throw nonsense('more bytes than it announced');
      this.#resolve(answerFrom(this.#head, Buffer.concat(this.#chunks)));
    } catch (error) {
      this.#reject(error);
    }
  }

  #readHead(newest: Buffer): void {
    if (!newest.includes(0x0a)) {
      if (this.#bytes > lineBytesMax) throw nonsense('a line without an end');
      return;
    }
    const all = Buffer.concat(this.#chunks);
    const end = all.indexOf(0x0a);
    if (end > lineBytesMax) throw nonsense('a line that is too long');
    const head: unknown = JSON.parse(all.toString('utf8', 0, end));
    if (typeof head !== 'object' || head === null) throw nonsense('no object');
    this.#head = head as Head;
    if (this.#head['bye'] === true) throw new WorkerLeft();
    if (this.#head['id'] !== this.#id) throw nonsense('an answer to another job');
    this.#wanted =
      this.#head['ok'] === true
        ? whole(this.#head['grid'], pictureBytesMax) + whole(this.#head['preview'], pictureBytesMax)
        : 0;
    this.#chunks = [all.subarray(end + 1)];
    this.#bytes = all.length - end - 1;
  }
}

function answerFrom(head: Head, bytes: Buffer): PictureAnswer {
  const durationMs = head['durationMs'] == null ? null : whole(head['durationMs'], Number.MAX_SAFE_INTEGER);
  const motion = motionFrom(head['motion']);
  if (head['ok'] !== true) {
    const { code, reason } = head;
    if (typeof code !== 'string' || typeof reason !== 'string' || reason === '') throw nonsense('no reason');
    return {
      ok: false,
      code: code.slice(0, codeCharsMax),
      reason: reason.slice(0, reasonCharsMax),
      durationMs,
      motion,
    };
  }
  const gridBytes = whole(head['grid'], pictureBytesMax);
  const { thumbhash } = head;
  return {
    ok: true,
    width: whole(head['width'], sideMax),
    height: whole(head['height'], sideMax),
    durationMs,
    thumbhash: typeof thumbhash === 'string' ? Buffer.from(thumbhash, 'base64').subarray(0, thumbhashBytesMax) : null,
    motion,
    grid: bytes.subarray(0, gridBytes),
    preview: bytes.subarray(gridBytes),
  };
}

function motionFrom(value: unknown): { offset: number; length: number } | null {
  if (typeof value !== 'object' || value === null) return null;
  const { offset, length } = value as Record<string, unknown>;
  return { offset: whole(offset, Number.MAX_SAFE_INTEGER), length: whole(length, Number.MAX_SAFE_INTEGER) };
}

function whole(value: unknown, max: number): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max) return value;
  throw nonsense('a number out of its range');
}

function nonsense(what: string): CodedError {
  return new CodedError('command-failed', `The worker gave an answer that makes no sense: ${what}.`);
}
