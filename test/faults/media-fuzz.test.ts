/**
 * Broken pictures: each real file and some made ones, cut at many places and changed at many more, given to the media
 * worker. Each gets a picture or a reason that a person can read, or costs the worker, which is replaced; none takes
 * longer than it may, and nothing is left behind.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mediaKind } from '../../src/library/media-kinds.ts';
import { memoryBytesMax, photoMsMax, pictureBytesMax, videoMsMax } from '../../src/media/protocol.ts';
import { treeAnonymousBytes } from '../../src/media/watched.ts';
import { rounds, say, suiteSeed } from '../support/counts.ts';
import { hasTool, isoBox, quartered, quarteredVideo, samsungTrailer, tool, withXmp } from '../support/made-media.ts';
import { MediaClient, type Told } from '../support/media-client.ts';
import { Random } from '../support/random.ts';
import { realMedia } from '../support/real-media.ts';
import { recordResult } from '../support/results.ts';

const cuts = rounds(2, 200);
const changes = rounds(3, 2000);
/** From the job to the worker's death by its own hand. The rest is a slow machine's. */
const lateMs = 20_000;
/** In a sample, larger ones cost its minute alone. */
const sampleBytesMax = 1024 * 1024;

const counts = { pictures: 0, reasons: 0, deaths: 0 };
const wrong: string[] = [];
const seed = suiteSeed('media-fuzz');
let dir: string;
let good: string;
let client: MediaClient;
let jobs = 0;

/** A worker that is given one broken file after the other. What is drawn depends on the file alone, not on its lane. */
class Lane {
  client: MediaClient;
  random = new Random(seed);

  constructor(client: MediaClient) {
    this.client = client;
  }

  /** A place in it: as often in the heads of its first kilobytes as anywhere. */
  placeIn(bytes: Buffer): number {
    const { random } = this;
    return random.chance(0.5) ? random.whole(0, Math.min(bytes.length, 4096) - 1) : random.whole(0, bytes.length - 1);
  }

  changed(whole: Buffer): Buffer {
    const { random } = this;
    const bytes = Buffer.from(whole);
    for (let count = random.size(1, 8); count > 0; count--) {
      const at = this.placeIn(bytes);
      const end = Math.min(bytes.length, at + random.size(1, 512));
      switch (random.whole(0, 5)) {
        case 0:
          bytes[at] = (bytes[at] ?? 0) ^ (1 << random.whole(0, 7));
          break;
        case 1:
          bytes.fill(random.chance(0.5) ? 0 : 0xff, at, end);
          break;
        case 2:
          for (let byte = at; byte < end; byte++) bytes[byte] = random.whole(0, 255);
          break;
        case 3: // a length or a place: small, large, negative
          if (at + 4 <= bytes.length)
            bytes.writeUInt32BE([0, 1, 8, 0x7fff_ffff, 0xffff_ffff, bytes.length][random.whole(0, 5)] ?? 0, at);
          break;
        case 4: // something said twice
          bytes.copy(bytes, this.placeIn(bytes), at, end);
          break;
        default: // something left out
          bytes.copy(bytes, at, end);
      }
    }
    return random.chance(0.1) ? bytes.subarray(0, random.whole(0, bytes.length)) : bytes;
  }

  async expectAnswer(bytes: Buffer, name: string, how: string): Promise<void> {
    const file = join(dir, `broken-${this.client.pid}-${name}`);
    writeFileSync(file, bytes);
    jobs++;
    const kind = mediaKind(name).kind === 'video' ? 'video' : 'photo';
    const told = await this.client.ask(file, { kind, name });
    const problem = (await problemWith(told)) ?? (told.ms > msMax(kind) ? `took ${Math.round(told.ms)} ms` : undefined);
    if (problem !== undefined) wrong.push(`${name}, ${how}: ${problem}`);
    if ('answer' in told) return;
    counts.deaths++;
    say(`${name}, ${how}: the worker died of it after ${Math.round(told.ms)} ms`);
    await this.client.stop();
    this.client = await MediaClient.start();
    if (!('answer' in (await this.client.ask(good)))) wrong.push(`${name}, ${how}: the next worker does not work`);
  }

  async breakAll(path: string, index: number): Promise<void> {
    this.random = new Random(seed + index);
    const whole = readFileSync(path);
    const name = basename(path);
    for (let cut = 0; cut < cuts; cut++) {
      const length = cut < cuts / 4 ? this.random.size(1, whole.length) : this.random.whole(0, whole.length - 1);
      await this.expectAnswer(whole.subarray(0, length), name, `cut at ${length}`);
    }
    for (let change = 0; change < changes; change++)
      await this.expectAnswer(this.changed(whole), name, `change ${change}`);
    say(`media-fuzz: ${name} done, ${wrong.length} wrong`);
  }
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-fuzz-'));
  good = join(dir, 'good.jpg');
  await quartered().jpeg().toFile(good);
  client = await MediaClient.start();
});
afterAll(async () => {
  await client.stop();
  rmSync(dir, { recursive: true });
  const told = `${counts.pictures} pictures, ${counts.reasons} reasons, ${counts.deaths} workers replaced`;
  await recordResult({ suite: 'media-fuzz', seed, rounds: jobs, failures: wrong.length, told });
});

