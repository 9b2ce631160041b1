/**
 * Owns how much room there is on each disk that is mounted, and how long it lasts. Never waits for a disk that hangs, and
 * foretells nothing of a disk that only holds somebody's files. Called by its own route.
 */
import { statfs } from 'node:fs/promises';
import type { AttachedMirror } from '../disks/disk.ts';
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import type { RoomView } from './disks-room-contract.ts';
import type { Nights } from './nights.ts';
import { Room, type RoomOf } from './room.ts';
import { lasts } from './trend.ts';

/** `path`: where this process sees what is mounted. */
type LookedAt = Readonly<{ source: string; path: string }>;
type DisksRoomDeps = Readonly<{
  library: Pick<Library, 'state' | 'current'>;
  mirrors: () => readonly AttachedMirror[];
  looks: () => readonly LookedAt[];
  nights: Pick<Nights, 'roomOf'>;
  reserveBytes: number;
  /** Default: the disk itself is asked. */
  readRoom?: ((open: OpenLibrary) => Promise<RoomOf>) | undefined;
}>;

const nightsShown = 400;
const disksMax = 64;

export class DisksRoom {
  readonly #deps: DisksRoomDeps;
  readonly #library: Room<OpenLibrary>;
  /** By marker or source; one for each, so that a disk that hangs is asked once. */
  readonly #mirrors = new Map<string, Room<AttachedMirror['disk']>>();
  readonly #looks = new Map<string, Room<string>>();

  constructor(deps: DisksRoomDeps) {
    this.#deps = deps;
    this.#library = new Room(() => performance.now(), deps.readRoom ?? ((open) => open.disk.room()));
  }

  async view(): Promise<RoomView> {
    const { library, mirrors, looks, nights, reserveBytes } = this.#deps;
    const { nights: past, bytesPerDay } = nights.roomOf(nightsShown);
    const days = (freeBytes: number) => {
      const left = lasts(freeBytes, bytesPerDay, reserveBytes);
      return left === null ? null : Math.floor(left);
    };
    const [own, copies, others] = await Promise.all([
      this.#library.of(library.state === 'ok' ? library.current() : undefined),
      each(
        mirrors(),
        this.#mirrors,
        ({ diskId }) => diskId,
        ({ disk }) => disk,
        (disk) => disk.room(),
      ),
      each(
        looks(),
        this.#looks,
        ({ source }) => source,
        ({ path }) => path,
        roomAt,
      ),
    ]);
    return {
      reserveBytes,
      bytesPerDay: bytesPerDay === null ? null : Math.round(bytesPerDay),
      library: own && { ...own, fullInDays: days(own.freeBytes), nights: past },
      mirrors: copies.map(({ one: { diskId }, room }) => ({ diskId, ...room, fullInDays: days(room.freeBytes) })),
      looks: others.map(({ one: { source }, room }) => ({ source, ...room })),
    };
  }
}

/** What is not there any more is forgotten; what does not answer is left out. */
async function each<One, Of>(
  all: readonly One[],
  rooms: Map<string, Room<Of>>,
  nameOf: (one: One) => string,
  placeOf: (one: One) => Of,
  read: (place: Of) => Promise<RoomOf>,
): Promise<{ one: One; room: RoomOf }[]> {
  const shown = all.slice(0, disksMax);
  const names = new Set(shown.map(nameOf));
  for (const name of rooms.keys()) if (!names.has(name)) rooms.delete(name);
  const answers = shown.map(async (one) => {
    const name = nameOf(one);
    const known = rooms.get(name) ?? new Room<Of>(() => performance.now(), read);
    rooms.set(name, known);
    const room = await known.of(placeOf(one));
    return room === null ? [] : [{ one, room }];
  });
  return (await Promise.all(answers)).flat();
}

async function roomAt(path: string): Promise<RoomOf> {
  const { blocks, bavail, bsize } = await statfs(path);
  return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
}
