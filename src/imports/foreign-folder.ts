/**
 * A folder of a disk that nobody vouches for, held open. Everything in it is reached through what is held and by one
 * name at a time, so no link can lead out of it, whatever is exchanged meanwhile. Names are bytes: other systems wrote
 * them. It only reads.
 */
import { createHash } from 'node:crypto';
import { constants, type Dirent, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, opendir } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { CodedError } from '../platform/errors.ts';

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** NONBLOCK: a pipe that took a file's place must not hold the reader. */
const fileFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const entriesAtOnce = 64;
const readBytes = 1024 * 1024;

/** An entry's name, and what the folder says that it is: `other` for links, pipes, devices and sockets. */
export type ForeignEntry = Readonly<{ name: Buffer; is: 'file' | 'folder' | 'other' }>;
/** `mtimeMs`: whole milliseconds since 1970. */
export type ForeignFacts = Readonly<{ size: number; mtimeMs: number; dev: number; ino: number; isFile: boolean }>;

export class ForeignFolder {
  readonly dev: number;
  readonly ino: number;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, { dev, ino }: { dev: number; ino: number }) {
    this.#handle = handle;
    this.dev = dev;
    this.ino = ino;
  }

  /** Opens an absolute path name by name. @throws `ENOTDIR` also for a link on the way, `ENOENT`, `EACCES` */
  static async open(path: string): Promise<ForeignFolder> {
    let at = await ForeignFolder.#of(await open('/', folderFlags));
    for (const name of path.split('/').filter((one) => one !== '' && one !== '.')) {
      const parent = at;
      at = await parent.folder(Buffer.from(name)).finally(() => parent.close());
    }
    return at;
  }

  /** @throws `ENOTDIR` for what is no folder of its own, `EACCES`, `EIO`... */
  async folder(name: Buffer): Promise<ForeignFolder> {
    return await ForeignFolder.#of(await open(this.#path(name), folderFlags));
  }

  /** A few at a time: a folder may have a million. Ends early without harm. */
  async *entries(): AsyncGenerator<ForeignEntry, void, undefined> {
    // Node's types know no `buffer` here; its code does.
    const options = { encoding: 'buffer' as BufferEncoding, bufferSize: entriesAtOnce };
    for await (const entry of await opendir(`/proc/self/fd/${this.#handle.fd}`, options)) {
      const { name } = entry as unknown as Dirent<Buffer>;
      yield { name, is: entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : 'other' };
    }
  }

  /** Of the entry itself, and not of what it may link to. @throws `ENOENT`, `EIO`... */
  async facts(name: Buffer): Promise<ForeignFacts> {
    return factsOf(await lstat(this.#path(name)));
  }

  /** Opens the very file that `facts` told of. @throws {CodedError} `conflict` when it is another one by now, or none */
  async file(name: Buffer, facts: ForeignFacts): Promise<ForeignFile> {
    const handle = await open(this.#path(name), fileFlags);
    try {
      const file = new ForeignFile(handle, facts);
      await file.requireSame();
      return file;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #path(name: Buffer): Buffer {
    return Buffer.concat([Buffer.from(`/proc/self/fd/${this.#handle.fd}/`), name]);
  }

  static async #of(handle: FileHandle): Promise<ForeignFolder> {
    try {
      return new ForeignFolder(handle, await handle.stat());
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
}

/** One open file, read as often as wanted; each reading is as good as `requireSame` after it says. */
export class ForeignFile {
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #facts: ForeignFacts;
  #readAt = performance.now();

  constructor(handle: FileHandle, facts: ForeignFacts) {
    this.#handle = handle;
    this.#facts = facts;
    this.size = facts.size;
  }

  /** @throws {CodedError} `conflict` when it was changed since its folder told of it */
  async requireSame(): Promise<void> {
    const now = factsOf(await this.#handle.stat());
    const { size, mtimeMs, dev, ino } = this.#facts;
    if (now.isFile && now.size === size && now.mtimeMs === mtimeMs && now.dev === dev && now.ino === ino) return;
    throw new CodedError('conflict', 'This file changed while it was read. Nothing of it was kept.');
  }

  /** Its bytes, as many as its folder told of. Ends early without harm to the file. */
  stream(signal: AbortSignal): Readable {
    return Readable.from(this.#pieces(signal), { objectMode: false });
  }

  /** For how long its disk gave nothing. */
  get silentMs(): number {
    return performance.now() - this.#readAt;
  }

  /** SHA-256. @throws what the disk says; {CodedError} `conflict` */
  async sha256(signal: AbortSignal): Promise<Buffer> {
    const hash = createHash('sha256');
    for await (const chunk of this.#pieces(signal)) hash.update(chunk);
    await this.requireSame();
    return hash.digest();
  }

  /** The first bytes of a small file. */
  async text(bytesMax: number): Promise<string> {
    const { bytesRead, buffer } = await this.#handle.read(Buffer.alloc(Math.min(bytesMax, this.size)), 0, null, 0);
    return buffer.toString('utf8', 0, bytesRead);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async *#pieces(signal: AbortSignal): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; at < this.size; ) {
      signal.throwIfAborted();
      // A new one each time: whoever takes it may keep it until it is written.
      const { bytesRead, buffer } = await this.#handle.read(
        Buffer.allocUnsafe(Math.min(readBytes, this.size - at)),
        0,
        null,
        at,
      );
      this.#readAt = performance.now();
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  }
}

function factsOf(stats: Stats): ForeignFacts {
  const { size, mtimeMs, dev, ino } = stats;
  return { size, mtimeMs: Math.floor(mtimeMs), dev, ino, isFile: stats.isFile() };
}
