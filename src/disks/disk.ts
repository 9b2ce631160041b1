/**
 * One attached disk (or a folder that stands as one), held open by its root folder and known by its marker.
 * Knows no photo. Every path on it is opened through the held root, so that a disk that goes away can never turn
 * into a folder on the root filesystem.
 */
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readFile, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../platform/commands.ts';
import { replaceFileDurably, syncFolder } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import { isOf, type Static, Type } from '../platform/schema.ts';

export const markerFolder = '.nightjar';
const markerPath = `${markerFolder}/disk.json`;
const markerBytesMax = 64 * 1024;

export const Marker = Type.Object({
  format: Type.Literal(1),
  /** This library's identity; survives a copy to another disk only by promotion. */
  diskId: Type.String({ pattern: '^[0-9a-f-]{36}$' }),
  boxId: Type.String({ pattern: '^[0-9a-f-]{36}$' }),
  createdAt: Type.Integer(),
  /** The filesystem that the marker was written on, where it has an identity of its own. */
  filesystem: Type.Union([Type.Object({ type: Type.String(), id: Type.String() }), Type.Null()]),
  /** The library that it is a disk of: the id of its first disk. Not there: its own. */
  libraryId: Type.Optional(Type.String({ pattern: '^[0-9a-f-]{36}$' })),
  /** Not there: the library itself. */
  role: Type.Optional(Type.Union([Type.Literal('library'), Type.Literal('mirror')])),
});
export type DiskMarker = Static<typeof Marker>;
export type DiskRole = 'library' | 'mirror';

/** A disk that holds a library a second time, and is there. Whoever attaches it closes it, after whoever uses it let go. */
export type AttachedMirror = Readonly<{ disk: Disk; diskId: string; name: string }>;

/** statfs(2) magic numbers of filesystems whose f_fsid comes from the filesystem's own UUID, whatever device it is on. */
const stableIds: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x9123683e, 'btrfs'],
]);

export class Disk {
  /** Where it is attached. For people and for checks; never to write through. */
  readonly path: string;
  #marker: DiskMarker;
  readonly #root: FileHandle;
  readonly #device: number;
  readonly #inode: number;
  /** The marker's file as it was when it was last read and right. */
  #checkedMarker: string | undefined;
  #closed = false;

  private constructor(path: string, marker: DiskMarker, root: FileHandle, at: { dev: number; ino: number }) {
    this.path = path;
    this.#marker = marker;
    this.#root = root;
    this.#device = at.dev;
    this.#inode = at.ino;
  }

