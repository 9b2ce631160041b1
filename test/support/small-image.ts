/** An image of the shape that `make image` gives, and of a few megabytes: partition table, `bootsel` with a FAT, bytes. */
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';

const run = promisify(execFile);
const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
const MiB = 1024 * 1024;
export const smallImage = { bytes: 10 * MiB, bootselAt: MiB } as const;

/** Why none can be made here; undefined: it can. */
export async function smallImageMissing(): Promise<string | undefined> {
  const look = 'for tool in sfdisk mformat mcopy partx lsblk; do command -v $tool >/dev/null || echo $tool; done';
  const { stdout } = await run('sh', ['-c', look], { env });
  return stdout === '' ? undefined : `not installed: ${stdout.trim().split('\n').join(', ')} (Debian: fdisk mtools)`;
}

/** `<dir>/nightjar-0.0.0-pi.img.zst` with its checksum beside it: the path, and the image as it is unpacked. */
export async function makeSmallImage(dir: string): Promise<{ path: string; raw: Buffer }> {
  const plain = `${dir}/plain.img`;
  const file = await open(plain, 'wx');
  // What differs everywhere: a piece in another's place must be noticed.
  await file.write(randomBytes(smallImage.bytes - 2 * MiB), 0, undefined, MiB);
  await file.truncate(smallImage.bytes);
  await file.close();
  await partition(plain);
  await run(
    'mformat',
    ['-i', `${plain}@@${smallImage.bootselAt}`, '-T', String((4 * MiB) / 512), '-v', 'NIGHTJAR', '::'],
    { env },
  );
  const raw = await readFile(plain);
  const path = `${dir}/nightjar-0.0.0-pi.img.zst`;
  await writeFile(path, await promisify(zstdCompress)(raw));
  await writeSum(path);
  return { path, raw };
}

/** As `sha256sum` writes it. */
export async function writeSum(path: string): Promise<void> {
  const sum = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  await writeFile(`${path}.sha256`, `${sum}  ${path.split('/').at(-1)}\n`);
}

async function partition(image: string): Promise<void> {
  const table = 'label: gpt\nstart=1MiB, size=4MiB, name=bootsel\nstart=5MiB, size=4MiB, name=root_a\n';
  const sfdisk = spawn('sfdisk', ['--quiet', image], { env, stdio: ['pipe', 'ignore', 'inherit'] });
  sfdisk.stdin.end(table);
  const code = await new Promise((resolve) => sfdisk.once('close', resolve));
  if (code !== 0) throw new Error(`sfdisk ended with ${code}`);
}
