import { createHash, randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestBox } from '../../test/support/open-library.ts';
import type { OpenLibrary } from './open-library.ts';
import { parentOf } from './placement.ts';

describe('the view of a phone', () => {
  let box: TestBox;
  let open: OpenLibrary;
  let phone: string;
  const other = 'phone-2';
  beforeAll(async () => {
    box = await TestBox.make(tmpdir());
  });
  beforeEach(() => {
    open = box.library.current();
    phone = box.owner.phoneId;
  });
  afterAll(() => box.remove());

  const send = async (path: string, bytes = randomBytes(50), by = phone) => {
    await box.uploads.begin(by, { door: 'test', facts: { path, mtime: 1_000 } }, async (upload) => {
      await upload.append(0, Readable.from([bytes]));
      await upload.finish();
    });
    await open.view.prepare(by, box.clock);
    return createHash('sha256').update(bytes).digest('hex');
  };
  const names = (folder: string, by = phone) =>
    open.view
      .children(by, folder, 0, 1_000)
      .map(({ path }) => path)
      .sort();
  const items = () =>
    open.database
      .all<{ path: string; asset_id: number | null }>('SELECT path, asset_id FROM phone_item WHERE phone_id = ?', phone)
      .map(({ path }) => path);
  const standing = () =>
    open.database.get('SELECT seen, safe, refused, deleted FROM phone_standing WHERE phone_id = ?', phone);
  const counted = () => {
    const { seen, safe, refused, deleted } = open.items.counts(phone);
    return { seen, safe, refused, deleted };
  };

  it('has the folders of names that told none, and a top of its own', async () => {
    await send('DCIM/Camera/a.bin');
    expect(open.view.at(phone, '')).toMatchObject({ kind: 'folder', path: '' });
    expect(names('')).toEqual(['DCIM']);
    expect(names('DCIM')).toEqual(['DCIM/Camera']);
    expect(names('DCIM/Camera')).toEqual(['DCIM/Camera/a.bin']);
    expect(open.view.at(other, 'DCIM')).toBeUndefined();
    const id = open.view.at(phone, 'DCIM')?.id ?? 0;
    expect(open.view.byId(phone, id)).toEqual(open.view.at(phone, 'DCIM'));
    expect(open.view.byId(other, id)).toBeUndefined();
    await send('DCIM/Camera/deeper/b.bin');
    expect(names('DCIM/Camera')).toEqual(['DCIM/Camera/a.bin', 'DCIM/Camera/deeper']);
  });

  it('has another version with each change, and none without', async () => {
    const version = () => open.view.version(phone);
    let before = version();
    const grew = () => {
      const now = version();
      const answer = now > before;
      before = now;
      return answer;
    };
    await open.view.makeFolder(phone, 'v', box.clock);
    expect(grew()).toBe(true);
    await send('v/a.bin');
    expect(grew()).toBe(true);
    await open.view.move(phone, 'v/a.bin', 'v/b.bin', true);
    expect(grew()).toBe(true);
    const asset = open.view.at(phone, 'v/b.bin');
    await open.database.write(() => open.rows.markMissing(asset?.kind === 'file' ? asset.assetId : 0));
    expect([grew(), open.view.at(phone, 'v/b.bin')]).toEqual([true, undefined]);
    await open.view.hide(phone, 'v');
    expect(grew()).toBe(true);
    await open.view.prepare(phone, box.clock);
    expect(grew()).toBe(false);
  });

  it('hides names and counts what they held, once, until it has a name again', async () => {
    const bytes = randomBytes(60);
    await send('h/one.bin', bytes);
    await send('h/two.bin', bytes);
    await send('h/three.bin');
    const before = counted();
    await open.view.hide(phone, 'h');
    expect(names('')).not.toContain('h');
    // Of two names of one file one is left to remember it by.
    expect(items().filter((path) => path.startsWith('/hidden/') && path.includes('/h/'))).toHaveLength(2);
    expect(counted()).toEqual({ ...before, seen: before.seen - 1, safe: before.safe - 1 });
    expect(standing()).toEqual(counted());
    await send('again.bin', bytes);
    expect(items().filter((path) => path.startsWith('/hidden/') && path.includes('/h/'))).toHaveLength(1);
    expect(counted()).toEqual({ ...before, seen: before.seen - 1, safe: before.safe - 1 });
    expect(standing()).toEqual(counted());
    const shown = open.database.get<{ n: number }>(
      `SELECT count(*) AS n FROM phone_item WHERE phone_id = ? AND parent = '/hidden' AND path LIKE '%three.bin'`,
      phone,
    );
    expect(shown?.n).toBe(1);
    // What the phone gave up itself it need not remove.
    const safe = open.items.safeItems(phone, box.owner.person.id, 0, 1_000).map(({ item_path: path }) => path);
    expect([safe.includes('again.bin'), safe.filter((path) => path.startsWith('/'))]).toEqual([true, []]);
  });

  it('moves a folder with all that is below it, by names that only look alike left alone', async () => {
    await send('m/x/1.bin');
    await send('m/x/y/2.bin');
    await send('m/xy/3.bin');
    await send('m/x.bin');
    const id = open.view.at(phone, 'm/x/y/2.bin')?.id;
    await open.view.move(phone, 'm/x', 'm/ü', true);
    expect(names('m')).toEqual(['m/x.bin', 'm/xy', 'm/ü']);
    expect(names('m/ü')).toEqual(['m/ü/1.bin', 'm/ü/y']);
    expect(open.view.at(phone, 'm/ü/y/2.bin')?.id).toBe(id);
    expect(parentOf('m/ü/y/2.bin')).toBe('m/ü/y');
    expect(names('m/ü/y')).toEqual(['m/ü/y/2.bin']);
  });

  it('gives way to a folder where a file was wanted, and to a name where one waits', async () => {
    await open.database.write(() => {
      const told = { phoneId: phone, parent: '', key: null, size: 5, mtime: 1, seenAt: 1 };
      open.items.putWaiting({ ...told, path: 'waits' });
      open.items.putWaiting({ ...told, path: 'waits-too.bin' });
    });
    expect(open.view.at(phone, 'waits')).toBeUndefined();
    await open.view.makeFolder(phone, 'waits', box.clock);
    expect(open.view.at(phone, 'waits')?.kind).toBe('folder');
    await send('moved.bin');
    await open.view.move(phone, 'moved.bin', 'waits-too.bin', false);
    expect(open.view.at(phone, 'waits-too.bin')?.kind).toBe('file');
    expect(standing()).toEqual(counted());
  });

  it('remembers the file that a phone had where it has a folder now', async () => {
    await send('Backup');
    const before = counted();
    await send('Backup/inside.bin');
    expect(names('Backup')).toEqual(['Backup/inside.bin']);
    expect(counted()).toEqual({ ...before, seen: before.seen + 1, safe: before.safe + 1 });
    expect(standing()).toEqual(counted());
  });

  it('refuses what cannot be', async () => {
    await send('r/a.bin');
    await expect(open.view.makeFolder(phone, 'r', 1)).rejects.toMatchObject({ code: 'method-not-allowed' });
    await expect(open.view.makeFolder(phone, 'r/a.bin/b', 1)).rejects.toMatchObject({ code: 'conflict' });
    await expect(open.view.makeFolders(phone, 'r/a.bin/b', 1)).rejects.toMatchObject({ code: 'conflict' });
    await expect(open.view.move(phone, 'r', 'r/b', true)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(open.view.move(phone, 'r/a.bin', 'r', true)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(open.view.move(phone, 'none', 'b', true)).rejects.toMatchObject({ code: 'not-found' });
    await send(`${'l/'.repeat(40)}long.bin`);
    const long = Array(5).fill('n'.repeat(815)).join('/');
    await open.view.makeFolders(phone, parentOf(long), 1);
    // What is there stays in view: nothing is moved to it.
    await open.view.makeFolder(phone, long, 1);
    await expect(open.view.move(phone, 'l', long, true)).rejects.toMatchObject({ code: 'invalid-name' });
    expect(open.view.at(phone, long)?.kind).toBe('folder');
    await expect(open.view.hide(other, 'r')).rejects.toMatchObject({ code: 'not-found' });
    expect(names('r')).toEqual(['r/a.bin']);
  });
});