  /**
   * Opens the disk at `path` if it is the one with this id.
   * @throws {CodedError} `disk-missing` when no marker is there; `disk-foreign` when it is another disk's.
   */
  static async open(path: string, diskId: string): Promise<Disk> {
    const marker = await readMarker(path);
    if (marker === undefined) throw missing(path);
    if (marker.diskId !== diskId) throw foreign(path);
    const here = await filesystemOf(path);
    if (marker.filesystem !== null && marker.filesystem.id !== here?.id) throw foreign(path);
    const root = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      return new Disk(path, marker, root, await root.stat());
    } catch (error) {
      await root.close();
      throw error;
    }
  }

  /**
   * What the disk at `path` says of itself, whosesoever it is; undefined where it says nothing.
   * @throws {CodedError} `disk-missing` when it does not answer; `disk-foreign` when it is not understood.
   */
  static async markerAt(path: string): Promise<DiskMarker | undefined> {
    return await readMarker(path);
  }

  /**
   * Makes the disk at `path` this box's: writes its marker, durably. Only set-up and adoption call this. Returns the
   * disk's id: an older one where this same box was interrupted after writing its marker.
   * @throws {CodedError} `disk-missing` without such a folder; `disk-foreign` when it has another box's marker.
   */
  static async adopt(path: string, facts: { diskId: string; boxId: string; now: number }): Promise<string> {
    const at = await lstat(path).catch(() => undefined);
    if (at === undefined || !at.isDirectory()) throw missing(path);
    const already = await readMarker(path);
    if (already?.boxId === facts.boxId) return already.diskId;
    if (already !== undefined) {
      throw new CodedError(
        'disk-foreign',
        `The disk at ${path} already holds a Nightjar library of another box. Nothing was changed on it.`,
      );
    }
    const marker: DiskMarker = {
      format: 1,
      diskId: facts.diskId,
      boxId: facts.boxId,
      createdAt: facts.now,
      filesystem: (await filesystemOf(path)) ?? null,
    };
    await writeMarker(path, marker);
    return marker.diskId;
  }

  /**
   * Makes the disk at `path` a mirror of this box's library. Returns its id: an older one where it is such a mirror already.
   * @throws {CodedError} `disk-missing` without such a folder; `disk-foreign` when it is anything else of Nightjar's.
   */
  static async adoptMirror(
    path: string,
    facts: { diskId: string; boxId: string; libraryId: string; now: number },
  ): Promise<string> {
    const at = await lstat(path).catch(() => undefined);
    if (at === undefined || !at.isDirectory()) throw missing(path);
    const { now: createdAt, ...ids } = facts;
    const already = await readMarker(path);
    if (already === undefined) {
      await writeMarker(path, {
        format: 1,
        createdAt,
        ...ids,
        role: 'mirror',
        filesystem: (await filesystemOf(path)) ?? null,
      });
      return facts.diskId;
    }
    if (already.role === 'mirror' && already.boxId === ids.boxId && already.libraryId === ids.libraryId)
      return already.diskId;
    throw new CodedError(
      'disk-foreign',
      `The disk at ${path} holds something else of a Nightjar box. Nothing was changed on it.`,
    );
  }

  get marker(): DiskMarker {
    return this.#marker;
  }

  /** Of which library it is a disk. */
  get libraryId(): string {
    return this.#marker.libraryId ?? this.#marker.diskId;
  }

  get role(): DiskRole {
    return this.#marker.role ?? 'library';
  }

  /** Durable when it returns. A mirror that became the library, or the other way round. */
  async setRole(role: DiskRole): Promise<void> {
    if (this.role === role) return;
    const marker = { ...this.#marker, libraryId: this.libraryId, role };
    await replaceFileDurably(this.resolve(markerPath), `${JSON.stringify(marker, null, 2)}\n`);
    this.#marker = marker;
  }

  /**
   * A path that leads to `relative` on this very disk, even when something else is mounted over its place.
   * @throws {CodedError} `disk-missing` once closed.
   */
  resolve(relative: string): string {
    // A closed root's number may be another file's by now.
    if (this.#closed) throw missing(this.path);
    return relative === '' || relative === '.'
      ? `/proc/self/fd/${this.#root.fd}`
      : `/proc/self/fd/${this.#root.fd}/${relative}`;
  }

  /** The same by name, for another program to read: `resolve` means something to this process only. */
  named(relative: string): string {
    return join(this.path, relative);
  }

  /**
   * Says whether this disk is still the one attached at its place. Called before every publish. `byReading`: the marker
   * is read also when it is the same file as before, since the names of a disk that died can still be looked up.
   * @throws {CodedError} `disk-missing` or `disk-foreign`.
   */
  async check(options: { byReading?: boolean } = {}): Promise<void> {
    // On the way of every photo: the marker is read again only when it is another file, or was changed.
    const [at, now] = await Promise.all([
      stat(this.path).catch(() => undefined),
      lstat(this.resolve(markerPath), { bigint: true }).catch(() => undefined),
    ]);
    if (at === undefined || at.dev !== this.#device || at.ino !== this.#inode) throw missing(this.path);
    const version = now === undefined ? undefined : `${now.dev} ${now.ino} ${now.size} ${now.mtimeNs} ${now.ctimeNs}`;
    if (version !== undefined && version === this.#checkedMarker && options.byReading !== true) return;
    const marker = await readMarker(this.resolve(''));
    if (marker === undefined) throw missing(this.path);
    if (marker.diskId !== this.marker.diskId) throw foreign(this.path);
    this.#checkedMarker = version;
  }

  /** Bytes that an ordinary user may still write. */
  async freeBytes(): Promise<number> {
    return (await this.room()).freeBytes;
  }

  /** How large it is, and what of it an ordinary user may still write. */
  async room(): Promise<{ totalBytes: number; freeBytes: number }> {
    const { blocks, bavail, bsize } = await statfs(this.resolve(''));
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#root.close();
  }
}

async function writeMarker(path: string, marker: DiskMarker): Promise<void> {
  await mkdir(join(path, markerFolder), { recursive: true, mode: 0o700 });
  await syncFolder(path);
  await replaceFileDurably(join(path, markerPath), `${JSON.stringify(marker, null, 2)}\n`);
}

/** The marker of the disk at `path`; undefined when there is none. A marker that cannot be understood is foreign. */
async function readMarker(path: string): Promise<DiskMarker | undefined> {
  const file = join(path, markerPath);
  let text: string;
  try {
    const facts = await lstat(file);
    if (!facts.isFile() || facts.size > markerBytesMax) throw foreign(path);
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new CodedError(
      'disk-missing',
      `The disk at ${path} does not answer. Nothing that was acknowledged is lost.`,
      { cause: error },
    );
  }
  try {
    const marker: unknown = JSON.parse(text);
    if (isOf(Marker, marker)) return marker;
  } catch {
    // Not JSON: the same verdict as JSON of another shape.
  }
  throw foreign(path);
}

/** The filesystem under `path`, if it has an identity that stays the same on every machine and device. */
async function filesystemOf(path: string): Promise<{ type: string; id: string } | undefined> {
  const type = stableIds.get((await statfs(path)).type);
  if (type === undefined) return undefined;
  const answer = await runCommand('stat', ['-f', '-c', '%i', '--', path], { timeoutMs: 5_000, outputBytesMax: 1_024 });
  const id = answer.stdout.toString().trim();
  return answer.status === 0 && /^[0-9a-f]+$/.test(id) ? { type, id } : undefined;
}

function missing(path: string): CodedError {
  return new CodedError(
    'disk-missing',
    `The library's disk is not at ${path}. Nothing that was acknowledged is lost; put the disk back, and the box goes on by itself.`,
  );
}

function foreign(path: string): CodedError {
  return new CodedError(
    'disk-foreign',
    `The disk at ${path} is not the one that this box adopted. Nothing was written to it; put the right disk back, and the box goes on by itself.`,
  );
}
