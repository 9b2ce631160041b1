/**
 * What goes into a copy of the box state: its database as it is at one moment, without its sessions; its certificates with
 * their keys, so that phones and pinned apps go on; the key by which it opens its data key. And the way back to a folder.
 *
 * The content of a copy is one file after the other: the length of a JSON text (4 bytes, big-endian), the text
 * {path, size}, and that many bytes.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Database } from '../platform/database.ts';
import { ignoreMissing, syncFolder } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import { isOf, Type } from '../platform/schema.ts';

const databaseName = 'nightjar.sqlite';
const singleFiles = ['box-key'];
const folder = 'tls';
const filesMax = 64;
const fileBytesMax = 4 * 1024 ** 3;
const entryBytesMax = 1_024;
const Entry = Type.Object({
  path: Type.String({ pattern: '^(nightjar\\.sqlite|box-key|tls/[A-Za-z0-9_-][A-Za-z0-9._-]{0,63})$' }),
  size: Type.Integer({ minimum: 0, maximum: fileBytesMax }),
});
type Source = Readonly<{ path: string; file: string; size: number }>;

/** `workDir`: made, and taken away again by `remove`. Its database holds secrets. */
export async function snapshot(from: { database: Database; stateDir: string; workDir: string }) {
  const { database, stateDir, workDir } = from;
  const remove = () => rm(workDir, { recursive: true, force: true });
  await remove();
  await mkdir(workDir, { mode: 0o700 });
  const copied = join(workDir, databaseName);
  await database.copyTo(copied, (run) => {
    // Whoever opens the copy signs in; what was begun in a browser is begun anew.
    run('DELETE FROM session');
  });
  const certificates = (await readdir(join(stateDir, folder)).catch(ignoreMissing)) ?? [];
  const kept = [...singleFiles, ...certificates.map((name) => `${folder}/${name}`)].map((path) => ({
    path,
    file: join(stateDir, path),
  }));
  const sources: Source[] = [];
  for (const { path, file } of [{ path: databaseName, file: copied }, ...kept]) {
    const facts = await stat(file).catch(ignoreMissing);
    // What is being replaced just now has a name of its own (`.new`), and is none of it.
    if (facts?.isFile() === true && !path.endsWith('.new') && isOf(Entry, { path, size: facts.size })) {
      sources.push({ path, file, size: facts.size });
    }
  }
  const bytes = sources.reduce((total, { size }) => total + size, 0);
  return { bytes, content: () => contentOf(sources), remove };
}

async function* contentOf(sources: readonly Source[]): AsyncGenerator<Buffer> {
  for (const { path, file, size } of sources) {
    const entry = Buffer.from(JSON.stringify({ path, size }));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(entry.length);
    yield Buffer.concat([length, entry]);
    let bytes = 0;
    for await (const piece of createReadStream(file, { end: Math.max(0, size - 1) }) as AsyncIterable<Buffer>) {
      bytes += piece.length;
      yield piece;
    }
    if (bytes !== size) throw new CodedError('busy', 'A file of the box’s state changed while it was copied.');
  }
}

/**
 * Writes the files of `content` to a new folder `dir`, which is there only when all of it was right; durable then.
 * @throws {CodedError} `conflict` where something is there already, and whatever `content` throws
 */
export async function unpack(content: AsyncIterable<Buffer>, dir: string): Promise<string[]> {
  const there = await readdir(dir).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return [];
    throw taken(dir);
  });
  if (there.length > 0) throw taken(dir);
  const partial = `${dir}.partial`;
  await mkdir(partial, { mode: 0o700 }).catch((error: unknown) => {
    throw systemCode(error) === 'EEXIST' ? taken(partial) : error;
  });
  try {
    const paths = await writeFiles(content, partial);
    await syncFolder(join(partial, folder)).catch(ignoreMissing);
    await syncFolder(partial);
    await rename(partial, dir);
    await syncFolder(dirname(dir));
    return paths;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function writeFiles(content: AsyncIterable<Buffer>, dir: string): Promise<string[]> {
  const bytes = new ByteReader(content);
  const paths: string[] = [];
  for (let length = await bytes.take(4); length !== undefined; length = await bytes.take(4)) {
    const text = await bytes.take(Math.min(length.readUInt32BE(), entryBytesMax));
    const entry: unknown = text && JSON.parse(text.toString('utf8'));
    if (!isOf(Entry, entry) || paths.includes(entry.path) || paths.length >= filesMax) throw notUnderstood();
    if (entry.path.startsWith(`${folder}/`)) await mkdir(join(dir, folder), { mode: 0o700, recursive: true });
    const file = await open(join(dir, entry.path), 'wx', 0o600);
    try {
      await writeOne(file, bytes, entry.size);
      await file.datasync();
    } finally {
      await file.close();
    }
    paths.push(entry.path);
  }
  if (!paths.includes(databaseName)) throw notUnderstood();
  return paths;
}

async function writeOne(file: FileHandle, bytes: ByteReader, size: number): Promise<void> {
  for (let left = size; left > 0; ) {
    const piece = await bytes.some(left);
    if (piece === undefined) throw notUnderstood();
    await file.writeFile(piece);
    left -= piece.length;
  }
}

/** Reads a stream by the number of bytes. */
class ByteReader {
  readonly #from: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(from: AsyncIterable<Buffer>) {
    this.#from = from[Symbol.asyncIterator]();
  }

  /** Exactly so many; undefined at the end. */
  async take(bytes: number): Promise<Buffer | undefined> {
    while (this.#held.length < bytes) {
      const { done, value } = await this.#from.next();
      if (done === true) {
        if (this.#held.length === 0) return undefined;
        throw notUnderstood();
      }
      this.#held = Buffer.concat([this.#held, value]);
    }
    return this.#cut(bytes);
  }

  /** At least one, at most so many; undefined at the end. */
  async some(bytesMax: number): Promise<Buffer | undefined> {
    if (this.#held.length > 0) return this.#cut(Math.min(bytesMax, this.#held.length));
    const { done, value } = await this.#from.next();
    if (done === true) return undefined;
    this.#held = value;
    return this.#cut(Math.min(bytesMax, this.#held.length));
  }

  #cut(bytes: number): Buffer {
    const piece = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return piece;
  }
}

function taken(dir: string): CodedError {
  return new CodedError(
    'conflict',
    `There is something at ${dir} already. Nothing was changed; name a folder that is not there.`,
  );
}

function notUnderstood(): CodedError {
  return new CodedError(
    'invalid-request',
    'What is in this copy is not understood: perhaps a newer Nightjar made it. Nothing was kept.',
  );
}
