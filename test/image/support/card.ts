/** The image as it lies on a card: a raw file with a partition table. Copied, grown, read with mtools, checked. */
import { execFile } from 'node:child_process';
import { readdir, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const projectDir = new URL('../../..', import.meta.url).pathname;
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C' };
const sectorBytes = 512;
const copyMsMax = 600_000;

export type Partition = Readonly<{ number: number; name: string; startBytes: number; sizeBytes: number }>;

/** The newest built image of a board: NIGHTJAR_IMAGE (for `pi`), or the one in `dist`. Undefined: there is none. */
export async function builtImage(board: 'pi' | 'pc'): Promise<string | undefined> {
  const given = process.env['NIGHTJAR_IMAGE'];
  if (board === 'pi' && given !== undefined && given !== '') return given;
  const dist = join(projectDir, 'dist');
  const names = await readdir(dist).catch(() => []);
  const found = names.filter((name) => name.startsWith('nightjar-') && name.endsWith(`-${board}.img.zst`));
  const dated = await Promise.all(found.map(async (name) => ({ name, ms: (await stat(join(dist, name))).mtimeMs })));
  const newest = dated.toSorted((one, other) => other.ms - one.ms)[0];
  return newest === undefined ? undefined : join(dist, newest.name);
}

export class Card {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** Writes the image onto a card of `sizeBytes`, as `make flash` does: what it does not fill stays empty. */
  static async write(image: string, path: string, sizeBytes: number): Promise<Card> {
    await rm(path, { force: true });
    if (image.endsWith('.zst')) await run('zstd', ['-dq', '--sparse', image, '-o', path], { timeout: copyMsMax });
    else await run('cp', ['--sparse=always', image, path], { timeout: copyMsMax });
    if ((await stat(path)).size < sizeBytes) await truncate(path, sizeBytes);
    return new Card(path);
  }

  /** As it is now. Nobody may be writing to it. */
  async copy(path: string): Promise<Card> {
    await run('cp', ['--sparse=always', this.path, path], { timeout: copyMsMax });
    return new Card(path);
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  async partitions(): Promise<Partition[]> {
    const { stdout } = await run('sfdisk', ['--json', this.path], { env });
    const { partitiontable } = JSON.parse(stdout) as {
      partitiontable: { partitions: Array<{ node: string; start: number; size: number; name?: string }> };
    };
    return partitiontable.partitions.map(({ node, start, size, name }) => ({
      number: Number(/(\d+)$/.exec(node)?.[1]),
      name: name ?? '',
      startBytes: start * sectorBytes,
      sizeBytes: size * sectorBytes,
    }));
  }

  async partition(which: number | string): Promise<Partition> {
    const all = await this.partitions();
    const found = all.find(({ number, name }) => number === which || name === which);
    if (found === undefined) throw new Error(`The card has no partition ${which}: ${JSON.stringify(all)}`);
    return found;
  }

  /** A file of a FAT partition, as text. @throws when it is not there */
  async readText(which: number | string, path: string): Promise<string> {
    return (await run('mtype', ['-i', await this.#fat(which), `::${path}`], { env })).stdout;
  }

  /** Copies a file out of a FAT partition. */
  async readFile(which: number | string, path: string, target: string): Promise<void> {
    await run('mcopy', ['-n', '-o', '-i', await this.#fat(which), `::${path}`, target], { env, timeout: copyMsMax });
  }

  /** Writes a file onto a FAT partition, as a person at another computer would. */
  async writeFile(which: number | string, path: string, source: string): Promise<void> {
    await run('mcopy', ['-o', '-i', await this.#fat(which), source, `::${path}`], { env });
  }

  /**
   * Checks every filesystem on a copy, after its journal has been replayed (as mounting does). What is wrong, a
   * sentence each; the mark of a FAT that nobody let go of is not wrong: the box had no time to.
   */
  async damage(dir: string): Promise<string[]> {
    const wrong: string[] = [];
    for (const partition of await this.partitions()) {
      const type = await this.#filesystem(partition);
      if (type !== 'ext4' && type !== 'vfat') continue;
      const copy = join(dir, `check-${partition.number}`);
      await this.extract(partition, copy);
      const said = await checkFilesystem(type, copy);
      if (said !== undefined) wrong.push(`${this.path}, ${partition.name || partition.number}: ${said}`);
      await rm(copy);
    }
    return wrong;
  }

  async extract({ startBytes, sizeBytes }: Partition, target: string): Promise<void> {
    const blocks = { skip: startBytes, count: sizeBytes };
    const args = [`if=${this.path}`, `of=${target}`, 'bs=4M', 'conv=sparse', 'iflag=skip_bytes,count_bytes'];
    await run('dd', [...args, `skip=${blocks.skip}`, `count=${blocks.count}`, 'status=none'], { timeout: copyMsMax });
    // `conv=sparse` leaves no end where the end is empty.
    await truncate(target, sizeBytes);
  }

  /** Empty: none is known there. */
  async #filesystem({ startBytes, sizeBytes }: Partition): Promise<string> {
    const where = ['-O', String(startBytes), '-S', String(sizeBytes)];
    const said = await run('blkid', ['-p', ...where, '-o', 'value', '-s', 'TYPE', this.path], { env }).catch(() => ({
      stdout: '',
    }));
    return said.stdout.trim();
  }

  async #fat(which: number | string): Promise<string> {
    return `${this.path}@@${(await this.partition(which)).startBytes}`;
  }
}

async function checkFilesystem(type: 'ext4' | 'vfat', path: string): Promise<string | undefined> {
  if (type === 'vfat') return await complaint('fsck.fat', ['-n', path], (said) => onlyDirty(said));
  // As each start does with /var: it replays the journal, and counts what no journal holds, as a mount would. What it would
  // have to ask about is damage.
  const replayed = await complaint('e2fsck', ['-f', '-p', path], (_, exitCode) => exitCode === 1);
  return replayed ?? (await complaint('e2fsck', ['-f', '-n', path], () => false));
}

async function complaint(
  command: string,
  args: readonly string[],
  pardoned: (said: string, exitCode: unknown) => boolean,
): Promise<string | undefined> {
  try {
    await run(command, [...args], { env, timeout: copyMsMax });
    return undefined;
  } catch (error) {
    const { stdout, code } = error as { stdout?: unknown; code?: unknown };
    const said = String(stdout ?? error);
    return pardoned(said, code) ? undefined : said.trim();
  }
}

/** fsck.fat says of the mark, and of nothing else. */
function onlyDirty(said: string): boolean {
  const lines = said.split('\n').filter((line) => line.trim() !== '');
  const harmless = [
    /^fsck\.fat /,
    /Dirty bit is set/,
    /Automatically removing dirty bit/,
    /Leaving filesystem unchanged/,
    /: \d+ files, \d+\/\d+ clusters$/,
    /^\*\*\* Filesystem was (changed|not modified)/,
    /^Filesystem was not properly unmounted/,
    /^\s*1\) Remove dirty bit|^\s*2\) No action/,
  ];
  return lines.every((line) => harmless.some((one) => one.test(line)));
}
