/**
 * Brings everything back from there to a folder that is new or empty. What makes it a library comes last and at once: a box
 * that looks for its library there finds none before it is whole. Never overwrites, never takes away what it did not bring.
 */
import { mkdir, readdir, realpath, rename, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { OwnFolders } from '../disks/own-folders.ts';
import { runCommand } from '../platform/commands.ts';
import { ignoreMissing, syncFolder } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import type { RestoreView } from './contract.ts';
import type { Engine } from './engine.ts';
import { offboxFailed } from './reasons.ts';
import type { Asker, Snapshot } from './snapshots.ts';
import { aloneFolder } from './tree.ts';

const restoreMsMax = 14 * 24 * 3_600_000;
const syncMsMax = 30 * 60_000;
const sideName = '.nightjar-restoring';
/** What mkfs leaves at the top of a new disk. */
const harmless = new Set(['lost+found', sideName]);

/**
 * The folder, made if it was not there. `ownDirs`: the box's own, where nothing is restored to; `freeDir`: where the library
 * is to be, while there is none. @throws {CodedError} `invalid-request`, `not-found`, `forbidden`, `conflict`
 */
export async function restoreFolder(asked: string, ownDirs: readonly string[], freeDir: string | undefined) {
  if (!isAbsolute(asked) || asked.includes('\0')) {
    throw new CodedError('invalid-request', 'The folder has to be given whole, from “/” on. Nothing was changed.');
  }
  const folder = await made(asked);
  const free = freeDir === undefined ? undefined : await realpath(freeDir).catch(() => undefined);
  const own = await OwnFolders.of(ownDirs);
  if (folder !== free && (await own.hold(folder))) {
    throw new CodedError('forbidden', 'This folder is the box’s own, or on its disk. Nothing was changed.');
  }
  const names = (await readdir(folder)).filter((name) => !harmless.has(name));
  if (names.length > 0) {
    throw new CodedError('conflict', 'This folder is not empty. Nothing was changed; name a new one.');
  }
  return folder;
}

/** @throws {CodedError} `offbox-failed`, and what the folder's disk says */
export async function restore(
  engine: Engine,
  asker: Asker,
  { snapshot, folder }: { snapshot: Snapshot; folder: string },
  note: (view: Partial<RestoreView>) => void,
): Promise<void> {
  const run = async (target: string, which: readonly string[]) => {
    const args = ['restore', snapshot.id, '--target', target, '--verify', ...which];
    await engine.run({ ...asker, args, timeoutMs: restoreMsMax, rests: false });
  };
  const side = join(folder, sideName);
  await rm(side, { recursive: true, force: true });
  await run(folder, ['--exclude', '/.nightjar']);
  await mkdir(side, { mode: 0o700 });
  await run(side, ['--include', '/.nightjar']);
  const adoptable = await putTogether(join(side, '.nightjar'));
  note({ adoptable, files: await countIn(folder) });
  // Everything that was written until now, before the marker says that it is a library.
  const { status } = await runCommand('sync', ['-f', folder], { timeoutMs: syncMsMax, outputBytesMax: 4_096 });
  if (status !== 0) throw offboxFailed('failed', 'The disk did not take it.');
  if (adoptable) await rename(join(side, '.nightjar'), join(folder, '.nightjar'));
  await rm(side, { recursive: true, force: true });
  await syncFolder(folder);
}

/** The catalogue and the marker in their places. False: the snapshot has none (of a first copy that was not whole). */
async function putTogether(dir: string): Promise<boolean> {
  const alone = join(dirname(dir), aloneFolder);
  const names = (await readdir(alone).catch(ignoreMissing)) ?? [];
  if (!names.includes('library.sqlite') || !names.includes('disk.json')) return false;
  for (const name of ['library.sqlite', 'disk.json']) await rename(join(alone, name), join(dir, name));
  await rm(join(dir, 'offbox'), { recursive: true, force: true });
  return true;
}

async function made(asked: string): Promise<string> {
  try {
    await mkdir(asked, { mode: 0o755 }).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error;
    });
    return await realpath(asked);
  } catch (error) {
    throw new CodedError(
      'not-found',
      'There is no such place, or the user that Nightjar runs as may not write there. Nothing was changed.',
      { cause: error },
    );
  }
}

/** Files, links not followed. */
async function countIn(folder: string): Promise<number> {
  let files = 0;
  const waiting = [folder];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const entry of await readdir(at, { withFileTypes: true })) {
      if (entry.name === sideName) continue;
      if (entry.isDirectory()) waiting.push(join(at, entry.name));
      else files += 1;
    }
  }
  return files;
}
