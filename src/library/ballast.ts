/**
 * A few megabytes on the library's disk that are given back when it is full to the last byte, so that the catalogue can
 * always commit: without them nothing could even be deleted. Laid again when there is room.
 */
import { constants } from 'node:fs';
import { open, stat, truncate } from 'node:fs/promises';
import type { Disk } from '../disks/disk.ts';
import { markerFolder } from '../disks/disk.ts';

const bytes = 4 * 1024 * 1024;
/** Room that must be there besides, before it is laid again. */
const roomBytes = 16 * bytes;
const path = `${markerFolder}/ballast`;

export class Ballast {
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** Takes its room, if there is plenty and it has not. */
  async lay(): Promise<void> {
    const file = this.#disk.resolve(path);
    const has = await stat(file).then(
      (facts) => facts.size,
      () => 0,
    );
    if (has >= bytes || (await this.#disk.freeBytes()) < roomBytes) return;
    const handle = await open(file, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
    try {
      await handle.write(Buffer.alloc(bytes), 0, bytes, 0);
    } finally {
      await handle.close();
    }
  }

  /** Gives its room back. */
  async release(): Promise<void> {
    try {
      await truncate(this.#disk.resolve(path));
    } catch {
      // It was never laid, or its disk is gone.
    }
  }
}
