/**
 * A library that is open now: its disk, its catalogue and its folders. A value that capabilities ask for per
 * operation and never keep: after `close` every use of it fails with `disk-missing`.
 */
import type { Disk } from '../disks/disk.ts';
import type { Database } from '../platform/database.ts';
import { FolderMaker } from '../platform/durable-files.ts';
import { LibraryStore } from './store.ts';

export const incomingFolder = '.nightjar/incoming';
export const cataloguePath = '.nightjar/library.sqlite';

export class OpenLibrary {
  readonly disk: Disk;
  readonly database: Database;
  readonly rows: LibraryStore;
  readonly folders: FolderMaker;
  readonly #closing = new AbortController();

  constructor(disk: Disk, database: Database) {
    this.disk = disk;
    this.database = database;
    this.rows = new LibraryStore(database);
    this.folders = new FolderMaker((relative) => disk.resolve(relative));
  }

  /** Aborts when the library goes away. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  incoming(name: string): string {
    return this.disk.resolve(`${incomingFolder}/${name}`);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.database.close();
    await this.disk.close();
  }
}
