/**
 * A phone that remembers what it was promised: a small tus client over loopback http that sends mixed files while the
 * box dies under it, and keeps in memory every file, offset and upload that the box acknowledged.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { exifJpeg } from './exif-jpeg.ts';
import type { Random } from './random.ts';

const requestMsMax = 30_000;
/** Answers with which the box says "not now": nothing is promised, and nothing is wrong. */
const notNow = new Set([423, 503, 507]);

type FileKind = 'jpeg' | 'noise';
export type PhoneFile = Readonly<{ path: string; kind: FileKind; seed: number; size: number; takenLocal: string }>;
export type Acknowledged = Readonly<{ path: string; sha256: string; size: number }>;
type OpenUpload = { id: string; file: PhoneFile; offset: number };
type Answer = { status: number; headers: IncomingHttpHeaders };

/** Without an answer, or with one that says "not now": the rest is for later. */
class GoneAway extends Error {}

export type PhoneLimits = Readonly<{
  pictureBytesMax: number;
  largeBytesMin: number;
  largeBytesMax: number;
  largeShare: number;
}>;
const usualLimits: PhoneLimits = {
  pictureBytesMax: 3 * 1024 * 1024,
  largeBytesMin: 20 * 1024 * 1024,
  largeBytesMax: 60 * 1024 * 1024,
  largeShare: 0.06,
};

export class FaultPhone {
  readonly person: string;
  readonly token: string;
  readonly phoneId: string;
  /** Finished files by the phone's path: the box said that they are safe. */
  readonly safe = new Map<string, Acknowledged>();
  /** Unfinished uploads by their id, with the highest offset that the box ever reported. */
  readonly open = new Map<string, OpenUpload>();
  /** Answers that no good box gives. Must stay empty. */
  readonly surprises: string[] = [];
  /** How often each status was answered. */
  readonly statuses = new Map<number, number>();
  /** From the moment the plug is pulled: no answer counts as a promise any more. */
  deaf = false;
  /** Called after each acknowledgement, before anything else is sent. */
  onAcknowledged: () => void = () => undefined;
  readonly #random: Random;
  readonly #name: string;
  readonly #limits: PhoneLimits;
  /** Shared by all phones of a person, so that the same content comes from two of them now and then. */
  readonly #known: PhoneFile[];
  #files = 0;
  #agent = new Agent({ keepAlive: true });

  constructor(it: {
    name: string;
    person: string;
    token: string;
    phoneId: string;
    random: Random;
    known: PhoneFile[];
    limits?: Partial<PhoneLimits>;
  }) {
    this.#name = it.name;
    this.person = it.person;
    this.token = it.token;
    this.phoneId = it.phoneId;
    this.#random = it.random;
    this.#known = it.known;
    this.#limits = { ...usualLimits, ...it.limits };
  }

