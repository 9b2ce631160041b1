/**
 * Puts the test's unit into a box while it starts: one more archive behind the initial RAM filesystem that QEMU is given
 * (Linux, Documentation/driver-api/early-userspace/buffer-format.rst). Debian's scripts there read /conf/param.conf after
 * each of them (initramfs-tools(7)); it writes the unit into /run, which the real root gets as it is.
 */
import { appendFile, stat, truncate } from 'node:fs/promises';
import { shellUnit } from './lines.ts';

const alignBytes = 512;
const regularFile = 0o100644;
const script = `units=/run/systemd/system
mkdir -p $units/sysinit.target.wants
cat >$units/test-shell.service <<'UNIT'
${shellUnit}UNIT
ln -sf ../test-shell.service $units/sysinit.target.wants/test-shell.service
`;

export async function addShell(initrd: string): Promise<void> {
  const { size } = await stat(initrd);
  // The kernel skips zeros between archives, and looks for the next one where four bytes begin.
  await truncate(initrd, Math.ceil(size / alignBytes) * alignBytes);
  await appendFile(initrd, Buffer.concat([entry('conf/param.conf', script, regularFile), entry('TRAILER!!!', '', 0)]));
}

/** One file in the "newc" form. */
function entry(name: string, content: string, mode: number): Buffer {
  const [path, body] = [Buffer.from(`${name}\0`), Buffer.from(content)];
  // ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check
  const fields = [0, mode, 0, 0, 1, 0, body.length, 0, 0, 0, 0, path.length, 0];
  const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([padded(Buffer.concat([head, path])), padded(body)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
