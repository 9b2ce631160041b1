/**
 * From where photos may be imported: disks that are only looked at, and for the console any folder of this machine; never
 * the box's own library or state.
 */
import { lstat, readFile, realpath } from 'node:fs/promises';
import { lookInto } from '../disks/foreign-look.ts';
import { OwnFolders } from '../disks/own-folders.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import { ForeignFolder } from './foreign-folder.ts';

/** A disk that is mounted read-only. `id`: as `POST /api/imports` names it. */
type ImportRoot = Readonly<{ id: string; path: string }>;
type ImportRoots = () => Promise<readonly ImportRoot[]>;
export const anyFolder = 'folder';

/**
 * What is mounted read-only right below `mountRoot`, by the kernel's own list (proc_pid_mountinfo(5)); `id` is the
 * folder's name. `seenAt`: where this process has what that list says of `mountRoot`.
 */
export function mountedRoots(mountRoot: string, mountInfo = '/proc/self/mountinfo', seenAt = mountRoot): ImportRoots {
  return async () => {
    const lines = (await readFile(mountInfo, 'utf8')).split('\n');
    return lines.flatMap((line) => {
      const [, , , , mountPoint = '', options = ''] = line.split(' ');
      const path = mountPoint.replace(/\\([0-7]{3})/g, (_, code: string) =>
        String.fromCharCode(Number.parseInt(code, 8)),
      );
      const id = path.slice(mountRoot.length + 1);
      const below = path.startsWith(`${mountRoot}/`) && id !== '' && !id.includes('/');
      return below && options.split(',').includes('ro') ? [{ id, path: `${seenAt}/${id}` }] : [];
    });
  };
}

export type SourceDeps = Readonly<{
  roots: ImportRoots;
  /** The library's disk and the state folder: never imported from. */
  ownDirs: () => readonly string[];
}>;

/** A source that is open: its folder is held, and nothing outside it can be reached. */
export class Source {
  readonly folder: ForeignFolder;
  readonly #path: string;
  readonly #own: OwnFolders;

  private constructor(folder: ForeignFolder, path: string, own: OwnFolders) {
    this.folder = folder;
    this.#path = path;
    this.#own = own;
  }

  /**
   * Opens the folder of an import. @throws {CodedError} `not-found`: there is no such disk or folder (now);
   * `forbidden`: it is the box's own, or this user may not read it; `invalid-request`
   */
  static async open(deps: SourceDeps, { source, folder }: { source: string; folder: string }): Promise<Source> {
    const path = await pathOf(deps, source, folder);
    const own = await OwnFolders.of(deps.ownDirs());
    let opened: ForeignFolder;
    try {
      opened = await ForeignFolder.open(path);
    } catch (error) {
      throw refusalOf(error);
    }
    try {
      const it = new Source(opened, path, own);
      if (await own.hold(path)) {
        throw new CodedError(
          'forbidden',
          'This folder is the box’s own: its library, or its state. What is there needs no import. Nothing was changed.',
        );
      }
      return it;
    } catch (error) {
      await opened.close();
      // What that disk says must not be taken for the library's.
      throw error instanceof CodedError ? error : refusalOf(error);
    }
  }

  isOwn(folder: ForeignFolder): boolean {
    return this.#own.has(folder);
  }

  /** @throws {CodedError} `not-found` when what is held is not what stands at its place any more, or does not answer */
  async check(): Promise<void> {
    try {
      const there = await lstat(this.#path);
      for await (const _ of this.folder.entries()) break;
      if (there.dev === this.folder.dev && there.ino === this.folder.ino) return;
    } catch {
      // The same verdict.
    }
    throw gone();
  }

  async close(): Promise<void> {
    await this.folder.close();
  }
}

/** Whether that disk holds the library of a box, or what may be one: several people's photos. @throws {CodedError} `not-found` */
export async function holdsLibrary({ roots }: SourceDeps, source: string): Promise<boolean> {
  const root = (await roots()).find(({ id }) => id === source);
  if (root === undefined) throw gone();
  const { is } = await lookInto(root.path).catch((error: unknown) => {
    throw refusalOf(error);
  });
  return is === 'marked' || is === 'odd';
}

async function pathOf(deps: SourceDeps, source: string, folder: string): Promise<string> {
  if (folder.includes('\0') || !folder.isWellFormed()) {
    throw new CodedError('invalid-request', 'This is not the name of a folder. Nothing was changed.');
  }
  if (source === anyFolder) {
    if (!folder.startsWith('/')) {
      throw new CodedError('invalid-request', 'The folder has to be given whole, from “/” on. Nothing was changed.');
    }
    // Who names a folder at the console may do so through links; from it on there are none.
    return await realpath(folder).catch((error: unknown) => {
      throw refusalOf(error);
    });
  }
  const root = (await deps.roots()).find(({ id }) => id === source);
  if (root === undefined) throw gone();
  if (folder.split('/').some((part) => part === '..')) {
    throw new CodedError('invalid-request', 'A folder on the disk is named without “..”. Nothing was changed.');
  }
  return `${root.path}/${folder}`.replace(/\/+$/, '');
}

function refusalOf(error: unknown): CodedError {
  const code = systemCode(error);
  if (code !== 'EACCES' && code !== 'EPERM') return gone(error);
  return new CodedError(
    'forbidden',
    'The user that Nightjar runs as may not read this folder. Nothing was changed; let it, or copy the folder.',
    { cause: error },
  );
}

function gone(cause?: unknown): CodedError {
  return new CodedError(
    'not-found',
    'There is no such disk or folder to import from, or it does not answer. What was imported is safe; when it is back, the import goes on.',
    { cause },
  );
}
