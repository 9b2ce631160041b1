/**
 * Goes through a foreign folder and all below it, with little memory: names are never collected, a folder of a million
 * files is read as it comes, once for each kind of thing that is in it. Photos come before videos, and both before the
 * notes that stand beside them, since each finds its place by what came before. Folders of a year come before others: in a
 * Takeout they have the notes, and the same photo in an album may have none.
 */
import { type MediaKind, mediaKind } from '../library/media-kinds.ts';
import type { ForeignEntry, ForeignFacts, ForeignFolder } from './foreign-folder.ts';
import { fileLeftOut, folderLeftOut, type LeftOutReason, nameOf } from './names.ts';

/** A file that may be taken. `folder` is held as long as `take` runs. */
export type FoundFile = Readonly<{
  folder: ForeignFolder;
  name: Buffer;
  /** Below the folder that is imported. */
  path: string;
  kind: MediaKind;
  facts: ForeignFacts;
  /** Whether notes in JSON are in its folder. */
  noted: boolean;
}>;

export type Visitor = Readonly<{
  allFiles: boolean;
  signal: AbortSignal;
  /** Whether it is the box's own: its library, its state. */
  isOwn: (folder: ForeignFolder) => boolean;
  take: (files: readonly FoundFile[]) => Promise<void>;
  leftOut: (path: string, reason: LeftOutReason, kind: MediaKind) => void;
  /** Told of what could not be read. @throws when the disk it is on is gone */
  failed: (path: string, error: unknown) => Promise<void>;
}>;

type Pass = 'photo' | 'other' | 'sidecar';
type Inside = { photo: boolean; other: boolean; sidecar: boolean; folders: boolean; noted: boolean };
/** A folder on the way, and those that it is in. */
type Place = Readonly<{ folder: ForeignFolder; path: string; above: Place | undefined; depth: number }>;

/** What a phone's path may have; each level holds a handle or two. */
const depthMax = 60;
const filesAtOnce = 32;
/** "Photos from 2018", in whatever language. */
const yearAtEnd = /(?:^|\D)(?:19|20)\d\d$/;
const passes: readonly Pass[] = ['photo', 'other', 'sidecar'];

export async function walk(root: ForeignFolder, visitor: Visitor): Promise<void> {
  await visit({ folder: root, path: '', above: undefined, depth: 0 }, visitor);
}

async function visit(place: Place, visitor: Visitor): Promise<void> {
  const inside = await look(place, visitor);
  for (const pass of passes) if (inside[pass]) await takeAll(place, pass, inside.noted, visitor);
  if (!inside.folders) return;
  for (const ofYear of [true, false]) {
    await each(place, visitor, async ({ name, is }) => {
      const text = nameOf(name);
      if (is !== 'folder' || folderLeftOut(text) !== undefined || yearAtEnd.test(text) !== ofYear) return;
      await descend(place, name, visitor);
    });
  }
}

/** What is in it; what is left out by its name or nature is told of here, once. */
async function look(place: Place, visitor: Visitor): Promise<Inside> {
  const inside: Inside = { photo: false, other: false, sidecar: false, folders: false, noted: false };
  await each(place, visitor, async (entry) => {
    const name = nameOf(entry.name);
    const { kind } = mediaKind(name);
    if (entry.is === 'file' && name.toLowerCase().endsWith('.json')) inside.noted = true;
    const reason = leftOut(entry, name, visitor.allFiles);
    if (reason !== undefined) visitor.leftOut(join(place.path, name), reason, kind);
    else if (entry.is === 'folder') inside.folders = true;
    else inside[passOf(kind)] = true;
  });
  return inside;
}

function leftOut({ is }: ForeignEntry, name: string, allFiles: boolean): LeftOutReason | undefined {
  if (is === 'other') return 'no-file';
  return is === 'folder' ? folderLeftOut(name) : fileLeftOut(name, allFiles);
}

async function takeAll(place: Place, pass: Pass, noted: boolean, visitor: Visitor): Promise<void> {
  let files: FoundFile[] = [];
  const take = async () => {
    const taken = files;
    files = [];
    if (taken.length > 0) await visitor.take(taken);
  };
  await each(place, visitor, async ({ name, is }) => {
    const text = nameOf(name);
    const { kind } = mediaKind(text);
    if (is !== 'file' || passOf(kind) !== pass || fileLeftOut(text, visitor.allFiles) !== undefined) return;
    const path = join(place.path, text);
    try {
      const facts = await place.folder.facts(name);
      // It was one a moment ago.
      if (facts.isFile) files.push({ folder: place.folder, name, path, kind, facts, noted });
      else visitor.leftOut(path, 'no-file', kind);
    } catch (error) {
      await visitor.failed(path, error);
    }
    if (files.length >= filesAtOnce) await take();
  });
  await take();
}

async function descend(place: Place, name: Buffer, visitor: Visitor): Promise<void> {
  const path = join(place.path, nameOf(name));
  const leave = (reason: LeftOutReason) => visitor.leftOut(path, reason, 'file');
  if (place.depth >= depthMax) return leave('too-deep');
  const folder = await place.folder.folder(name).catch(async (error: unknown) => {
    await visitor.failed(path, error);
    return undefined;
  });
  if (folder === undefined) return;
  try {
    if (visitor.isOwn(folder)) return leave('own-library');
    if (folder.dev !== place.folder.dev) return leave('other-disk');
    for (let at: Place | undefined = place; at !== undefined; at = at.above) {
      if (at.folder.ino === folder.ino && at.folder.dev === folder.dev) return leave('loop');
    }
    await visit({ folder, path, above: place, depth: place.depth + 1 }, visitor);
  } finally {
    await folder.close();
  }
}

/** Every entry, as far as the folder can be read. */
async function each(place: Place, visitor: Visitor, work: (entry: ForeignEntry) => Promise<void>): Promise<void> {
  const entries = place.folder.entries();
  try {
    for (;;) {
      visitor.signal.throwIfAborted();
      const next = await entries.next().catch(async (error: unknown) => {
        await visitor.failed(place.path === '' ? '.' : place.path, error);
        return { done: true as const, value: undefined };
      });
      if (next.done === true) return;
      await work(next.value);
    }
  } finally {
    await entries.return().catch(() => undefined);
  }
}

function passOf(kind: MediaKind): Pass {
  return kind === 'photo' || kind === 'sidecar' ? kind : 'other';
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
