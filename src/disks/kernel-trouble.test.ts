/** What the kernel tells of disks in use, as files of the forms that it has them in. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KernelTrouble } from './kernel-trouble.ts';
import { readMounts } from './mount-table.ts';

const used = { diskId: 'Made-1', disk: 'sdb', volume: 'sdb1', uuid: 'aa', folder: 'aa' };
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-trouble-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(dir, path)), { recursive: true });
  writeFileSync(join(dir, path), `${text}\n`);
}

test('errors count from when a disk is first looked at, and only those that are new', async () => {
  const trouble = new KernelTrouble({ sys: dir });
  const news = async () => (await trouble.news([used], new Map())).map(({ kind, times }) => [kind, times]);
  put('fs/ext4/sdb1/errors_count', '7');
  put('block/sdb/device/iotmo_cnt', '0x1f');
  // smartctl itself makes this one grow.
  put('block/sdb/device/ioerr_cnt', '0x1');
  expect(await news()).toEqual([]);
  put('block/sdb/device/ioerr_cnt', '0xff');
  expect(await news()).toEqual([]);
  put('fs/ext4/sdb1/errors_count', '9');
  put('block/sdb/device/iotmo_cnt', '0x20');
  expect(await news()).toEqual([['io-error', 3]]);
  expect(await news()).toEqual([]);
  put(
    'fs/btrfs/aa/devinfo/1/error_stats',
    'write_errs 1\nread_errs 2\nflush_errs 0\ncorruption_errs 4\ngeneration_errs 0',
  );
  expect(await news()).toEqual([]);
  put(
    'fs/btrfs/aa/devinfo/1/error_stats',
    'write_errs 1\nread_errs 5\nflush_errs 0\ncorruption_errs 5\ngeneration_errs 0',
  );
  expect(await news()).toEqual([['io-error', 4]]);
  // A check of the filesystem sets it back.
  put('fs/ext4/sdb1/errors_count', '0');
  expect(await news()).toEqual([]);
  expect(await trouble.news([], new Map())).toEqual([]);
  put('fs/ext4/sdb1/errors_count', '50');
  expect(await news()).toEqual([]);
});

test('a filesystem that stopped writing is told of once; one that is only looked at is not', async () => {
  const line = (folder: string, options: string, of: string) =>
    `36 35 8:17 / /run/nightjar/disks/${folder} ${options} shared:1 - ext4 /dev/sdb1 ${of}`;
  const mounts = async (...lines: string[]) => {
    put('mountinfo', ['22 1 8:2 / / rw shared:1 - ext4 /dev/sda2 ro', ...lines].join('\n'));
    return await readMounts(join(dir, 'mountinfo'));
  };
  const trouble = new KernelTrouble({ sys: dir });
  const well = await mounts(line('aa', 'rw,nosuid', 'rw,errors=remount-ro'), line('bb', 'ro,nosuid', 'ro'));
  expect([...well]).toEqual([
    ['aa', { readOnly: false, stopped: false }],
    ['bb', { readOnly: true, stopped: false }],
  ]);
  expect(await trouble.news([used], well)).toEqual([]);
  for (const of of ['ro,errors=remount-ro', 'rw,emergency_ro']) {
    const stopped = await mounts(line('aa', 'rw,nosuid', of));
    const first = [{ diskId: 'Made-1', kind: 'read-only', times: 1 }];
    expect([of, await trouble.news([used], stopped)]).toEqual([of, first]);
    expect(await trouble.news([used], stopped)).toEqual([]);
    expect(await trouble.news([used], well)).toEqual([]);
  }
});
