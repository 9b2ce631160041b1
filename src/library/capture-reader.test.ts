import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { type RunCommand, runCommand } from '../platform/commands.ts';
import { CodedError } from '../platform/errors.ts';
import { choose, type Metadata } from './capture-date.ts';
import { CaptureReader, type CaptureReaderDeps } from './capture-reader.ts';

const log = pino({ level: 'silent' });
const uploads = new AbortController();
const limits = { timeoutMs: 20_000, outputBytesMax: 100_000, signal: uploads.signal };
const has = async (program: string) =>
  await runCommand(program, ['-version'], limits).then(
    ({ status }) => status === 0,
    () => false,
  );
const ffmpeg = (await has('ffmpeg')) && (await has('ffprobe'));
const media = join(import.meta.dirname, '../../../shared/media');

let dir: string;
const readers: CaptureReader[] = [];

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-capture-'));
});
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader.close();
});
afterAll(() => rmSync(dir, { recursive: true }));

async function openReader(deps: Partial<CaptureReaderDeps> = {}): Promise<CaptureReader> {
  const reader = new CaptureReader({ runCommand, now: () => 1_000_000, log, ...deps });
  readers.push(reader);
  await reader.open();
  return reader;
}

function write(name: string, bytes: Buffer | string): string {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}

const picture = exifJpeg({ seed: 1, bytes: 100_000, takenLocal: '2024-05-06T07:08:09', offset: '+02:00' });
const taken = { local: '2024-05-06T07:08:09', fractionMs: 0, offsetMinutes: 120, lastResort: false };

/** The TIFF part of the picture's EXIF, to be put into other containers. */
function tiffOf(jpeg: Buffer): Buffer {
  const start = jpeg.indexOf('Exif\0\0', 0, 'latin1');
  return jpeg.subarray(start + 6, start - 2 + jpeg.readUInt16BE(start - 2));
}

