/** The partition with nightjar.txt: mounted for a moment, in this program's own mount namespace, and never for longer. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { bytesMax } from './text.mts';

const device = '/run/nightjar-slots/bootsel';
const point = '/run/nightjar-bootsel';
const programMsMax = 30_000;

export type Partition = Readonly<{
  /** Undefined: there is no such file, or none that a person wrote. @throws when the partition cannot be read. */
  read(): Buffer | undefined;
  /** Over what is there, which is not shorter; on the card when it returns. @throws */
  overwrite(bytes: Uint8Array): void;
}>;

export const bootPartition: Partition = {
  read: () => mounted('ro', (folder) => readIn(folder)),
  overwrite(bytes) {
    // What an unplugged cord left half done is put right before anything is written.
    run('/usr/sbin/fsck.vfat', ['-a', '-w', device], [0, 1]);
    mounted('rw', (folder) => overwriteIn(folder, bytes));
  },
};

/** A folder in its place: for tests, and where there is no such partition. */
export function folderAsPartition(folder: string): Partition {
  return { read: () => readIn(folder), overwrite: (bytes) => overwriteIn(folder, bytes) };
}

function mounted<T>(mode: 'ro' | 'rw', work: (folder: string) => T): T {
  if (!existsSync(device)) throw new Error('This box has no partition "bootsel".');
  mkdirSync(point, { recursive: true, mode: 0o700 });
  const options = `${mode},nosuid,nodev,noexec,nosymfollow,umask=0077,utf8=1`;
  run('/usr/bin/mount', ['-i', '-t', 'vfat', '-o', options, '--source', device, '--target', point], [0]);
  try {
    return work(point);
  } finally {
    run('/usr/bin/umount', ['-i', point], [0]);
  }
}

function readIn(folder: string): Buffer | undefined {
  const path = join(folder, 'nightjar.txt');
  if (!existsSync(path)) return undefined;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile() || facts.size > bytesMax) return undefined;
    const bytes = Buffer.alloc(facts.size);
    let filled = 0;
    for (let count = -1; filled < bytes.length && count !== 0; filled += count) {
      count = readSync(fd, bytes, filled, bytes.length - filled, filled);
    }
    return bytes.subarray(0, filled);
  } finally {
    closeSync(fd);
  }
}

/** Never truncated and never renamed: the clusters stay the file's. */
function overwriteIn(folder: string, bytes: Uint8Array): void {
  const fd = openSync(join(folder, 'nightjar.txt'), constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_SYNC);
  try {
    if (!fstatSync(fd).isFile()) throw new Error('nightjar.txt is no file.');
    for (let written = 0; written < bytes.length; ) {
      written += writeSync(fd, bytes, written, bytes.length - written, written);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function run(program: string, args: readonly string[], allowed: readonly number[]): void {
  const { status, error, stderr } = spawnSync(program, args, {
    env: { LC_ALL: 'C' },
    cwd: '/',
    timeout: programMsMax,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (error === undefined && status !== null && allowed.includes(status)) return;
  throw new Error(`${program} failed (${status ?? error?.message}): ${stderr?.toString().slice(-300) ?? ''}`);
}
