/**
 * Live Photos: two files that are one photo, told apart by nothing but what an iPhone writes into both. Sent in either
 * order, days apart, with one half lost; restored by the phone client with the same bytes, names and times.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCommand } from '../../src/platform/commands.ts';
import { App } from '../support/app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import { RealPhone } from '../support/real-phone.ts';

const limits = { timeoutMs: 20_000, outputBytesMax: 100_000 };
const ffmpeg = (await has('ffmpeg')) && (await has('ffprobe'));
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const uuid = (seed: number) => `5C7A1B9E-1111-4222-8333-${String(seed).padStart(12, '0')}`;
const july = 'Photos/Alice/2025/2025-07';
const stillTime = Date.UTC(2025, 6, 31, 21, 59, 59) / 1000;
const videoTime = Date.UTC(2025, 7, 2, 8) / 1000;

type Seen = { path: string; sha256: string; pair: string | null; kind: string };

describe.skipIf(!ffmpeg)('pairs (needs ffmpeg and ffprobe)', () => {
  let app: App;
  let cookie = '';
  let phone: HandPhone;
  let folders = 0;
  let photos = '';
  let real: RealPhone;
  beforeAll(async () => {
    app = await App.start();
    cookie = await app.claim();
    phone = await app.pair('Alice', 'By hand');
  });
  afterAll(() => app[Symbol.asyncDispose]());
  beforeEach(async () => {
    photos = join(app.dir, `phone-${++folders}`, 'DCIM');
    await mkdir(photos, { recursive: true });
    real = new RealPhone(join(app.dir, `phone-${folders}`));
    const opened = await app.console('POST', '/api/pairings', { person: 'Alice', phone: `iPhone ${folders}` });
    await real.pair(String(opened.json()['link']));
  });

  const still = (seed: number, takenLocal = '2025-07-31T23:59:59') =>
    exifJpeg({ seed, bytes: 9000 + seed, takenLocal, contentId: uuid(seed) });

  /** A video that says it was taken two days after its still, in another month. */
  const video = async (seed: number): Promise<Buffer> => {
    const path = join(app.dir, `v${seed}.mov`);
    const tags = [
      `com.apple.quicktime.content.identifier=${uuid(seed)}`,
      'com.apple.quicktime.creationdate=2025-08-02T10:00:00+0200',
      `comment=${seed}`,
    ];
    const { status, stderr } = await runCommand(
      'ffmpeg',
      [
        ...['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc=size=64x48:duration=1'],
        ...tags.flatMap((tag) => ['-metadata', tag]),
        ...['-movflags', 'use_metadata_tags', path],
      ],
      limits,
    );
    if (status !== 0) throw new Error(stderr);
    return await readFile(path);
  };
  const put = async (name: string, bytes: Uint8Array, seconds: number) => {
    await writeFile(join(photos, name), bytes);
    await utimes(join(photos, name), seconds, seconds);
  };
  const backup = async () => {
    const run = await real.run('backup', photos);
    expect(run.exitCode, JSON.stringify(run.last)).toBe(0);
    return run.last;
  };
  const assets = async (): Promise<Seen[]> => {
    const answer = await phone.ask('GET', '/api/assets?limit=1000');
    expect(answer.status, answer.text).toBe(200);
    return (answer.json() as { assets: Seen[] }).assets;
  };
  const assetOf = async (bytes: Uint8Array) => (await assets()).find((one) => one.sha256 === sha256(bytes));

  const expectRestored = async (files: Record<string, { bytes: Uint8Array; seconds: number }>) => {
    const back = join(app.dir, `back-${folders}`);
    const run = await real.run('restore', back, '--own');
    expect(run.exitCode, JSON.stringify(run.last)).toBe(0);
    for (const [name, { bytes, seconds }] of Object.entries(files)) {
      const path = join(back, 'DCIM', name);
      expect(await readFile(path), name).toEqual(Buffer.from(bytes));
      expect((await stat(path)).mtimeMs, name).toBe(seconds * 1000);
    }
    await rm(back, { recursive: true });
  };

  it.each(['still', 'video'] as const)('comes with the %s first, and both lie in its folder', async (order) => {
    const seed = order === 'still' ? 1 : 2;
    const [heic, mov] = [still(seed), await video(seed)];
    const halves = [() => put(`IMG_${seed}.JPG`, heic, stillTime), () => put(`IMG_${seed}.MOV`, mov, videoTime)];
    if (order === 'video') halves.reverse();
    for (const half of halves) {
      await half();
      await backup();
    }
    const folder = order === 'still' ? july : 'Photos/Alice/2025/2025-08';
    const pair = `apple:${uuid(seed)}`;
    expect(await assetOf(heic)).toMatchObject({ path: `${folder}/IMG_${seed}.JPG`, pair, kind: 'photo' });
    expect(await assetOf(mov)).toMatchObject({ path: `${folder}/IMG_${seed}.MOV`, pair, kind: 'video' });
    await expectRestored({
      [`IMG_${seed}.JPG`]: { bytes: heic, seconds: stillTime },
      [`IMG_${seed}.MOV`]: { bytes: mov, seconds: videoTime },
    });
  });

  it('takes the lost half a week later, under the name that the first one got', async () => {
    await phone.send('DCIM/IMG_3.JPG', exifJpeg({ seed: 99, bytes: 7000, takenLocal: '2025-07-01T00:00:00' }));
    const [heic, mov] = [still(3), await video(3)];
    await put('IMG_3.JPG', heic, stillTime);
    await backup();
    expect((await assetOf(heic))?.path).toBe(`${july}/IMG_3-2.JPG`);
    // The first try of the video breaks off; the box starts again; a week later it comes whole.
    const begun = await phone.create(mov.length, { path: 'x/IMG_3.MOV' }, mov.subarray(0, 1000));
    expect(begun.status).toBe(201);
    expect((await phone.tus('DELETE', String(begun.headers['location']))).status).toBe(204);
    await app.restart();
    cookie = await app.signIn();
    await put('IMG_3.MOV', mov, videoTime);
    const again = await app.console('POST', '/api/pairings', { person: 'Alice', phone: 'again' });
    await real.run('pair', String(again.json()['link']), '--replace');
    await backup();
    expect((await assetOf(mov))?.path).toBe(`${july}/IMG_3-2.MOV`);
    await expectRestored({
      'IMG_3.JPG': { bytes: heic, seconds: stillTime },
      'IMG_3.MOV': { bytes: mov, seconds: videoTime },
    });
    // The same half once more, from another phone: nothing changes.
    await phone.send('y/IMG_3.MOV', mov);
    expect((await assets()).filter((one) => one.sha256 === sha256(mov)).length).toBe(1);
  });

  it('goes to the trash and comes back as one, with its sidecars', async () => {
    const [heic, mov, edit] = [still(4), await video(4), Buffer.from('<plist>of 4</plist>')];
    await put('IMG_4.JPG', heic, stillTime);
    await backup();
    await put('IMG_4.MOV', mov, videoTime);
    await put('IMG_4.AAE', edit, videoTime);
    await backup();
    const found = (await assets()).filter(({ path }) => path.includes('/IMG_4.')) as Array<Seen & { id: number }>;
    expect(found.map(({ path }) => path).sort()).toEqual(['AAE', 'JPG', 'MOV'].map((end) => `${july}/IMG_4.${end}`));
    const ids = found.map(({ id }) => id).sort();
    // A sidecar alone takes nobody along.
    const sidecar = found.find(({ kind }) => kind === 'sidecar');
    const alone = await app.ask('POST', '/api/trash', { cookie }, { assets: [sidecar?.id] });
    expect(alone.json()).toEqual({ trashed: [sidecar?.id] });
    const photo = found.find(({ kind }) => kind === 'photo');
    await app.ask('POST', '/api/trash', { cookie }, { assets: [photo?.id] });
    expect(await backup()).toMatchObject({ seen: 3, safe: 0, refused: 3, deleted: 3 });
    const back = await app.ask('POST', '/api/trash/restore', { cookie }, { assets: [photo?.id] });
    expect((back.json() as { restored: number[] }).restored.sort()).toEqual(ids);
    expect(await backup()).toMatchObject({ seen: 3, safe: 3, refused: 0, bytes: 0 });
    await expectRestored({
      'IMG_4.JPG': { bytes: heic, seconds: stillTime },
      'IMG_4.MOV': { bytes: mov, seconds: videoTime },
      'IMG_4.AAE': { bytes: edit, seconds: videoTime },
    });
  });

  it('goes straight to the trash when its owner deleted the other half meanwhile', async () => {
    const [heic, mov] = [still(10), await video(10)];
    await put('IMG_10.JPG', heic, stillTime);
    await backup();
    const photo = (await assetOf(heic)) as Seen & { id: number };
    await app.ask('POST', '/api/trash', { cookie }, { assets: [photo.id] });
    await put('IMG_10.MOV', mov, videoTime);
    await backup();
    expect(await assetOf(mov)).toBeUndefined();
    await expect.poll(() => app.filesInView()).not.toContain(`${july}/IMG_10.MOV`);
    expect(await backup()).toMatchObject({ seen: 2, safe: 0, refused: 2, deleted: 2, bytes: 0 });
    const back = await app.ask('POST', '/api/trash/restore', { cookie }, { assets: [photo.id] });
    expect((back.json() as { restored: number[] }).restored.length).toBe(2);
    expect(await backup()).toMatchObject({ safe: 2, refused: 0, bytes: 0 });
    await expectRestored({
      'IMG_10.JPG': { bytes: heic, seconds: stillTime },
      'IMG_10.MOV': { bytes: mov, seconds: videoTime },
    });
  });

  it('counts what the phone told more than what stands in the file, and three files as one pair', async () => {
    const files = [still(5), still(6), await video(7)];
    const names = ['IMG_5.JPG', 'IMG_E5.JPG', 'IMG_5.MOV'];
    for (const [at, bytes] of files.entries()) await phone.send(`DCIM/${names[at]}`, bytes, { pair: 'told' });
    for (const [at, bytes] of files.entries()) {
      expect(await assetOf(bytes)).toMatchObject({ path: `${july}/${names[at]}`, pair: 'told' });
    }
    // A phone cannot meet a pair that was read by telling another one's number.
    await phone.send('DCIM/IMG_8.JPG', still(8));
    await phone.send('DCIM/IMG_9.JPG', still(9), { pair: uuid(8) });
    expect(await assetOf(still(8))).toMatchObject({ pair: `apple:${uuid(8)}` });
    expect(await assetOf(still(9))).toMatchObject({ pair: uuid(8) });
  });

  it('puts sidecars beside their photo, and those that come first where their own date says', async () => {
    const seconds = String(Date.UTC(2025, 8, 9));
    const taken = exifJpeg({ seed: 30, bytes: 7030, takenLocal: '2025-07-04T10:00:00' });
    const other = exifJpeg({ seed: 31, bytes: 7031, takenLocal: '2025-07-04T10:00:00' });
    await phone.send('a/S_30.jpg', taken);
    await phone.send('b/S_30.jpg', other);
    const send = async (path: string) => {
      const bytes = Buffer.from(`sidecar ${path}`);
      await phone.send(path, bytes, { mtime: seconds });
      return (await assetOf(bytes))?.path;
    };
    expect(await send('a/S_30.xmp')).toBe(`${july}/S_30.xmp`);
    expect(await send('a/S_30.jpg.xmp')).toBe(`${july}/S_30.jpg.xmp`);
    expect(await send('a/S_30.jpg.json')).toBe(`${july}/S_30.jpg.json`);
    expect(await send('a/S_30.jpg.supplemental-metadata.json')).toBe(`${july}/S_30.jpg.supplemental-metadata.json`);
    // The photo of the second folder got a suffix: so do its sidecars.
    expect(await send('b/S_30.AAE')).toBe(`${july}/S_30-2.AAE`);
    expect(await send('b/S_30.jpg.xmp')).toBe(`${july}/S_30-2.jpg.xmp`);
    expect(await send('c/S_31.AAE')).toBe('Photos/Alice/2025/2025-09/S_31.AAE');
    const late = exifJpeg({ seed: 32, bytes: 7032, takenLocal: '2025-07-04T10:00:00' });
    await phone.send('c/S_31.jpg', late);
    expect((await assetOf(late))?.path).toBe(`${july}/S_31.jpg`);
    const iphone = exifJpeg({ seed: 33, bytes: 7033, takenLocal: '2025-07-04T10:00:00' });
    await phone.send('d/IMG_1234.JPG', iphone);
    expect(await send('d/IMG_O1234.AAE')).toBe(`${july}/IMG_O1234.AAE`);
    await phone.send('e/P(2).jpg', exifJpeg({ seed: 34, bytes: 7034, takenLocal: '2025-07-04T10:00:00' }));
    expect(await send('e/P.jpg(2).json')).toBe(`${july}/P.jpg(2).json`);
  });

  it('takes no other file for a half, whatever its phone says', async () => {
    const letter = Buffer.from('A letter.');
    await phone.send('Documents/letter.txt', letter, { pair: 'letter' });
    const photo = exifJpeg({ seed: 40, bytes: 7040, takenLocal: '2025-07-04T10:00:00' });
    await phone.send('DCIM/P_40.jpg', photo, { pair: 'letter' });
    expect((await assetOf(photo))?.path).toBe(`${july}/P_40.jpg`);
    expect((await assetOf(letter))?.pair).toBeNull();
  });

  it('tells of nothing that went wrong inside', () => {
    expect(app.ownErrors()).toEqual([]);
  });
});

async function has(program: string): Promise<boolean> {
  return await runCommand(program, ['-version'], limits).then(
    ({ status }) => status === 0,
    () => false,
  );
}
