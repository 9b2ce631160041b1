/**
 * The disk of another box, as a new box finds it: which one it is, and which copies of its box lie on it. Only reads.
 */
import { lstat, readdir } from 'node:fs/promises';
import { readWraps } from '../access/key-wraps.ts';
import { Disk, type DiskMarker, markerFolder } from '../disks/disk.ts';
import { ignoreMissing } from '../platform/durable-files.ts';
import { CodedError } from '../platform/errors.ts';
import { copiesFolder, copyNameForm, headOf } from './box-copies.ts';
import type { SealedHead } from './sealed-file.ts';

/** `opensByPassword`: else by the recovery key alone. */
export type AdoptableCopy = Readonly<{ name: string; madeAt: number; opensByPassword: boolean }>;
/** Why not: for pages to go by. */
type Obstacle =
  | 'no-library'
  | 'own'
  | 'mirror'
  | 'no-copy'
  | 'other-box'
  | 'damaged'
  | 'future'
  | 'foreign'
  | 'leads-out';
type Copy = AdoptableCopy & { head: SealedHead };

const copiesMax = 32;

/**
 * Runs `use` on the disk that there is to adopt, the library's own rather than a mirror. `boxId`: of the new box.
 * @throws {CodedError} `not-adoptable` with `why`, `disk-missing`; and whatever `use` throws
 */
export async function onAdoptableDisk<T>(
  { places, boxId }: Readonly<{ places: () => readonly string[]; boxId: string }>,
  use: (disk: Disk) => Promise<T>,
): Promise<T> {
  const marked: Array<{ place: string; marker: DiskMarker }> = [];
  let unknown: unknown;
  for (const place of places()) {
    const marker = await Disk.markerAt(place).catch((error: unknown) => {
      unknown ??= error;
      return undefined;
    });
    if (marker !== undefined) marked.push({ place, marker });
  }
  const found = marked.find(({ marker }) => marker.role !== 'mirror') ?? marked[0];
  // One that is not understood is in nobody's way.
  if (found === undefined && unknown !== undefined)
    foreignAs('What the disk says of itself is not understood.')(unknown);
  if (found === undefined) {
    throw cannot('no-library', 'No disk with a library of Nightjar is attached. Attach the disk of the old box.');
  }
  const { place, marker } = found;
  if (marker.boxId === boxId) {
    throw cannot('own', 'The disk is this box’s own already. Go on with setting it up.');
  }
  if (marker.role === 'mirror') {
    throw cannot('mirror', 'This disk is a mirror. Attach the library’s own disk; the mirror joins by itself then.');
  }
  const disk = await Disk.open(place, marker.diskId).catch(
    foreignAs('The library was copied here from another filesystem. Attach the disk itself, or import its photos.'),
  );
  try {
    return await use(disk);
  } finally {
    await disk.close();
  }
}

/** The copies of the disk's own box, the newest first. @throws {CodedError} `not-adoptable` where there is none */
export async function copiesOn(disk: Disk): Promise<Copy[]> {
  for (const folder of [markerFolder, copiesFolder]) {
    const facts = await lstat(disk.resolve(folder)).catch(ignoreMissing);
    if (facts?.isDirectory() !== true) throw noCopy();
  }
  const names = (await readdir(disk.resolve(copiesFolder))).filter((name) => copyNameForm.test(name));
  const copies: Copy[] = [];
  let others = 0;
  for (const name of names.sort().slice(-copiesMax)) {
    const file = disk.resolve(`${copiesFolder}/${name}`);
    // A pipe in its place would hold the reader.
    if (!(await lstat(file)).isFile()) continue;
    const head = await headOf(file).then(
      (it) => it.head,
      (error: unknown) => {
        if (error instanceof CodedError) return undefined;
        throw error;
      },
    );
    const wraps = head && readWraps(head.wraps);
    if (head === undefined || wraps === undefined) continue;
    if (head.boxId === disk.marker.boxId)
      copies.push({ name, madeAt: head.madeAt, opensByPassword: wraps.password !== null, head });
    else others += 1;
  }
  if (copies.length > 0) return copies.sort((a, b) => b.madeAt - a.madeAt);
  throw others === 0 ? noCopy() : cannot('other-box', 'The copies on the disk are of another box than its library.');
}

function foreignAs(sentence: string) {
  return (error: unknown): never => {
    throw error instanceof CodedError && error.code === 'disk-foreign' ? cannot('foreign', sentence) : error;
  };
}

function noCopy(): CodedError {
  return cannot(
    'no-copy',
    'There is no sealed copy of the old box on this disk: it makes them once its owner has a recovery key. The photos are in plain folders, and can be imported.',
  );
}

export function cannot(why: Obstacle, sentence: string): CodedError {
  return new CodedError('not-adoptable', `${sentence} Nothing was changed.`, { facts: { why } });
}
