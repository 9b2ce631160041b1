/**
 * The box's own folders, by what they are and not by their names: whether a folder that somebody names is one of them, or
 * is in one, however it is mounted. For who reads from or writes to folders of other people's choosing.
 */
import { lstat, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

type Identity = Readonly<{ dev: number; ino: number }>;

export class OwnFolders {
  readonly #all: readonly Identity[];
  /** Filesystems that begin with one of them: a disk may be mounted at a second place, whole or in part. */
  readonly #disks: ReadonlySet<number>;

  private constructor(all: readonly Identity[], disks: ReadonlySet<number>) {
    this.#all = all;
    this.#disks = disks;
  }

  /** Those of `dirs` that are there. */
  static async of(dirs: readonly string[]): Promise<OwnFolders> {
    const all: Identity[] = [];
    const disks = new Set<number>();
    for (const dir of dirs) {
      const [here, above] = await Promise.all([dir, dirname(dir)].map((one) => stat(one).catch(() => undefined)));
      if (here === undefined) continue;
      all.push({ dev: here.dev, ino: here.ino });
      if (above !== undefined && above.dev !== here.dev) disks.add(here.dev);
    }
    return new OwnFolders(all, disks);
  }

  /** Whether it is one of them itself. */
  has({ dev, ino }: Identity): boolean {
    return this.#all.some((one) => one.dev === dev && one.ino === ino);
  }

  /** Whether `path` (absolute, without links) is one of them, in one, or on a disk of theirs. @throws `ENOENT`, `EACCES` */
  async hold(path: string): Promise<boolean> {
    if (this.#disks.has((await lstat(path)).dev)) return true;
    for (let at = path; ; at = dirname(at)) {
      if (this.has(await lstat(at))) return true;
      if (at === dirname(at)) return false;
    }
  }
}
