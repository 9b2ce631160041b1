/**
 * Sending photos by hand from a browser that is killed in the middle, to a box that is killed in the middle: it goes on,
 * and nothing that was finished is sent twice. The box is a process of its own on ports that stay the same.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Daemon } from '../support/daemon.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { freePort } from '../support/free-port.ts';
import { type Page, Visitor, webMissing } from '../support/web.ts';

const files = 300;
let dir: string;
let daemon: Daemon;
let origin: string;
let chosen: string[];
/** Every creation of an upload that a browser asked for: the name in its metadata. */
const created: string[] = [];

beforeAll(async () => {
  const missing = webMissing();
  if (missing !== undefined) throw new Error(`The web app cannot be tested: ${missing}.`);
  dir = await mkdtemp(join(tmpdir(), 'njb-'));
  const port = await freePort();
  daemon = await Daemon.start({ dir, env: { NIGHTJAR_HTTP_PORT: String(port) } });
  await daemon.setUp();
  origin = `http://localhost:${port}`;
  const photos = join(dir, 'photos');
  await mkdir(photos);
  chosen = Array.from({ length: files }, (_, at) => join(photos, `IMG_${String(at).padStart(4, '0')}.jpg`));
  await Promise.all(
    chosen.map((path, seed) =>
      writeFile(
        path,
        exifJpeg({
          seed,
          bytes: 40_000 + seed,
          takenLocal: `2026-05-${String((seed % 28) + 1).padStart(2, '0')}T12:00:00`,
        }),
      ),
    ),
  );
});
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true, maxRetries: 5 });
});

/** The phone's browser; closing it kills its tab. */
async function open(): Promise<Visitor> {
  const visitor = await Visitor.withProfile(join(dir, 'profile'), origin);
  visitor.context.on('request', (request) => {
    if (request.method() !== 'POST' || !request.url().endsWith('/api/uploads')) return;
    const encoded = /(?:^|,)filename ([^,]*)/.exec(request.headers()['upload-metadata'] ?? '')?.[1] ?? '';
    created.push(Buffer.from(encoded, 'base64').toString());
  });
  return visitor;
}

const counted = async (page: Page, look: 'safe' | 'waiting' | 'refused') => {
  const texts = await page.locator('.backup-counts > div').allInnerTexts();
  const [value] = texts.filter((text) => text.includes(look)).map((text) => Number(text.replace(/\D/g, '')));
  return value ?? -1;
};
/** As the database of the box has it: uploads that were finished, by their phone's name for them. */
function finishedUploads(): string[] {
  const database = new Database(join(daemon.diskDir, '.nightjar/library.sqlite'), { readonly: true });
  const rows = database.prepare("SELECT facts ->> 'path' AS path FROM upload WHERE state = 'finished'").all() as Array<{
    path: string;
  }>;
  database.close();
  return rows.map(({ path }) => path);
}

it('goes on by itself after the box was killed, and after the tab was; nothing finished is sent twice', async () => {
  const first = await open();
  const { page } = first;
  const { code } = (await daemon.console('POST', '/api/pairings', { person: 'Alice', phone: 'Pixel' })) as {
    code: string;
  };
  await first.go('/pair');
  await page.getByLabel('Pairing code').fill(code);
  await page.getByRole('button', { name: 'Pair this phone' }).click();
  await page.getByRole('button', { name: 'I wrote them down' }).click();
  await page.getByRole('link', { name: 'Back up now' }).click();
  await page.getByText('What the browser takes away').waitFor();
  await first.shot('backup-choose');
  expect(await first.axe()).toEqual([]);
  expect(await first.overflow()).toBe(0);
  // On Android the picker is asked for nothing: with `image/*` the system takes the places out.
  expect(await page.locator('[data-picker]').getAttribute('accept')).toBeNull();
  await page.locator('[data-picker]').setInputFiles(chosen);
  await expect.poll(() => counted(page, 'safe')).toBeGreaterThan(30);
  await first.shot('backup-running');

  await daemon.kill();
  await page.getByText('The box does not answer. It goes on by itself.').waitFor();
  await first.shot('backup-away');
  expect(await first.axe()).toEqual([]);
  const before = await counted(page, 'safe');
  expect(before).toBeLessThan(files);
  expect((await counted(page, 'waiting')) + before).toBe(files);
  expect(await counted(page, 'refused')).toBe(0);
  await daemon.restart();
  await expect.poll(() => counted(page, 'safe')).toBeGreaterThan(before + 30);

  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('button', { name: 'Go on' }).waitFor();
  await first.shot('backup-paused');
  const atPause = await counted(page, 'safe');
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect.poll(() => counted(page, 'safe')).toBeGreaterThan(atPause + 10);
  // The tab dies in the middle.
  await first.context.close();

  const second = await open();
  await second.go('/this-phone/backup');
  await second.page.getByRole('heading', { name: 'It stopped in the middle' }).waitFor();
  const stopped = await counted(second.page, 'safe');
  expect(stopped).toBeGreaterThanOrEqual(atPause);
  expect(stopped).toBeLessThan(files);
  await second.shot('backup-stopped');
  expect(await second.axe()).toEqual([]);
  expect(await second.overflow()).toBe(0);
  await second.page.locator('[data-picker]').setInputFiles(chosen);
  await second.page.getByRole('heading', { name: `${files} are safe` }).waitFor({ timeout: 120_000 });
  await second.shot('backup-done');
  expect(await second.axe()).toEqual([]);
  expect([...first.complaints, ...second.complaints]).toEqual([]);
  await second.context.close();

  await daemon.stop();
  const names = chosen.map((path) => path.slice(-'IMG_0000.jpg'.length));
  const finished = finishedUploads();
  expect(finished.map((path) => path.slice(-'IMG_0000.jpg'.length)).sort()).toEqual(names);
  // At most what was in flight at either death was begun again. What the browser asks for as it dies is not told here.
  const begun = new Set(created);
  expect(names.filter((name) => !begun.has(name)).length).toBeLessThanOrEqual(3);
  expect(created.length - begun.size).toBeLessThanOrEqual(6 + 3);
  const onDisk = await readdir(join(daemon.diskDir, 'Photos/Alice'), { recursive: true });
  expect(
    onDisk
      .filter((path) => path.endsWith('.jpg'))
      .map((path) => path.slice(-'IMG_0000.jpg'.length))
      .sort(),
  ).toEqual(names);
  await daemon.restart();
});

