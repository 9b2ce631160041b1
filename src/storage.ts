/**
 * The lower half of the composition root: what keeps the photos. The library on its disk, what reads their dates, what
 * receives them, what makes pictures of them, and what takes them away and gives them back. Only nightjar.ts calls it.
 */
import { randomBytes } from 'node:crypto';
import type { LiveEvent } from './api.ts';
import type { LiveEvents } from './http/live-events.ts';
import { isImport } from './imports/imports.ts';
import { removeAside } from './library/aside.ts';
import { choose } from './library/capture-date.ts';
import { CaptureReader } from './library/capture-reader.ts';
import { ChecksumLists } from './library/checksum-lists.ts';
import { Downloads } from './library/downloads.ts';
import { Erasure } from './library/erasure.ts';
import { Library, type PersonCopy } from './library/library.ts';
import { tellArrived } from './library/live.ts';
import { mediaKind } from './library/media-kinds.ts';
import type { OpenLibrary } from './library/open-library.ts';
import { Publishing } from './library/publishing.ts';
import { nameIndexWork } from './library/search.ts';
import { Trash } from './library/trash.ts';
import { Jpegs } from './media/jpegs.ts';
import { MediaWorker } from './media/media-worker.ts';
import { Pictures } from './media/pictures.ts';
import { runCommand } from './platform/commands.ts';
import type { Logger } from './platform/log.ts';
import type { UploadsEvent } from './uploads/contract.ts';
import type { UploadOwner } from './uploads/upload.ts';
import { Uploads } from './uploads/uploads.ts';

type StorageDeps = Readonly<{
  diskDir: string | undefined;
  migrationsDir: string;
  mediaSocket: string | undefined;
  adoptedDiskId: () => string | undefined;
  /** Where that disk is, if it is not at `diskDir`. */
  placeOf: (diskId: string) => string | undefined;
  people: () => readonly PersonCopy[];
  ownerOf: (phoneId: string) => UploadOwner | undefined;
  /** How long a person's trash keeps what goes there. */
  trashDaysOf: (personId: string) => number;
  /** The last of a person's data is gone. */
  onErased: (personId: string, facts: { files: number; foreignFiles: number }) => Promise<void>;
  /** Ends what comes for a person by no phone. */
  endImports: (open: OpenLibrary, personId: string) => Promise<void>;
  /** Told how each phone's backup goes on. */
  onUploads: (event: UploadsEvent) => void;
  live: LiveEvents<LiveEvent>;
  log: Logger;
  now: () => number;
  /** IANA: for dates that carry none. */
  timeZone: () => string;
  /** Registers what stops a part; the last registered stops first. */
  part: <T>(part: T, stop: (part: T) => void | Promise<void>) => T;
}>;

export type Storage = Readonly<{
  reader: CaptureReader;
  library: Library;
  uploads: Uploads;
  pictures: Pictures;
  jpegs: Jpegs;
  trash: Trash;
  downloads: Downloads;
  erasure: Erasure;
}>;

const housekeepingMs = 3_600_000;

/** Nothing of it is open yet: `openStorage` is. */
export function makeStorage({ live, log, now, part, ...deps }: StorageDeps): Storage {
  const tell = (personId: string, event: LiveEvent) => live.tell({ personId }, event);
  const arrived = tellArrived(tell);
  const reader = part(new CaptureReader({ runCommand, now, log }), (it) => it.close());
  const publishing = new Publishing({
    now,
    captureDateOf: async (file, name, mtime) =>
      choose({
        metadata: await reader.read(file, mediaKind(name).kind),
        mtime,
        uploadedAt: now(),
        zone: deps.timeZone(),
      }),
    onPublished: (open, asset) => {
      // The late half of a photo that its owner deleted is on its way to the trash: nobody is told that it came.
      if (asset.state === 'trashed') {
        trash.settleSoon(open);
        return;
      }
      arrived(asset);
      lists.note(open);
      pictures.look();
    },
  });
  // Before the library: its pictures end with it, and need what makes them until then.
  const maker = part(new MediaWorker({ socket: deps.mediaSocket }), (it) => it.close());
  const library = part(
    new Library({
      diskDir: deps.diskDir,
      migrationsDir: deps.migrationsDir,
      adoptedDiskId: deps.adoptedDiskId,
      placeOf: deps.placeOf,
      people: deps.people,
      publishing,
      videoToolsMissing: () => reader.videoToolsMissing(),
      log,
      now,
    }),
    (it) => it.close(),
  );
  const uploads = part(
    new Uploads({
      library,
      ownerOf: deps.ownerOf,
      tell: (personId, event) => {
        // An import is nobody's phone, and says by itself how far it is.
        if (isImport(event.phone)) return;
        deps.onUploads(event);
        // Owners see every phone; of an older progress nobody needs to hear.
        live.tell({ personId, owners: true }, event, { latestOf: `progress of ${event.phone}` });
      },
      now,
      randomBytes,
      log,
    }),
    (it) => it.close(),
  );
  const lists = new ChecksumLists({ library, now, log });
  const pictures = new Pictures({ library, maker, tell, log, now });
  const onDeleted = async (open: OpenLibrary, ids: readonly number[]) => {
    await removeAside(open, ids);
    await pictures.remove(open, ids);
  };
  const trash = new Trash({ library, lists, tell, onDeleted, daysOf: deps.trashDaysOf, now, log });
  const erasure = new Erasure({
    library,
    lists,
    forgetPhones: async (open, ids, personId) => {
      await deps.endImports(open, personId);
      await uploads.forgetPhones(open, ids);
    },
    onDeleted,
    tell: (person, progress) => live.tell({ personId: person, owners: true }, { type: 'erasure', person, ...progress }),
    onErased: deps.onErased,
    now,
    log,
  });
  const downloads = new Downloads({ library, now, randomBytes, log });
  lists.open();
  trash.open();
  erasure.open();
  pictures.open();
  library.addWork(nameIndexWork);
  library.addWork((open) => ({
    'remove-expired-uploads': {
      version: 1,
      leaseMs: 300_000,
      attemptsMax: 5,
      everyMs: housekeepingMs,
      run: async () => void (await uploads.removeExpired(open)),
    },
  }));
  const jpegs = new Jpegs({ library, pictures, maker });
  return { reader, library, uploads, pictures, jpegs, trash, downloads, erasure };
}