/** Small ones of every kind, so that the suite has something to change where there is no collection. */
async function madeFiles(): Promise<string[]> {
  const picture = () => quartered(400);
  const made: Array<[string, () => Promise<Buffer>]> = [
    [
      'a.jpg',
      () =>
        picture()
          .withExif({ IFD0: { Make: 'Nightjar' } })
          .withIccProfile('p3')
          .jpeg()
          .toBuffer(),
    ],
    ['progressive.jpg', () => picture().jpeg({ progressive: true }).toBuffer()],
    ['a.png', () => picture().png({ progressive: true }).toBuffer()],
    ['a.gif', () => picture().gif().toBuffer()],
    ['a.webp', () => picture().webp().toBuffer()],
    ['a.avif', () => picture().avif({ effort: 0 }).toBuffer()],
    ['a.tif', () => picture().tiff({ compression: 'lzw', tile: true }).toBuffer()],
    ['a.dng', () => picture().tiff({ compression: 'jpeg' }).toBuffer()],
    ['motion.jpg', async () => motionPhoto(await picture().jpeg().toBuffer())],
  ];
  const files: string[] = [];
  for (const [name, bytes] of made) {
    writeFileSync(join(dir, name), await bytes());
    files.push(join(dir, name));
  }
  if (await hasTool('ffmpeg')) files.push(await quarteredVideo(dir, 'a.mp4'));
  if (await hasTool('heif-enc')) {
    await picture().png().toFile(join(dir, 'source.png'));
    await tool('heif-enc', ['-q', '50', '-o', join(dir, 'a.heic'), join(dir, 'source.png')]);
    files.push(join(dir, 'a.heic'));
  }
  return files;
}

function motionPhoto(jpeg: Buffer): Buffer {
  const video = Buffer.concat([isoBox('ftyp', Buffer.from('mp42\0\0\0\0')), isoBox('mdat', Buffer.alloc(3000))]);
  const trailer = samsungTrailer([{ name: 'MotionPhoto_Data', content: video }]);
  return Buffer.concat([withXmp(jpeg, `<a GCamera:MicroVideoOffset="${trailer.length}"/>`), trailer]);
}

const msMax = (kind: 'photo' | 'video') => (kind === 'video' ? videoMsMax : photoMsMax) + lateMs;

/** Undefined when it is as it should be. */
async function problemWith(told: Told): Promise<string | undefined> {
  if (!('answer' in told)) return undefined;
  const { answer, grid, preview } = told;
  if (!answer.ok) {
    counts.reasons++;
    return /^[A-Z].{10,300}\.$/.test(answer.reason) ? undefined : `says "${answer.reason}"`;
  }
  counts.pictures++;
  if (!(answer.width > 0 && answer.height > 0)) return `is ${answer.width} x ${answer.height}`;
  if (grid.length > pictureBytesMax || preview.length > pictureBytesMax) return 'is too large';
  for (const [picture, side] of [
    [grid, 320],
    [preview, 1600],
  ] as const) {
    const { format, width, height } = await sharp(picture).metadata();
    if (format !== 'webp' || Math.max(width, height) > side) return `is ${format}, ${width} x ${height}`;
  }
  return undefined;
}

describe('broken pictures', () => {
  test.each([
    'loop',
    'leak',
    'crash',
  ])('a decoder with a planted %s costs its worker, and is told from one that answers', async (plant) => {
    const program = new URL('../support/planted-decoder.ts', import.meta.url).pathname;
    const args = ['60000', plant === 'loop' ? '15000' : '3600000', String(300 * 1024 * 1024)];
    const planted = await MediaClient.start({ program, args });
    expect(await planted.ask(good)).toMatchObject({ answer: { ok: true } });
    expect(await planted.ask(good, { name: `${plant}.jpg` })).toMatchObject({ died: true });
    await planted.ended;
    expect(treeAnonymousBytes(planted.pid)).toBe(0);
    expect(await client.ask(good)).toMatchObject({ answer: { ok: true } });
  });

  test('cut, and changed', async () => {
    const full = cuts >= 200;
    const files = [...(await madeFiles()), ...realMedia()].filter(
      (file) => full || readFileSync(file).length <= sampleBytesMax,
    );
    // The largest first, so that no lane is left with it at the end.
    const queue = files
      .map((path, index) => ({ path, index, bytes: readFileSync(path).length }))
      .sort((one, other) => other.bytes - one.bytes);
    const lane = new Lane(client);
    const others = full
      ? await Promise.all(
          cpus()
            .slice(1)
            .map(async () => new Lane(await MediaClient.start())),
        )
      : [];
    await Promise.all(
      [lane, ...others].map(async (own) => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift())
          await own.breakAll(next.path, next.index);
      }),
    );
    client = lane.client;
    for (const other of others) await other.client.stop();
    expect(wrong).toEqual([]);
    expect(await client.ask(good)).toMatchObject({ answer: { ok: true } });
    expect(treeAnonymousBytes(client.pid)).toBeLessThan(memoryBytesMax);
    // At the end, nothing of what failed is left.
    const roots = ['/dev/shm', tmpdir()].filter((root) => existsSync(root));
    const left = roots.flatMap((root) => readdirSync(root)).filter((name) => name.startsWith('nightjar-picture-'));
    expect(left.filter((name) => name.startsWith(`nightjar-picture-${client.pid}-`))).toEqual([]);
    expect(counts.pictures).toBeGreaterThan(0);
    expect(counts.reasons).toBeGreaterThan(0);
  });
});
