/** What pages say of attached disks, worked out from the box's answers: no words, and nothing is asked. */
import type { ReplyOf } from '../ask/ask.ts';

export type Listed = ReplyOf<'GET /api/disks'>;
export type AttachedDisk = Listed['disks'][number];
export type Volume = AttachedDisk['volumes'][number];
export type Room = ReplyOf<'GET /api/room'>;
export type Mirror = ReplyOf<'GET /api/mirrors'>['mirrors'][number];
export type LibraryState = ReplyOf<'GET /api/health'>['disk'];
export type RoomOn = Readonly<{ totalBytes: number; freeBytes: number; fullInDays: number | null }>;

/** What is used of it, else what is looked at, the only one or the largest: the one that is spoken of. */
export function mainVolume({ volumes }: AttachedDisk): Volume | undefined {
  return (
    volumes.find(({ role }) => role !== null) ??
    volumes.find(({ source }) => source !== null) ??
    volumes.toSorted((a, b) => b.sizeBytes - a.sizeBytes)[0]
  );
}

export function roleOf({ volumes }: AttachedDisk): Volume['role'] {
  return volumes.find(({ role }) => role !== null)?.role ?? null;
}

/** Left alone by the box: not for photos. */
export function isOthers({ state }: AttachedDisk): boolean {
  return state === 'system' || state === 'in-use';
}

/** The mirror that is on it. */
export function mirrorOn(disk: AttachedDisk, mirrors: readonly Mirror[]): Mirror | undefined {
  const marker = disk.volumes.find(({ role }) => role === 'mirror')?.markerId;
  return mirrors.find(({ diskId }) => diskId === marker);
}

/** Everything of the library is on it, as far as the box knows. */
export function isWhole({ attached, problem, waiting, lastCompleteAt }: Mirror): boolean {
  return attached && problem === null && waiting.files === 0 && lastCompleteAt !== null;
}

/** Undefined: nobody can tell while it is not mounted. */
export function roomOn(disk: AttachedDisk, { room, mirrors }: RoomFacts): RoomOn | undefined {
  const volume = mainVolume(disk);
  if (volume?.role === 'library') return room.library ?? undefined;
  if (volume?.role === 'mirror') return roomOfMirror(volume.markerId, room, mirrors);
  const looked = room.looks.find(({ source }) => source === volume?.source);
  return looked && { ...looked, fullInDays: null };
}

type RoomFacts = Readonly<{ room: Room; mirrors: readonly Mirror[] }>;

/** While it catches up it fills faster than the library: nothing is foretold. */
export function roomOfMirror(marker: string | null, room: Room, mirrors: readonly Mirror[]): RoomOn | undefined {
  const own = room.mirrors.find(({ diskId }) => diskId === marker);
  const behind = mirrors.some(({ diskId, waiting }) => diskId === marker && waiting.files > 0);
  return own && behind ? { ...own, fullInDays: null } : own;
}

/** What can be done with it. `again`: it was that before. `keeps`: the filesystem that it stays. */
export type DiskOption =
  | Readonly<{ do: 'library' | 'mirror'; again: boolean; keeps: string; volume: string; recommended: boolean }>
  | Readonly<{ do: 'erase'; role: 'library' | 'mirror'; recommended: boolean }>
  | Readonly<{ do: 'look'; volume: string; recommended: boolean }>;

/** The one that most should take first. */
export function optionsOf(disk: AttachedDisk, library: LibraryState): DiskOption[] {
  if (isOthers(disk) || disk.state === 'busy' || disk.state === 'used') return [];
  const volume = mainVolume(disk);
  const role = library === 'none' ? 'library' : 'mirror';
  const uses = volume === undefined || disk.writeProtected ? [] : usesOf(volume, library);
  const mayErase = library !== 'missing' && disk.erasing.refused === null;
  const erase: DiskOption[] = mayErase ? [{ do: 'erase', role, recommended: false }] : [];
  const looks: DiskOption[] =
    volume !== undefined && isForLooking(volume) ? [{ do: 'look', volume: volume.name, recommended: false }] : [];
  if (uses.length === 0 && looks.length > 0) {
    // Somebody's files: what harms nothing is first, and nothing is advised.
    return [...looks, ...erase];
  }
  // An empty exFAT can be used; sturdier is better, and erasing it costs nobody anything.
  // All of it goes, not what is spoken of alone.
  const empty = disk.volumes.every(({ holds }) => holds === 'no-filesystem' || holds === 'empty');
  const erasedFirst = empty && uses.some((one) => 'keeps' in one && !one.again && one.keeps === 'exfat');
  const all = erasedFirst ? [...erase, ...uses] : [...uses, ...erase, ...looks];
  // What holds anything is not advised to be erased.
  return all.map((one, index) => ({ ...one, recommended: index === 0 && (empty || one.do !== 'erase') }));
}

function usesOf({ name: volume, holds, filesystem: keeps }: Volume, library: LibraryState): DiskOption[] {
  const use = (role: 'library' | 'mirror', again: boolean): DiskOption[] => [
    { do: role, again, keeps, volume, recommended: false },
  ];
  if (holds === 'library') return use('library', true);
  if (holds === 'mirror') return library === 'ok' ? use('mirror', true) : [];
  if (holds !== 'empty' || library === 'missing') return [];
  return use(library === 'none' ? 'library' : 'mirror', false);
}

function isForLooking({ filesystem, source, holds }: Volume): boolean {
  return filesystem !== '' && source === null && holds !== 'empty';
}
