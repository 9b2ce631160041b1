/**
 * What the append store promises, whatever door stands over it and whatever filesystem lies under it. `parent` is a
 * folder on the filesystem to try.
 */
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../src/platform/errors.ts';
import type { UploadFacts } from '../../src/uploads/upload.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { TestBox } from '../support/open-library.ts';

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const body = (bytes: Buffer) => Readable.from([bytes], { objectMode: false });
const code = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof CodedError ? error.code : error;
};

export function appendStoreContract(name: string, parent: string): void {
  describe(`append store on ${name}`, () => {
    let box: TestBox;
    const jpeg = exifJpeg({ seed: 1, bytes: 300_000, takenLocal: '2025-07-14T09:30:00' });
    const path = 'DCIM/Camera/IMG_1.jpg';
    const phone = 'phone-1';

    beforeEach(async () => {
      box = await TestBox.make(parent);
    });
    afterEach(async () => {
      await box.remove();
    });

    /** Begins an upload, gives it some bytes, and returns its id and the offset that may be reported. */
    const begin = (facts: UploadFacts, length: number | undefined, bytes: Buffer) =>
      box.uploads.begin(phone, { door: 'test', facts, ...(length === undefined ? {} : { length }) }, async (upload) => {
        if (bytes.length > 0) await upload.append(0, body(bytes));
        return { id: upload.id, offset: await upload.settle() };
      });
    const whole = (bytes: Buffer, facts: UploadFacts, of = phone) =>
      box.uploads.begin(of, { door: 'test', length: bytes.length, facts }, async (upload) => {
        await upload.openFile();
        if (bytes.length > 0) await upload.append(0, body(bytes));
        await upload.finish();
        return upload.id;
      });
    const asset = (bytes: Buffer, person = box.owner.person.id) =>
      box.library.current().rows.assetByContent(person, Buffer.from(sha256(bytes), 'hex'));

    describe.each(['early', 'late', 'never'] as const)('length known %s', (lengthKnown) => {
      describe.each(['early', 'late'] as const)('name known %s', (nameKnown) => {
        it.each(['early', 'late', 'never'] as const)('checksum known %s', async (checksumKnown) => {
          const facts: UploadFacts = {
            ...(nameKnown === 'early' ? { path, mtime: 1_700_000_000_000 } : {}),
            ...(checksumKnown === 'early' ? { sha256: sha256(jpeg) } : {}),
          };
          const { id, offset } = await begin(
            facts,
            lengthKnown === 'early' ? jpeg.length : undefined,
            jpeg.subarray(0, 100_000),
          );
          expect(offset).toBe(100_000);
          const file = await box.uploads.use(phone, id, async (upload) => {
            await upload.append(100_000, body(jpeg.subarray(100_000)));
            expect(await box.filesInView()).toEqual([]);
            await upload.finish({
              ...(nameKnown === 'late' ? { path, mtime: 1_700_000_000_000 } : {}),
              ...(lengthKnown === 'late' ? { length: jpeg.length } : {}),
              ...(checksumKnown === 'late'
                ? { checksums: { sha1: createHash('sha1').update(jpeg).digest('hex') } }
                : {}),
            });
            return upload.received;
          });
          expect(file).toBe(jpeg.length);
          expect(await box.filesInView()).toEqual(['Photos/Alice/2025/2025-07/IMG_1.jpg']);
          const kept = join(box.disk, 'Photos/Alice/2025/2025-07/IMG_1.jpg');
          expect(sha256(await readFile(kept))).toBe(sha256(jpeg));
          expect((await stat(kept)).mtimeMs).toBe(1_700_000_000_000);
          expect(asset(jpeg)).toMatchObject({ state: 'present', captured_local: '2025-07-14T09:30:00' });
          expect(await box.incoming()).toEqual([]);
        });
      });
    });

    it('goes on after a restart from what survived, and finish is idempotent', async () => {
      const { id } = await begin({ path }, jpeg.length, jpeg.subarray(0, 123_456));
      await box.restart();
      const offset = await box.uploads.use(phone, id, (upload) => upload.settle());
      expect(offset).toBe(123_456);
      await box.uploads.use(phone, id, async (upload) => {
        await upload.append(offset, body(jpeg.subarray(offset)));
        await upload.finish();
        await upload.finish();
      });
      await box.restart();
      expect(await box.uploads.use(phone, id, (upload) => upload.settle())).toBe(jpeg.length);
      expect(await box.filesInView()).toHaveLength(1);
    });

    it('never reports the full length before the file is published, and finishes it at start', async () => {
      const { id, offset } = await begin({ path }, jpeg.length, jpeg);
      expect(offset).toBe(jpeg.length - 1);
      expect(await box.filesInView()).toEqual([]);
      // The same byte again is taken, and changes nothing.
      await box.uploads.use(phone, id, (upload) => upload.append(jpeg.length - 1, body(jpeg.subarray(-1))));
      await box.restart();
      await expect.poll(() => box.uploads.use(phone, id, (upload) => upload.settle())).toBe(jpeg.length);
      expect(sha256(await readFile(join(box.disk, 'Photos/Alice/2025/2025-07/IMG_1.jpg')))).toBe(sha256(jpeg));
    });

    it('truncates, and takes the rest anew', async () => {
      const { id } = await begin(
        { path },
        jpeg.length,
        Buffer.concat([jpeg.subarray(0, 1_000), Buffer.alloc(5_000, 7)]),
      );
      await box.uploads.use(phone, id, async (upload) => {
        expect(await code(upload.truncate(7_000))).toBe('offset-mismatch');
        await upload.truncate(1_000);
        expect(await upload.settle()).toBe(1_000);
        await upload.append(1_000, body(jpeg.subarray(1_000)));
        await upload.finish({ sha256: sha256(jpeg) });
      });
      expect(await box.filesInView()).toHaveLength(1);
    });

    it('refuses a wrong offset, more than was announced, and a length that is not there', async () => {
      const { id } = await begin({ path }, jpeg.length, jpeg.subarray(0, 1_000));
      expect(await code(box.uploads.use(phone, id, (upload) => upload.append(999, body(jpeg))))).toBe(
        'offset-mismatch',
      );
      expect(
        await code(box.uploads.use(phone, id, (upload) => upload.append(1_000, body(Buffer.alloc(jpeg.length))))),
      ).toBe('too-large');
      expect(await code(box.uploads.use(phone, id, (upload) => upload.finish()))).toBe('length-mismatch');
      expect(await box.uploads.use(phone, id, (upload) => upload.settle())).toBe(1_000);
      expect(await box.filesInView()).toEqual([]);
    });

    it('drops bytes whose checksum is wrong, says so for good, and takes the file again', async () => {
      const { id } = await begin({ path, sha256: sha256(Buffer.from('other')) }, jpeg.length, jpeg);
      expect(await code(box.uploads.use(phone, id, (upload) => upload.finish()))).toBe('checksum-mismatch');
      expect(await code(box.uploads.use(phone, id, (upload) => upload.settle()))).toBe('checksum-mismatch');
      await box.restart();
      expect(await code(box.uploads.use(phone, id, (upload) => upload.settle()))).toBe('checksum-mismatch');
      expect(await box.filesInView()).toEqual([]);
      expect(await box.incoming()).toEqual([]);
      await whole(jpeg, { path, sha256: sha256(jpeg) });
      expect(await box.filesInView()).toHaveLength(1);
    });

    it('refuses an empty picture and keeps any other empty file', async () => {
      expect(await code(whole(Buffer.alloc(0), { path }))).toBe('empty-picture');
      expect(await code(whole(Buffer.alloc(0), { path: 'a/b.mp4' }))).toBe('empty-picture');
      await whole(Buffer.alloc(0), { path: 'Download/empty.txt' });
      expect(await box.filesInView()).toEqual(['Files/Alice/Download/empty.txt']);
      expect(box.library.current().items.counts(phone)).toMatchObject({ seen: 3, safe: 1, refused: 2 });
    });

    it('refuses names that lead elsewhere, and makes the others legal', async () => {
      for (const bad of [
        '../x.jpg',
        '/etc/x.jpg',
        'a/../../x.jpg',
        'a//x.jpg',
        '',
        '.',
        'a/..',
        'x\u0000.jpg',
        `${'d/'.repeat(100)}x.jpg`,
      ]) {
        expect(await code(whole(jpeg, { path: bad })), bad).toBe('invalid-name');
      }
      const strange = ['a:b?.jpg', 'CON.jpg', 'x .jpg ', '..jpg', 'ä'.repeat(200).concat('.jpg'), '\u202egpj.exe.jpg'];
      for (const [index, name] of strange.entries()) {
        await whole(exifJpeg({ seed: 50 + index, bytes: 4_500, takenLocal: '2025-07-14T09:30:00' }), {
          path: `DCIM/${name}`,
        });
      }
      const files = await box.filesInView();
      expect(files).toHaveLength(strange.length);
      for (const file of files) expect(file).toMatch(/^(Photos|Files)\/Alice\/(2025\/2025-07|DCIM)\/[^/:?<>|"*\\]+$/);
    });

    it('gives colliding names a suffix, also where only case differs, and overwrites nothing', async () => {
      const others = [2, 3, 4].map((seed) => exifJpeg({ seed, bytes: 4_500, takenLocal: '2025-07-01T00:00:00' }));
      const [second = jpeg, third = jpeg, fourth = jpeg] = others;
      await whole(jpeg, { path });
      await whole(second, { path: 'Other/IMG_1.JPG' });
      await mkdir(join(box.disk, 'Photos/Alice/2025/2025-07'), { recursive: true });
      await writeFile(join(box.disk, 'Photos/Alice/2025/2025-07/IMG_7.jpg'), 'put here by hand');
      await whole(third, { path: 'Other/IMG_7.jpg' });
      await whole(fourth, { path });
      expect(await box.filesInView()).toHaveLength(5);
      expect(await readFile(join(box.disk, 'Photos/Alice/2025/2025-07/IMG_7.jpg'), 'utf8')).toBe('put here by hand');
      for (const bytes of [jpeg, ...others]) {
        const row = asset(bytes);
        expect(sha256(await readFile(join(box.disk, row?.path ?? '')))).toBe(sha256(bytes));
      }
    });

    it('stores the same content of a person once, at the same moment too, and of another person apart', async () => {
      await Promise.all([
        whole(jpeg, { path }),
        whole(jpeg, { path: 'Copies/IMG_1.jpg' }),
        whole(jpeg, { path: 'WhatsApp/x.jpg' }, 'phone-2'),
        whole(jpeg, { path }, 'phone-3'),
      ]);
      expect(await box.filesInView()).toHaveLength(2);
      const { items } = box.library.current();
      expect(items.counts('phone-1').safe).toBe(2);
      expect(items.counts('phone-2').safe).toBe(1);
      expect(items.counts('phone-3').safe).toBe(1);
    });

    it('keeps what is no photo under Files, in the phone’s own folders', async () => {
      await whole(Buffer.from('%PDF-1.4'), { path: 'Documents/Tax/2025.pdf' });
      await whole(Buffer.from('[Desktop]'), { path: 'note' });
      expect(await box.filesInView()).toEqual(['Files/Alice/Documents/Tax/2025.pdf', 'Files/Alice/note']);
    });

    it('takes the other half of a pair to the folder and stem of the first', async () => {
      const still = exifJpeg({ seed: 9, bytes: 5_000, takenLocal: '2025-01-31T23:59:59' });
      const moving = exifJpeg({ seed: 10, bytes: 5_000, takenLocal: '2025-02-01T00:00:01' });
      await whole(jpeg, { path: 'x/IMG_9.jpg' });
      await whole(still, { path: 'DCIM/IMG_9.jpg', pair: 'asset-9' });
      await whole(moving, { path: 'DCIM/IMG_9.heic', pair: 'asset-9' });
      await whole(Buffer.from('<plist/>'), { path: 'DCIM/IMG_9.AAE' });
      expect(await box.filesInView()).toEqual([
        'Photos/Alice/2025/2025-01/IMG_9.AAE',
        'Photos/Alice/2025/2025-01/IMG_9.heic',
        'Photos/Alice/2025/2025-01/IMG_9.jpg',
        'Photos/Alice/2025/2025-07/IMG_9.jpg',
      ]);
    });

    it('lets a second writer take over, and keeps what the first one brought', async () => {
      const { id } = await begin({ path }, jpeg.length, Buffer.alloc(0));
      const slow = new Readable({ read: () => undefined });
      const first = code(box.uploads.use(phone, id, (upload) => upload.append(0, slow)));
      slow.push(jpeg.subarray(0, 50_000));
      await expect.poll(() => slow.readableLength).toBe(0);
      const offset = await box.uploads.use(phone, id, (upload) => upload.settle());
      expect(await first).toBe('upload-interrupted');
      expect(offset).toBe(50_000);
      await box.uploads.use(phone, id, async (upload) => {
        await upload.append(offset, body(jpeg.subarray(offset)));
        await upload.finish({ sha256: sha256(jpeg) });
      });
    });

    it('gives up a sender that goes silent, and keeps what came', async () => {
      const { id } = await begin({ path }, jpeg.length, Buffer.alloc(0));
      const silent = new Readable({ read: () => undefined });
      silent.push(jpeg.subarray(0, 10_000));
      expect(await code(box.uploads.use(phone, id, (upload) => upload.append(0, silent)))).toBe('upload-interrupted');
      expect(await box.uploads.use(phone, id, (upload) => upload.settle())).toBe(10_000);
    });

    it('leaves nothing of an upload that was ended, or that nobody was told of', async () => {
      const { id } = await begin({ path }, jpeg.length, jpeg.subarray(0, 1_000));
      await box.uploads.use(phone, id, (upload) => upload.abort());
      expect(await code(box.uploads.use(phone, id, (upload) => upload.settle()))).toBe('upload-gone');
      await box.restart();
      expect(await code(box.uploads.use(phone, id, (upload) => upload.settle()))).toBe('not-found');
      const broken = new Readable({ read: () => undefined });
      broken.push(jpeg.subarray(0, 1_000));
      setTimeout(() => broken.destroy(), 20);
      expect(
        await code(
          box.uploads.begin(phone, { door: 'test', length: jpeg.length, facts: { path } }, (upload) =>
            upload.append(0, broken),
          ),
        ),
      ).toBe('upload-interrupted');
      expect(await box.incoming()).toEqual([]);
    });

    it('shows an upload to its own phone only', async () => {
      const { id } = await begin({ path }, jpeg.length, jpeg.subarray(0, 1_000));
      for (const other of ['phone-2', 'phone-3']) {
        expect(await code(box.uploads.use(other, id, (upload) => upload.settle()))).toBe('not-found');
      }
      await box.restart();
      expect(await code(box.uploads.use('phone-2', id, (upload) => upload.settle()))).toBe('not-found');
    });

    it('gives up what nobody went on with for 14 days', async () => {
      const { id } = await begin({ path }, jpeg.length, jpeg.subarray(0, 1_000));
      const done = await whole(exifJpeg({ seed: 3, bytes: 4_500, takenLocal: '2025-07-01T00:00:00' }), {
        path: 'a.jpg',
      });
      box.clock += 13 * 86_400_000;
      expect(await box.uploads.removeExpired()).toBe(0);
      box.clock += 2 * 86_400_000;
      expect(await box.uploads.removeExpired()).toBe(2);
      expect(await code(box.uploads.use(phone, id, (upload) => upload.settle()))).toBe('not-found');
      expect(await code(box.uploads.use(phone, done, (upload) => upload.settle()))).toBe('not-found');
      expect(await box.incoming()).toEqual([]);
      expect(await box.filesInView()).toHaveLength(1);
    });

    it('has a limit on open uploads, and lets a resting one make room', async () => {
      for (let index = 0; index < 100; index++) await begin({ path: `a/${index}.jpg` }, 10, Buffer.alloc(0));
      expect(await code(begin({ path }, 10, Buffer.alloc(0)))).toBe('too-many-uploads');
      box.clock += 2 * 3_600_000;
      await begin({ path }, 10, Buffer.alloc(0));
    });

    it('answers disk-missing while the disk is away or another is in its place, and goes on by itself', async () => {
      const { id } = await begin({ path }, jpeg.length, jpeg.subarray(0, 100_000));
      await rename(box.disk, `${box.disk}.away`);
      await mkdir(box.disk);
      // What is under way in the moment in which the box sees it is stopped, with other words.
      await expect.poll(() => code(whole(jpeg, { path }))).toBe('disk-missing');
      const rest = () => box.uploads.use(phone, id, (upload) => upload.append(100_000, body(jpeg.subarray(100_000))));
      await expect.poll(() => code(rest())).toBe('disk-missing');
      await expect.poll(() => box.library.state).toBe('missing');
      await mkdir(join(box.disk, '.nightjar'));
      const marker = JSON.parse(await readFile(join(`${box.disk}.away`, '.nightjar/disk.json'), 'utf8'));
      await writeFile(
        join(box.disk, '.nightjar/disk.json'),
        JSON.stringify({ ...marker, diskId: crypto.randomUUID() }),
      );
      await expect.poll(() => code(whole(jpeg, { path }))).toBe('disk-foreign');
      expect(await box.filesInView()).toEqual([]);
      await rm(box.disk, { recursive: true });
      await rename(`${box.disk}.away`, box.disk);
      await expect.poll(() => box.library.state).toBe('ok');
      const offset = await box.uploads.use(phone, id, (upload) => upload.settle());
      expect(offset).toBe(100_000);
      await box.uploads.use(phone, id, async (upload) => {
        await upload.append(offset, body(jpeg.subarray(offset)));
        await upload.finish({ sha256: sha256(jpeg) });
      });
      expect(await box.filesInView()).toHaveLength(1);
    });

    it('never follows a symlink out of the library', async () => {
      const outside = join(box.dir, 'outside');
      await mkdir(outside);
      await mkdir(join(box.disk, 'Photos'));
      await symlink(outside, join(box.disk, 'Photos/Alice'));
      expect(await code(whole(jpeg, { path }))).toBe('folder-blocked');
      await rm(join(box.disk, 'Photos/Alice'));
      await expect.poll(() => code(whole(jpeg, { path }))).toBeUndefined();
    });

    it('publishes again what somebody removed by hand', async () => {
      await whole(jpeg, { path });
      await rm(join(box.disk, 'Photos/Alice/2025/2025-07/IMG_1.jpg'));
      await whole(jpeg, { path: 'again/IMG_1.jpg' });
      expect(await box.filesInView()).toEqual(['Photos/Alice/2025/2025-07/IMG_1.jpg']);
      expect(asset(jpeg)?.state).toBe('present');
    });

    it('keeps an arrival whose publishing failed, and publishes it when the way is free', async () => {
      await mkdir(join(box.disk, 'Photos'), { recursive: true });
      await writeFile(join(box.disk, 'Photos/Alice'), 'a file where the folder should be');
      const { id } = await begin({ path }, jpeg.length, jpeg);
      expect(await code(box.uploads.use(phone, id, (upload) => upload.finish()))).toBe('folder-blocked');
      await rm(join(box.disk, 'Photos/Alice'));
      await expect
        .poll(() =>
          box.uploads
            .use(phone, id, async (upload) => await upload.finish().then(() => upload.finished))
            .catch(() => false),
        )
        .toBe(true);
      expect(await box.filesInView()).toHaveLength(1);
      expect(await box.incoming()).toEqual([]);
      await chmod(box.disk, 0o755);
    });

    it('never calls a file safe whose publishing failed, however long ago and however many came since', async () => {
      await mkdir(join(box.disk, 'Photos'), { recursive: true });
      await writeFile(join(box.disk, 'Photos/Alice'), 'a file where the folder should be');
      const { id } = await begin({ path }, jpeg.length, jpeg);
      expect(await code(box.uploads.use(phone, id, (upload) => upload.finish()))).toBe('folder-blocked');
      for (let index = 0; index < 70; index++) await begin({ path: `a/${index}.txt` }, 10, Buffer.alloc(1));
      expect(await box.uploads.use(phone, id, (upload) => upload.settle())).toBeLessThan(jpeg.length);
      await box.restart();
      expect(box.library.state).toBe('ok');
      expect(await box.uploads.use(phone, id, (upload) => upload.settle())).toBeLessThan(jpeg.length);
      expect(await box.filesInView()).toEqual(['Photos/Alice']);
    });

    it('opens, and serves the others, while one interrupted arrival cannot be settled', async () => {
      await whole(jpeg, { path });
      const { rows, database } = box.library.current();
      // What a crash between the reservation and the name leaves, where a file has come to stand in its way since.
      await database.write(() => {
        const { id = 0 } = asset(jpeg) ?? {};
        rows.reserveAgain(id, 'ffffffffffffffffffffffffffffffff');
      });
      await rm(join(box.disk, 'Photos/Alice/2025/2025-07'), { recursive: true });
      await writeFile(join(box.disk, 'Photos/Alice/2025/2025-07'), 'in the way');
      await box.restart();
      expect(box.library.state).toBe('ok');
      expect(asset(jpeg)?.state).toBe('missing');
      await whole(exifJpeg({ seed: 77, bytes: 5_000, takenLocal: '2024-01-01T00:00:00' }), { path: 'b.jpg' });
      expect(await code(whole(jpeg, { path }))).toBe('folder-blocked');
      await rm(join(box.disk, 'Photos/Alice/2025/2025-07'));
      await whole(jpeg, { path });
      expect(asset(jpeg)?.state).toBe('present');
    });

    it('keeps a file and a folder of the same name', async () => {
      await whole(Buffer.from('a file'), { path: 'Download/x' });
      await whole(Buffer.from('below a folder'), { path: 'Download/x/y.txt' });
      await whole(Buffer.from('below it too'), { path: 'Download/x/z.txt' });
      await whole(Buffer.from('first a folder'), { path: 'Documents/n/y.txt' });
      await whole(Buffer.from('then a file'), { path: 'Documents/n' });
      expect(await box.filesInView()).toEqual([
        'Files/Alice/Documents/n-2',
        'Files/Alice/Documents/n/y.txt',
        'Files/Alice/Download/x',
        'Files/Alice/Download/x-2/y.txt',
        'Files/Alice/Download/x-2/z.txt',
      ]);
    });

    it('makes a folder again that somebody removed while the box runs', async () => {
      await whole(jpeg, { path });
      await rm(join(box.disk, 'Photos/Alice'), { recursive: true });
      const other = exifJpeg({ seed: 5, bytes: 5_000, takenLocal: '2025-07-02T00:00:00' });
      await whole(other, { path: 'b.jpg' });
      await rm(join(box.disk, '.nightjar/incoming'), { recursive: true });
      await whole(exifJpeg({ seed: 6, bytes: 5_000, takenLocal: '2025-07-03T00:00:00' }), { path: 'c.jpg' });
      expect(await box.filesInView()).toHaveLength(2);
    });

    it('never lets two writers have the same file, however many uploads are in use', async () => {
      await box.remove();
      box = await TestBox.make(parent, { liveMax: 2 });
      const slow = [0, 1, 2, 3].map(() => new Readable({ read: () => undefined }));
      const ids: string[] = [];
      for (const index of slow.keys()) ids.push((await begin({ path: `${index}.bin` }, 1_000, Buffer.alloc(0))).id);
      const firsts = ids.map((id, index) =>
        code(box.uploads.use(phone, id, (upload) => upload.append(0, slow[index] ?? slow[0] ?? Readable.from([])))),
      );
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (const [index, id] of ids.entries()) {
        await box.uploads.use(phone, id, async (upload) => {
          await upload.append(await upload.settle(), body(Buffer.alloc(1_000, index + 1)));
          await upload.finish();
        });
        expect(await firsts[index]).toBe('upload-interrupted');
      }
      expect(await box.filesInView()).toHaveLength(4);
    });

    it('does not wait for a last byte that never comes', async () => {
      const { id } = await begin({ path }, jpeg.length, jpeg);
      const never = new Readable({ read: () => undefined });
      const waiting = code(box.uploads.use(phone, id, (upload) => upload.append(jpeg.length - 1, never)));
      await new Promise((resolve) => setTimeout(resolve, 50));
      await box.uploads.use(phone, id, (upload) => upload.finish());
      expect(await waiting).toBeUndefined();
      expect(await box.filesInView()).toHaveLength(1);
    });
  });
}
