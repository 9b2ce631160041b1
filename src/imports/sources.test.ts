import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { anyFolder, holdsLibrary, mountedRoots, Source } from './sources.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-sources-'));
  for (const path of ['card/DCIM', 'disk/Photos', 'state']) mkdirSync(join(dir, path), { recursive: true });
  symlinkSync(join(dir, 'disk'), join(dir, 'card/link'));
  symlinkSync(join(dir, 'card'), join(dir, 'mine'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const deps = () => ({
  roots: async () => [{ id: 'usb-1', path: join(dir, 'card') }],
  ownDirs: () => [join(dir, 'disk'), join(dir, 'state'), join(dir, 'not-there')],
});
async function opened(source: string, folder: string): Promise<string> {
  try {
    await (await Source.open(deps(), { source, folder })).close();
    return 'opened';
  } catch (error) {
    return String((error as { code: unknown }).code);
  }
}

it('opens folders of look-only disks by name, without links, and no others', async () => {
  expect(await opened('usb-1', '')).toBe('opened');
  expect(await opened('usb-1', 'DCIM')).toBe('opened');
  expect(await opened('usb-1', '/DCIM/')).toBe('opened');
  expect(await opened('usb-2', '')).toBe('not-found');
  expect(await opened('usb-1', 'link')).toBe('not-found');
  expect(await opened('usb-1', 'link/Photos')).toBe('not-found');
  expect(await opened('usb-1', '../disk')).toBe('invalid-request');
  expect(await opened('usb-1', 'nothing')).toBe('not-found');
});

it('knows a disk with a library, or with something in its marker’s place', async () => {
  const holds = (id: string) =>
    holdsLibrary({ roots: async () => [{ id, path: join(dir, id) }], ownDirs: () => [] }, id);
  expect(await holds('card')).toBe(false);
  mkdirSync(join(dir, 'old/.nightjar'), { recursive: true });
  expect(await holds('old')).toBe(true);
  await expect(holdsLibrary(deps(), 'usb-2')).rejects.toMatchObject({ code: 'not-found' });
});

it('opens any folder for the console, but for the box’s own, by whatever name', async () => {
  const folder = (path: string) => opened(anyFolder, path.startsWith('/') ? path : join(dir, path));
  expect(await folder('card')).toBe('opened');
  expect(await folder('mine')).toBe('opened');
  for (const own of ['disk', 'disk/Photos', 'state', 'card/link', 'card/link/Photos'])
    expect(await folder(own), own).toBe('forbidden');
  expect(await opened(anyFolder, 'card')).toBe('invalid-request');
  expect(await folder('/proc/self/nothing')).toBe('not-found');
});

it('finds what is mounted read-only below the place of the disks, in the kernel’s list', async () => {
  const list = join(dir, 'mountinfo');
  writeFileSync(
    list,
    [
      '36 35 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
      '37 36 8:17 / /run/nightjar/disks/1-CARD ro,nosuid,nodev shared:2 - vfat /dev/sdb1 ro',
      '38 36 8:18 / /run/nightjar/disks/2-USE rw,nosuid shared:3 - ext4 /dev/sdb2 rw',
      '39 36 8:19 / /run/nightjar/disks/3\\040X ro shared:4 - ext4 /dev/sdb3 ro',
      '40 36 8:20 / /run/nightjar/disks/1-CARD/inner ro - ext4 /dev/sdb4 ro',
      '41 36 8:21 / /run/nightjar/disks-not/4 ro - ext4 /dev/sdb5 ro',
      '',
    ].join('\n'),
  );
  expect(await mountedRoots('/run/nightjar/disks', list)()).toEqual([
    { id: '1-CARD', path: '/run/nightjar/disks/1-CARD' },
    { id: '3 X', path: '/run/nightjar/disks/3 X' },
  ]);
});
