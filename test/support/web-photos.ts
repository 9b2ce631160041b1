/** Photos for the pages that show them: real ones where there are some, painted ones of all shapes, videos, a Live pair. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import sharp from 'sharp';
import { expect, vi } from 'vitest';
import type { App } from './app.ts';
import type { HandPhone } from './hand-phone.ts';
import { quarteredVideo } from './made-media.ts';
import { realMedia } from './real-media.ts';

const dayMs = 86_400_000;
const shapes = [
  [900, 600],
  [600, 900],
  [800, 800],
  [1200, 500],
  [640, 480],
] as const;
const skies = [
  ['#131a31', '#d9996a'],
  ['#2c4a86', '#f3c27a'],
  ['#1b6a46', '#e0f1e7'],
  ['#845000', '#fbefd5'],
  ['#4c4b7b', '#9a6377'],
] as const;

/** A hill under a sky: another one for each number. */
export async function painted(number: number): Promise<Buffer> {
  const [width, height] = shapes[number % shapes.length] ?? [900, 600];
  const [top, low] = skies[(number * 3) % skies.length] ?? ['#000', '#fff'];
  const hill = height * (0.55 + (number % 7) / 20);
  const sun = width * (0.2 + (number % 5) / 7);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <defs><linearGradient id="s" x2="0" y2="1"><stop stop-color="${top}"/><stop offset="1" stop-color="${low}"/></linearGradient></defs>
    <rect width="100%" height="100%" fill="url(#s)"/><circle cx="${sun}" cy="${height * 0.35}" r="${height / 9}" fill="#fff6e0"/>
    <path d="M0 ${height} L0 ${hill} Q ${width / 3} ${hill - height / 3} ${width * 0.6} ${hill} T ${width} ${hill - 20} L ${width} ${height} Z" fill="#22263a"/>
    <text x="24" y="${height - 24}" font-size="40" fill="#fff">${number}</text></svg>`;
  return await sharp(Buffer.from(svg)).jpeg({ quality: 80 }).toBuffer();
}

export type PhotoLibrary = Readonly<{ phone: HandPhone; tablet: HandPhone; ids: ReadonlyMap<string, number> }>;

/** Sends all of it, and waits until its pictures are made. `count`: painted ones, from today back. */
export async function fillWithPhotos(
  app: App,
  { count, real }: { count: number; real: number },
): Promise<PhotoLibrary> {
  const dir = await mkdtemp(join(tmpdir(), 'nightjar-photos-'));
  const phone = await app.pair('Alice', 'Anna’s Pixel');
  const tablet = await app.pair('Alice', 'Tablet');
  const at = (daysAgo: number) => String(Date.now() - Math.round(daysAgo * dayMs));
  try {
    for (let number = 0; number < count; number++) {
      const from = number % 4 === 3 ? tablet : phone;
      // Several a day at first, then farther and farther apart.
      const daysAgo = number < 12 ? number / 5 : 3 + (number - 12) ** 1.6;
      await from.send(`DCIM/painted_${number}.jpg`, await painted(number), { mtime: at(daysAgo) });
    }
    const found = realMedia();
    const some = found.filter((_, index) => index % Math.max(1, Math.ceil(found.length / Math.max(1, real))) === 0);
    for (const file of some) await phone.send(`DCIM/${basename(file)}`, await readFile(file), { mtime: at(1.1) });
    const clip = await readFile(await quarteredVideo(dir, 'clip.mp4', [], 14));
    await phone.send('DCIM/clip.mp4', clip, { mtime: at(0.01) });
    const still = await sharp(await painted(101))
      .resize(1200, 800)
      .jpeg()
      .toBuffer();
    await phone.send('DCIM/IMG_live.JPG', still, { mtime: at(0.02), pair: 'live-1' });
    const moving = await readFile(await quarteredVideo(dir, 'moving.mp4', [], 2));
    await phone.send('DCIM/IMG_live.MOV', moving, { mtime: at(0.02), pair: 'live-1' });
    await phone.send('DCIM/broken.jpg', Buffer.from('this is no picture at all'), { mtime: at(0.03) });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  const wanted = async () => (await phone.ask('GET', '/api/pictures')).json()['wanted'];
  await vi.waitFor(async () => expect(await wanted()).toBe(0), { timeout: 100_000, interval: 500 });
  const { entries } = (await phone.ask('GET', '/api/timeline?limit=1000')).json() as {
    entries: Array<{ id: number; name: string }>;
  };
  return { phone, tablet, ids: new Map(entries.map(({ id, name }) => [name, id])) };
}