it('says what was refused and why, beside what is safe', async () => {
  const visitor = await open();
  const { page } = visitor;
  await visitor.go('/this-phone/backup');
  await page.locator('[data-picker]').setInputFiles([
    { name: 'PXL_empty.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(0) },
    {
      name: 'PXL_fine.jpg',
      mimeType: 'image/jpeg',
      buffer: exifJpeg({ seed: 999, bytes: 9_000, takenLocal: '2026-06-01T12:00:00' }),
    },
  ]);
  await page.getByRole('heading', { name: '1 is safe' }).waitFor();
  await page.getByText('The phone gave 0 bytes. Try this one again.').waitFor();
  expect(await counted(page, 'refused')).toBe(1);
  await visitor.page.emulateMedia({ colorScheme: 'dark' });
  await visitor.shot('backup-refused');
  expect(await visitor.axe()).toEqual([]);
  await page.getByRole('button', { name: 'Try this one again' }).click();
  await page.getByText('The phone gave 0 bytes. Try this one again.').waitFor();
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByText('Choose what should be safe').waitFor();
  // From the browser, and said so: no app has sent them.
  await visitor.go('/this-phone');
  await page.getByText(`${files + 1} photos`).waitFor();
  await visitor.context.close();
});

it('refuses what the phone does not give any more once it was begun, and does not wait for the box', async () => {
  const visitor = await open();
  const { page } = visitor;
  const path = join(dir, 'photos', 'PXL_gone.jpg');
  // So large that its bytes come after its creation.
  await writeFile(path, exifJpeg({ seed: 998, bytes: 3_000_000, takenLocal: '2026-06-02T12:00:00' }));
  await page.route('**/api/uploads', async (route) => {
    await rm(path, { force: true });
    await route.continue();
  });
  await visitor.go('/this-phone/backup');
  await page.locator('[data-picker]').setInputFiles([path]);
  await page.getByText('The phone could not read it. Open it there once, then try again.').waitFor();
  expect(await counted(page, 'refused')).toBe(1);
  await page.getByRole('button', { name: 'Done' }).click();
  await visitor.context.close();
});

it('opens away from home, and says that the box answers only there', async () => {
  const visitor = await open();
  await visitor.go('/this-phone');
  await visitor.page.evaluate('navigator.serviceWorker.ready.then(() => undefined)');
  await visitor.go('/this-phone');
  await visitor.page.getByText('Back up now').waitFor();
  await expect
    .poll(() => visitor.page.evaluate("caches.open('shell-1').then((it) => it.keys()).then((keys) => keys.length)"))
    .toBeGreaterThan(8);
  const kept = (await visitor.page.evaluate(
    "caches.open('shell-1').then((it) => it.keys()).then((keys) => keys.map(({ url }) => new URL(url).pathname))",
  )) as string[];
  expect(kept.filter((path) => !/^\/(assets\/.*|theme\.js|favicon\.svg)?$/.test(path))).toEqual([]);
  await daemon.kill();
  await visitor.go('/this-phone');
  await visitor.page.getByText('Not at home? The box answers only on its own network.').waitFor();
  await visitor.shot('away');
  await daemon.restart();
  await visitor.context.close();
});