/** A HEIC's boxes (ISO/IEC 14496-12, 23008-12) with one item, Exif, at the very end of `bytes`. */
function heicWithExifAtEnd(bytes: number): Buffer {
  const exif = Buffer.concat([Buffer.from([0, 0, 0, 0]), tiffOf(picture)]);
  const box = (type: string, ...body: Buffer[]) => {
    const content = Buffer.concat(body);
    const head = Buffer.alloc(8);
    head.writeUInt32BE(content.length + 8, 0);
    head.write(type, 4, 'latin1');
    return Buffer.concat([head, content]);
  };
  const full = (version: number) => Buffer.from([version, 0, 0, 0]);
  const location = Buffer.from([0x44, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  location.writeUInt32BE(bytes - exif.length, 10);
  location.writeUInt32BE(exif.length, 14);
  const head = Buffer.concat([
    box('ftyp', Buffer.from('heic\0\0\0\0mif1heic', 'latin1')),
    box(
      'meta',
      full(0),
      box('iinf', full(0), Buffer.from([0, 1]), box('infe', full(2), Buffer.from('\0\x01\0\0Exif\0', 'latin1'))),
      box('iloc', full(0), location),
    ),
  ]);
  const rest = Buffer.alloc(bytes - head.length - exif.length);
  rest.writeUInt32BE(rest.length + exif.length, 0);
  rest.write('mdat', 4, 'latin1');
  return Buffer.concat([head, rest, exif]);
}

test('reads the date of a picture, and of one after another', async () => {
  const reader = await openReader();
  const path = write('a.jpg', picture);
  const answers = await Promise.all([1, 2, 3].map(() => reader.read(path, 'photo')));
  for (const answer of answers) expect(answer?.moments[0]).toEqual(taken);
});

test('a picture without metadata, one cut short, noise and a missing file have no date', async () => {
  const reader = await openReader();
  expect(await reader.read(write('noise.jpg', Buffer.alloc(300_000, 7)), 'photo')).toBeUndefined();
  expect(await reader.read(write('cut.jpg', picture.subarray(0, 30)), 'photo')).toBeUndefined();
  expect(await reader.read(write('empty.jpg', ''), 'photo')).toBeUndefined();
  expect(await reader.read(join(dir, 'nothing.jpg'), 'photo')).toBeUndefined();
  expect(await reader.read(dir, 'photo')).toBeUndefined();
  expect((await reader.read(write('b.jpg', picture), 'photo'))?.moments[0]).toEqual(taken);
});

test('finds metadata at the end of a large HEIC', async () => {
  const reader = await openReader();
  const path = write('end.heic', heicWithExifAtEnd(5_000_000));
  expect((await reader.read(path, 'photo'))?.moments[0]).toEqual(taken);
});

test('a HEIC that promises metadata beyond its end has no date', async () => {
  const reader = await openReader();
  const path = write('lies.heic', heicWithExifAtEnd(5_000_000));
  truncateSync(path, 4_000_000);
  expect(await reader.read(path, 'photo')).toBeUndefined();
});

test('finds the directory of a TIFF behind its pixels', async () => {
  const reader = await openReader();
  const pixels = 1_000_000;
  const tiff = tiffOf(picture);
  // The same directories, moved: every offset grows by `pixels`.
  const moved = Buffer.concat([tiff.subarray(0, 8), Buffer.alloc(pixels), tiff.subarray(8)]);
  moved.writeUInt32BE(8 + pixels, 4);
  for (let directory = 8; directory !== 0; ) {
    const at = directory + pixels;
    const entries = moved.readUInt16BE(at);
    let next = 0;
    for (let entry = at + 2; entry < at + 2 + entries * 12; entry += 12) {
      const value = moved.readUInt32BE(entry + 8);
      if (moved.readUInt16BE(entry) === 0x8769) next = value;
      moved.writeUInt32BE(value + pixels, entry + 8);
    }
    directory = next;
  }
  expect((await reader.read(write('pixels-first.dng', moved), 'photo'))?.moments[0]).toEqual(taken);
});

test('other files are not looked into', async () => {
  const reader = await openReader();
  expect(await reader.read(write('c.aae', picture), 'sidecar')).toBeUndefined();
  expect(await reader.read(write('c.bin', picture), 'file')).toBeUndefined();
});

const fates = `
  process.send({ ready: true });
  process.on('message', ({ file }) => {
    if (file.includes('hang')) for (;;);
    if (file.includes('crash')) throw new Error('crash');
    if (file.includes('exit')) process.exit(1);
    if (file.includes('killed')) process.kill(process.pid, 'SIGKILL');
    if (file.includes('late-death')) setTimeout(() => process.exit(1), 20);
    if (file.includes('memory')) for (const all = []; ;) all.push(new Array(1000).fill(file));
    process.send({ metadata: { moments: [{ utc: process.pid }] } });
  });`;

test.each([
  'hang',
  'crash',
  'exit',
  'killed',
  'memory',
])('a worker brought down by a file (%s) costs that date', async (fate) => {
  const reader = await openReader({
    workerProgram: write('fates.mjs', fates),
    timeoutMs: fate === 'hang' ? 300 : 20_000,
  });
  const files = ['a.jpg', `${fate}.jpg`, 'b.jpg'];
  const answers = await Promise.all(files.map((file) => reader.read(file, 'photo')));
  expect(answers.map((answer) => answer !== undefined)).toEqual([true, false, true]);
});

test('a picture that was read late, as on a busy box, is asked for once more and longer', async () => {
  const tried = join(dir, 'tried');
  const program = `
    import { existsSync, writeFileSync } from 'node:fs';
    process.send({ ready: true });
    process.on('message', ({ file }) => {
      const isFirst = !existsSync('${tried}');
      writeFileSync('${tried}', '');
      setTimeout(() => process.send({ metadata: { moments: [{ utc: isFirst ? 1 : 2 }] } }), isFirst ? 10_000 : 800);
    });`;
  const reader = await openReader({ workerProgram: write('late.mjs', program), timeoutMs: 600 });
  expect(await reader.read('a.jpg', 'photo')).toEqual({ moments: [{ utc: 2 }] });
});

/** Resolves when the worker that gave this answer has ended, and the reader could hear of it. */
async function gone(answer: Metadata | undefined): Promise<void> {
  const [moment] = answer?.moments ?? [];
  const pid = moment && 'utc' in moment ? moment.utc : 0;
  const isThere = () => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  await expect.poll(isThere).toBe(false);
  await new Promise((resolve) => setTimeout(resolve, 50));
}

test('a worker that died while nobody asked is replaced', async () => {
  const reader = await openReader({ workerProgram: write('fates.mjs', fates) });
  const first = await reader.read('late-death.jpg', 'photo');
  await gone(first);
  const second = await reader.read('a.jpg', 'photo');
  expect(second).toBeDefined();
  expect(second).not.toEqual(first);
});

test('one worker serves many, goes when idle, and another comes when needed', async () => {
  const reader = await openReader({ workerProgram: write('fates.mjs', fates), idleMs: 20 });
  const [first, second] = await Promise.all([reader.read('a.jpg', 'photo'), reader.read('b.jpg', 'photo')]);
  expect(first).toBeDefined();
  expect(second).toEqual(first);
  await gone(first);
  expect(await reader.read('c.jpg', 'photo')).not.toEqual(first);
});

test('too many at once are told to come back; closing refuses the rest', async () => {
  const reader = await openReader();
  const path = write('e.jpg', picture);
  const many = Array.from({ length: 257 }, () => reader.read(path, 'photo').catch((error: unknown) => error));
  expect(await many[256]).toMatchObject({ code: 'busy' });
  await reader.close();
  expect(await many[255]).toMatchObject({ code: 'stopping' });
  await expect(reader.read(path, 'photo')).rejects.toMatchObject({ code: 'stopping' });
});

test('without ffprobe videos have no date, and it is looked for again after a minute', async () => {
  let now = 1_000_000;
  let installed = false;
  const looks: string[] = [];
  const machine: RunCommand = async (file, args) => {
    looks.push(args.join(' '));
    if (!installed) throw new CodedError('command-missing', `${file} is not installed.`);
    return { status: 0, stdout: '{"format":{"tags":{"creation_time":"2022-08-14T11:12:32Z"}}}', stderr: '' };
  };
  const reader = await openReader({ runCommand: machine, now: () => now });
  expect(reader.videoToolsMissing()).toBe(true);
  expect(await reader.read('/x/a.mp4', 'video')).toBeUndefined();
  installed = true;
  now += 59_999;
  expect(await reader.read('/x/a.mp4', 'video')).toBeUndefined();
  expect(looks).toEqual(['-version']);
  now += 1;
  const moment = { utc: Date.parse('2022-08-14T11:12:32Z') };
  expect(await reader.read('/x/a.mp4', 'video')).toEqual({ moments: [moment] });
  expect(reader.videoToolsMissing()).toBe(false);
  installed = false; // Taken away again.
  expect(await reader.read('/x/a.mp4', 'video')).toBeUndefined();
  expect(reader.videoToolsMissing()).toBe(true);
});

test('an answer of ffprobe that is no answer costs the date', async () => {
  for (const stdout of [
    '',
    'null',
    '[]',
    '{"streams":7,"format":{"tags":{"creation_time":5}}}',
    '{"streams":[null]}',
  ]) {
    const reader = await openReader({ runCommand: async () => ({ status: 0, stdout, stderr: '' }) });
    expect(await reader.read('/x/a.mp4', 'video')).toBeUndefined();
  }
});

test.skipIf(!ffmpeg)('reads the dates of videos (needs ffmpeg and ffprobe)', { timeout: 60_000 }, async () => {
  const reader = await openReader();
  const path = join(dir, '-clip %d.mov');
  const tags = ['creation_time=2022-08-14T11:12:40Z', 'com.apple.quicktime.creationdate=2022-08-14T20:12:31+0900'];
  const source = ['-f', 'lavfi', '-i', 'testsrc=size=64x48:duration=1'];
  const meta = tags.flatMap((tag) => ['-metadata', tag]);
  await runCommand('ffmpeg', ['-v', 'error', ...source, ...meta, '-movflags', 'use_metadata_tags', path], limits);
  expect((await reader.read(path, 'video'))?.moments.slice(0, 2)).toEqual([
    { local: '2022-08-14T20:12:31', fractionMs: 0, offsetMinutes: 540, lastResort: false },
    { utc: Date.parse('2022-08-14T11:12:40Z') },
  ]);
  truncateSync(path, 1000);
  expect(await reader.read(path, 'video')).toBeUndefined();
  const playlist = write('list.mp4', `#EXTM3U\n#EXTINF:1,\nfile:${path}\n`);
  expect(await reader.read(playlist, 'video')).toBeUndefined();
});

const contentId = '5C7A1B9E-1111-4222-8333-ABCDEF012345';

test('reads what ties a picture to its other half, and keeps it through the choice of a date', async () => {
  const reader = await openReader();
  const live = exifJpeg({ seed: 2, bytes: 50_000, takenLocal: '2024-05-06T07:08:09', contentId });
  const metadata = await reader.read(write('live.jpg', live), 'photo');
  expect(metadata).toMatchObject({ contentId, moments: [{ local: '2024-05-06T07:08:09' }, {}, {}] });
  expect(choose({ metadata, uploadedAt: 0, zone: 'UTC' })).toMatchObject({ contentId, from: 'metadata' });
  // Without any date it is still the half of a photo.
  const undated = exifJpeg({ seed: 2, bytes: 50_000, takenLocal: '0000-00-00T00:00:00', contentId });
  expect(await reader.read(write('undated.jpg', undated), 'photo')).toEqual({ moments: [], contentId });
  expect(await reader.read(write('plain.jpg', picture), 'photo')).not.toHaveProperty('contentId');
});

test.skipIf(!ffmpeg)('reads what ties a video to its picture (needs ffmpeg and ffprobe)', async () => {
  const reader = await openReader();
  const path = join(dir, 'live.mov');
  const source = ['-f', 'lavfi', '-i', 'testsrc=size=64x48:duration=1'];
  const meta = ['-metadata', `com.apple.quicktime.content.identifier=${contentId}`];
  await runCommand('ffmpeg', ['-v', 'error', ...source, ...meta, '-movflags', 'use_metadata_tags', path], limits);
  expect(await reader.read(path, 'video')).toMatchObject({ contentId });
});

test.skipIf(!existsSync(media))('reads what ties a real Live Photo (needs the sample pictures)', async () => {
  const reader = await openReader();
  const bytes = readFileSync(join(media, 'photos/iphone_13_pro_max.HEIC'));
  // This one was taken without its video: an entry of its own maker note becomes the identifier.
  expect(await reader.read(write('still.heic', bytes), 'photo')).not.toHaveProperty('contentId');
  const note = bytes.indexOf('Apple iOS\0', 0, 'latin1');
  const entry = note + 16 + 12;
  expect([bytes.readUInt16BE(entry), bytes.readUInt32BE(entry + 4)]).toEqual([2, 558]);
  bytes.writeUInt16BE(0x0011, entry);
  bytes.writeUInt16BE(2, entry + 2);
  bytes.writeUInt32BE(37, entry + 4);
  bytes.write(`${contentId}\0`, note + bytes.readUInt32BE(entry + 8), 'latin1');
  expect(await reader.read(write('live.heic', bytes), 'photo')).toMatchObject({ contentId });
});

test.skipIf(!existsSync(media))('reads real pictures (needs the sample pictures beside the repository)', async () => {
  const reader = await openReader();
  const local = async (name: string) => {
    const path = join(dir, 'real');
    copyFileSync(join(media, name), path);
    const [moment] = (await reader.read(path, 'photo'))?.moments ?? [];
    return moment && 'local' in moment ? [moment.local, moment.offsetMinutes] : moment;
  };
  expect(await local('photos/iphone_13_pro_max.HEIC')).toEqual(['2022-02-16T12:55:41', 60]);
  expect(await local('photos/HMD_Nokia_8.3_5G.jpg')).toEqual(['2022-08-14T14:12:31', 180]);
  expect(await local('photos/HMD_Nokia_8.3_5G.heif')).toEqual({ utc: Date.parse('2022-02-03T14:44:09Z') });
  expect(await local('photos/jolla.jpg')).toEqual(['2014-09-21T16:00:56', 120]);
  expect(await local('photos/DSCN0010.jpg')).toEqual(['2008-10-22T16:28:39', undefined]);
  expect(await local('photos/portrait_3.jpg')).toBeUndefined();
  expect(await local('heif/C031.heic')).toBeUndefined();
});