  /** Goes on with what is unfinished, then sends new files, until told to stop or until the box goes away. */
  async run(url: string, stop: AbortSignal): Promise<void> {
    await this.#untilGone(async () => {
      for (const upload of [...this.open.values()]) {
        if (stop.aborted) return;
        await this.#goOn(url, upload, stop);
      }
      while (!stop.aborted) await this.send(url, this.#nextFile(), stop);
    });
  }

  /** Finishes everything that was begun. @throws when the box goes away meanwhile. */
  async finishAll(url: string): Promise<void> {
    this.#renewAgent();
    const never = new AbortController().signal;
    for (const upload of [...this.open.values()]) await this.#goOn(url, upload, never);
  }

  /** Asks for every unfinished upload: what was promised must still be there. Returns what is not. */
  async checkOffsets(url: string): Promise<string[]> {
    this.#renewAgent();
    const lost: string[] = [];
    for (const upload of [...this.open.values()]) {
      const promised = upload.offset;
      const { status, headers } = await this.#send(url, 'HEAD', `/api/uploads/${upload.id}`);
      const offset = Number(headers['upload-offset'] ?? -1);
      if (status !== 200 || offset < promised) {
        lost.push(`${upload.file.path} (${upload.id}): promised ${promised}, now ${status} with ${offset}`);
      } else if (offset === upload.file.size) this.#finished(upload.file, upload.id);
      else upload.offset = offset;
    }
    return lost;
  }

  /** Sends one file in one of the ways that clients do. @throws {GoneAway} */
  async send(url: string, file: PhoneFile, stop: AbortSignal): Promise<void> {
    const bytes = contentOf(file);
    const first = this.#random.chance(0.5) ? bytes.length : this.#random.whole(0, bytes.length);
    const metadata = {
      filename: file.path.split('/').at(-1) ?? '',
      path: file.path,
      mtime: String(Date.UTC(2025, 5, 1) + file.seed * 1_000),
      ...(this.#random.chance(0.5) ? { sha256: sha256(bytes) } : {}),
    };
    const { status, headers } = await this.#send(
      url,
      'POST',
      '/api/uploads',
      {
        'upload-length': String(file.size),
        'upload-metadata': Object.entries(metadata)
          .map(([key, value]) => `${key} ${Buffer.from(value).toString('base64')}`)
          .join(','),
        ...(first > 0 ? bytesOf(bytes.subarray(0, first)) : {}),
      },
      bytes.subarray(0, first),
    );
    this.#expect(status === 201, `POST ${file.path}`, status);
    const id = String(headers['location']).split('/').at(-1) ?? '';
    const upload: OpenUpload = { id, file, offset: 0 };
    this.open.set(id, upload);
    this.#note(upload, headers, first);
    await this.#sendRest(url, upload, bytes, stop);
  }

  async #goOn(url: string, upload: OpenUpload, stop: AbortSignal): Promise<void> {
    const { status, headers } = await this.#send(url, 'HEAD', `/api/uploads/${upload.id}`);
    this.#expect(status === 200, `HEAD ${upload.file.path}`, status);
    const offset = Number(headers['upload-offset']);
    if (offset < upload.offset) {
      this.surprises.push(`${upload.file.path}: promised ${upload.offset}, HEAD says ${offset}`);
    }
    if (offset === upload.file.size) {
      this.#finished(upload.file, upload.id);
      return;
    }
    upload.offset = offset;
    await this.#sendRest(url, upload, contentOf(upload.file), stop);
  }

  async #sendRest(url: string, upload: OpenUpload, bytes: Buffer, stop: AbortSignal): Promise<void> {
    while (this.open.has(upload.id) && !stop.aborted) {
      const left = bytes.length - upload.offset;
      const size = this.#random.chance(0.4) ? left : this.#random.size(1, Math.max(1, left));
      const part = bytes.subarray(upload.offset, upload.offset + size);
      const { status, headers } = await this.#send(
        url,
        'PATCH',
        `/api/uploads/${upload.id}`,
        { 'upload-offset': String(upload.offset), ...bytesOf(part) },
        part,
      );
      this.#expect(status === 204, `PATCH ${upload.file.path}`, status);
      this.#note(upload, headers, upload.offset + size);
    }
  }

  /** Writes down what an answer promised. */
  #note(upload: OpenUpload, headers: IncomingHttpHeaders, sent: number): void {
    const { file } = upload;
    const offset = Number(headers['upload-offset']);
    if (offset !== sent) this.surprises.push(`${file.path}: sent up to ${sent}, acknowledged ${offset}`);
    if (offset === file.size) {
      this.#finished(file, upload.id);
      return;
    }
    upload.offset = Math.max(upload.offset, offset);
    this.onAcknowledged();
  }

  #finished(file: PhoneFile, id: string): void {
    this.open.delete(id);
    this.safe.set(file.path, { path: file.path, size: file.size, sha256: sha256(contentOf(file)) });
    this.onAcknowledged();
  }

  #nextFile(): PhoneFile {
    const random = this.#random;
    const number = ++this.#files;
    const like = random.chance(0.08) ? this.#known[random.whole(0, this.#known.length - 1)] : undefined;
    const seed = random.whole(1, 1_000_000_000);
    const month = String(random.whole(1, 12)).padStart(2, '0');
    const takenLocal = `${random.whole(2019, 2026)}-${month}-11T10:20:30`;
    const large = random.chance(this.#limits.largeShare);
    const kind: FileKind = large || random.chance(0.1) ? 'noise' : 'jpeg';
    const size = large
      ? random.whole(this.#limits.largeBytesMin, this.#limits.largeBytesMax)
      : random.size(5 * 1024, this.#limits.pictureBytesMax);
    const ending = kind === 'jpeg' || random.chance(0.3) ? 'jpg' : 'bin';
    // Names repeat between phones on purpose: their files meet in the same month's folder.
    const path = `DCIM/Camera/${this.#name.slice(0, 1)}${number}.${ending}`;
    const file = like === undefined ? { path, kind, seed, size, takenLocal } : { ...like, path };
    if (like === undefined && !large) this.#known.push(file);
    return file;
  }

  async #untilGone(work: () => Promise<void>): Promise<void> {
    this.#renewAgent();
    try {
      await work();
    } catch (error) {
      if (!(error instanceof GoneAway)) throw error;
    }
  }

  #expect(good: boolean, what: string, status: number): void {
    if (good) return;
    if (!notNow.has(status)) this.surprises.push(`${what}: ${status}`);
    throw new GoneAway(`${what}: ${status}`);
  }

  #renewAgent(): void {
    this.#agent.destroy();
    this.#agent = new Agent({ keepAlive: true });
  }

  #send(
    url: string,
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body: Buffer = Buffer.alloc(0),
  ): Promise<Answer> {
    const random = this.#random;
    return new Promise((resolve, reject) => {
      const asked = request(`${url}${path}`, {
        method,
        agent: this.#agent,
        headers: {
          authorization: `Bearer ${this.token}`,
          'tus-resumable': '1.0.0',
          'content-length': String(body.length),
          ...headers,
        },
        timeout: requestMsMax,
      });
      asked.once('timeout', () => {
        this.surprises.push(`${method} ${path}: no answer for ${requestMsMax} ms`);
        asked.destroy();
      });
      asked.on('error', (error) => reject(new GoneAway(error.message)));
      asked.once('response', (response) => {
        response.resume();
        response.once('end', () => {
          if (this.deaf) {
            reject(new GoneAway('The plug was pulled.'));
            return;
          }
          const status = response.statusCode ?? 0;
          this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
          resolve({ status, headers: response.headers });
        });
        response.once('error', (error) => reject(new GoneAway(error.message)));
      });
      writeInPieces(asked, body, random);
    });
  }
}

/** In pieces like a network's, so that the box dies in the middle of one now and then. */
function writeInPieces(asked: ReturnType<typeof request>, body: Buffer, random: Random): void {
  let at = 0;
  const next = () => {
    if (asked.destroyed) return;
    if (at >= body.length) {
      asked.end();
      return;
    }
    const piece = body.subarray(at, at + random.size(1_024, 512 * 1_024));
    at += piece.length;
    if (asked.write(piece)) setImmediate(next);
    else asked.once('drain', next);
  };
  next();
}

function bytesOf(part: Buffer): Record<string, string> {
  return { 'content-type': 'application/offset+octet-stream', 'content-length': String(part.length) };
}

/** The file's bytes: equal for equal files, so that nobody needs to keep them. */
export function contentOf(file: PhoneFile): Buffer {
  if (file.kind === 'jpeg') return exifJpeg({ seed: file.seed, bytes: file.size, takenLocal: file.takenLocal });
  const key = createHash('sha256').update(`noise ${file.seed}`).digest().subarray(0, 16);
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(file.size));
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
