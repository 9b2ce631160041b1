/**
 * Each picture of a real collection ($NIGHTJAR_MEDIA, or `shared/media` beside the checkout) against what other programs
 * make of it: vipsthumbnail, heif-convert, ImageMagick. A sample of it, all in `make soak`. Skipped, and said so, where
 * there is none.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rounds, say, suiteSeed } from '../../test/support/counts.ts';
import { likeness, side, squeezed } from '../../test/support/likeness.ts';
import { hasTool, tool } from '../../test/support/made-media.ts';
import { MediaClient } from '../../test/support/media-client.ts';
import { Random } from '../../test/support/random.ts';
import { realMedia } from '../../test/support/real-media.ts';

const needed = ['vipsthumbnail', 'heif-convert', 'convert', 'identify', 'ffmpeg'];
const missing = (await Promise.all(needed.map(async (name) => ((await hasTool(name)) ? [] : [name])))).flat();
const all = realMedia();
const files = all.length === 0 ? all : sampleOf(all, rounds(7, all.length), new Random(suiteSeed('a real collection')));
const why =
  files.length === 0 ? 'no collection of real pictures' : missing.length > 0 ? `no ${missing.join(', ')}` : undefined;
if (why !== undefined) say(`The pictures of a real collection are not compared: ${why}.`);

function sampleOf<T>(from: readonly T[], count: number, random: Random): T[] {
  const left = [...from];
  return Array.from({ length: Math.min(count, left.length) }, () =>
    left.splice(random.whole(0, left.length - 1), 1),
  ).flat();
}

/** What the same picture makes through other programs lies above, what is turned, mirrored or miscoloured below. */
const alike = 0.85;

describe.skipIf(why !== undefined)('a real picture looks as other programs show it', () => {
  let dir: string;
  let client: MediaClient;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'nightjar-collection-'));
    client = await MediaClient.start();
  });
  afterAll(async () => {
    await client.stop();
    rmSync(dir, { recursive: true });
  });

  test.each(files.map((file) => [basename(file), file] as const))('%s', async (name, file) => {
    const told = await client.ask(file);
    if (!('answer' in told)) throw new Error('The worker died.');
    if (!told.answer.ok) {
      say(`${name}: refused: ${told.answer.reason}`);
      expect(told.answer.reason).toMatch(/\.$/);
      return;
    }
    const reference = await rendered(dir, file);
    const ours = { grid: join(dir, 'grid.webp'), preview: join(dir, 'preview.webp') };
    writeFileSync(ours.grid, told.grid);
    writeFileSync(ours.preview, told.preview);
    const right = await squeezed(reference);
    const [grid, preview] = [likeness(right, await squeezed(ours.grid)), likeness(right, await squeezed(ours.preview))];
    say(`${name}: ${grid.toFixed(3)} (320), ${preview.toFixed(3)} (1600)`);
    expect(Math.min(grid, preview)).toBeGreaterThan(alike);
    const shape = async (path: string) => {
      const [width = 0, height = 0] = (await tool('identify', ['-format', '%w %h', `${path}[0]`]))
        .split(' ')
        .map(Number);
      return width / height;
    };
    const aspect = await shape(reference);
    expect(told.answer.width / told.answer.height / aspect).toBeCloseTo(1, 1);
    expect((await shape(ours.preview)) / aspect).toBeCloseTo(1, 1);
    await expectSensitive(name, right, ours.preview);
  });

  /** The measure tells each of these from the right one, for this very picture. */
  async function expectSensitive(name: string, right: Buffer, file: string): Promise<void> {
    const shown = await squeezed(file);
    const last = side - 1;
    const wrong: Record<string, Buffer> = {
      'turned by 90': moved(shown, (x, y) => [y, last - x]),
      'turned by 180': moved(shown, (x, y) => [last - x, last - y]),
      'turned by 270': moved(shown, (x, y) => [last - y, x]),
      mirrored: moved(shown, (x, y) => [last - x, y]),
      'mirrored top to bottom': moved(shown, (x, y) => [x, last - y]),
      'with red and blue exchanged': Buffer.from(shown).map((_, at) => shown[at + (2 - 2 * (at % 3))] ?? 0) as Buffer,
    };
    const values = Object.entries(wrong).map(([how, picture]) => ({ how, value: likeness(right, picture) }));
    say(`${name}: wrong ones at most ${Math.max(...values.map(({ value }) => value)).toFixed(3)}`);
    for (const { how, value } of values) expect(value, `${name} ${how}`).toBeLessThan(alike);
  }
});

function moved(picture: Buffer, from: (x: number, y: number) => [x: number, y: number]): Buffer {
  const out = Buffer.alloc(picture.length);
  for (let at = 0; at < side * side; at++) {
    const [x, y] = from(at % side, Math.floor(at / side));
    picture.copy(out, at * 3, (y * side + x) * 3, (y * side + x) * 3 + 3);
  }
  return out;
}

/** The picture by other programs: upright, sRGB. */
async function rendered(dir: string, file: string): Promise<string> {
  const output = join(dir, 'reference.png');
  const isHeif = /\.(heic|heif)$/i.test(file);
  const source = isHeif ? await converted(dir, file) : file;
  // Without a profile it would take the colours for others than they are.
  const [profile = ''] = (await tool('identify', ['-format', '%[profile:icc]\n', source])).split('\n');
  const colours = profile.trim() === '' ? [] : ['--export-profile', 'srgb'];
  // heif-convert has turned the pixels already, and says so nowhere.
  const turned = isHeif ? ['--no-rotate'] : [];
  await tool('vipsthumbnail', ['--size', '1600', ...turned, ...colours, '-o', output, source]);
  return output;
}

/** The main picture of a HEIF file; of a sequence without a still picture, its first frame. */
async function converted(dir: string, file: string): Promise<string> {
  const folder = mkdtempSync(join(dir, 'converted-'));
  const whole = join(folder, 'whole.jpg');
  await tool('heif-convert', ['-q', '98', file, whole]).catch(() =>
    tool('ffmpeg', ['-v', 'error', '-y', '-i', file, '-frames:v', '1', '-q:v', '1', whole]),
  );
  // It writes all of them, numbered as heif-info lists them; without a main one that is listed, the largest.
  const info = await tool('heif-info', [file]).catch(() => '');
  const listed = info.split('\n').filter((line) => line.startsWith('image: '));
  const main = listed.findIndex((line) => line.endsWith('primary'));
  if (listed.length > 1 && main !== -1) return join(folder, `whole-${main + 1}.jpg`);
  const pixels = async (path: string) => Number(await tool('identify', ['-format', '%[fx:w*h]', path]));
  const paths = readdirSync(folder).map((name) => join(folder, name));
  const sized = await Promise.all(paths.map(async (path) => ({ path, pixels: await pixels(path) })));
  return sized.sort((a, b) => b.pixels - a.pixels)[0]?.path ?? whole;
}
