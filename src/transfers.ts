/**
 * What comes from other disks and what goes out, put together: imports, the export of the library, and the share. A part
 * of the composition root, which alone calls it.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { actorOf } from './access/audit.ts';
import type { Admission } from './admission.ts';
import type { PlantedDisks } from './attaching.ts';
import type { Config } from './config.ts';
import { Export } from './copies/export.ts';
import { exportRoutes } from './copies/export-routes.ts';
import { Pace, sleep } from './copies/pace.ts';
import { mountRoot } from './disks/mount-table.ts';
import type { Routes } from './http/contract.ts';
import { Imports, isImport } from './imports/imports.ts';
import { importsRoutes } from './imports/routes.ts';
import { mountedRoots } from './imports/sources.ts';
import type { OpenLibrary } from './library/open-library.ts';
import type { Database } from './platform/database.ts';
import type { Logger } from './platform/log.ts';
import type { Presence } from './presence.ts';
import { shareRoutes } from './share/routes.ts';
import { Share } from './share/share.ts';
import type { Storage } from './storage.ts';
import type { UploadOwner } from './uploads/upload.ts';

type TransfersDeps = Readonly<{
  storage: Pick<Storage, 'library' | 'uploads' | 'pictures'>;
  admission: Admission;
  presence: Presence;
  database: Database;
  /** Where disks are that are looked at, if not where the machine's helper mounts them. */
  disks: Pick<PlantedDisks, 'mountRoot' | 'mountInfo'> | undefined;
  /** Where mirrors are attached now. */
  mirrorPlaces: () => readonly string[];
  config: Pick<Config, 'stateDir' | 'diskDir' | 'mirrorDirs' | 'sharePort' | 'shareSocket'>;
  now: () => number;
  log: Logger;
}>;

const bytesPerSecond = 400 * 1024 ** 2;
/** After a picture was asked for, the next one is. */
const lookedAtMs = 5_000;

export class Transfers {
  readonly #imports: Imports;
  readonly #export: Export;
  readonly #share: Share;
  readonly #admission: Admission;

  constructor(deps: TransfersDeps) {
    const { storage, admission, presence, database, disks, mirrorPlaces, config, now, log } = deps;
    const { library, uploads, pictures } = storage;
    this.#admission = admission;
    const personByName = (name: string) => admission.access.personByName(name);
    const ownDirs = () =>
      [config.stateDir, config.diskDir, openDir(library), ...config.mirrorDirs, ...mirrorPlaces()].filter(
        (dir) => dir !== undefined,
      );
    this.#imports = new Imports({
      library,
      uploads,
      sources: { roots: mountedRoots(mountRoot, disks?.mountInfo, disks?.mountRoot), ownDirs },
      personByName,
      ownerOf: (importId, personId) => admission.importOwner(importId, personId),
      record: (entry) => database.write(() => admission.access.record(entry)),
      actorOf,
      now,
      randomUuid: randomUUID,
      log,
    });
    const busy = () => uploads.inUse || pictures.lookedAtWithin(lookedAtMs);
    const pace = new Pace({ busy, bytesPerSecond: () => bytesPerSecond, sleep });
    const beforePiece = (bytes: number, signal: AbortSignal) => pace.before(bytes, signal);
    this.#export = new Export({ library, personByName, ownDirs, beforePiece, log });
    this.#share = new Share({
      ...{ library, database, now, randomBytes, log },
      stateDir: config.stateDir,
      socket: config.shareSocket,
      port: config.sharePort,
      boxName: () => presence.name,
      addresses: (port) => presence.facts(port).addresses,
      announce: (port) => presence.announceShare(port),
      requireConfirmed: (caller) => admission.access.book.requireConfirmed(caller),
      record: (entry) => admission.access.record(entry),
    });
  }

  /** Before the library is opened. */
  open(): void {
    this.#imports.open();
    this.#share.open();
  }

  /** Before a disk that is only looked at is unmounted. `source`: as an import names it. */
  async letGo(source: string): Promise<void> {
    await this.#imports.letGo(source);
  }

  async endImportsOf(open: OpenLibrary, personId: string): Promise<void> {
    await this.#imports.endOf(open, personId);
  }

  async close(): Promise<void> {
    await this.#share.close();
    await this.#export.stop();
  }

  /** Of a phone, or of an import. */
  ownerOf(id: string): UploadOwner | undefined {
    return isImport(id) ? this.#imports.ownerOf(id) : this.#admission.uploadOwner(id);
  }

  isOwnPhone(...asked: Parameters<Admission['isOwnPhone']>): boolean {
    return this.#admission.isOwnPhone(...asked);
  }

  namesOf(id: string): { phone: string; person: string } {
    return isImport(id) ? this.#imports.namesOf(id) : this.#admission.namesOf(id);
  }

  routes(): Routes[] {
    return [importsRoutes(this.#imports), exportRoutes(this.#export), shareRoutes(this.#share)];
  }
}

function openDir(library: Storage['library']): string | undefined {
  return library.state === 'ok' ? library.current().disk.path : undefined;
}
