/**
 * The second copy as its owner sees it: mirrors that follow, heal and are taken away, the move to another disk and from a
 * dead one, photos of other disks, the way out, and a new box that becomes the old one.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { maySkip, say } from '../support/counts.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { flipByte } from '../support/flip-byte.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import { HelperBox, helperMissing } from '../support/helper-box.ts';
import { type Page, type Visitor, WebHouse } from '../support/web.ts';

const picture = (seed: number) => exifJpeg({ seed, bytes: 5_000, takenLocal: '2026-11-09T18:00:00' });
const looks = [
  { view: 'desktop', theme: 'light' },
  { view: 'phone', theme: 'dark' },
] as const;
const dir = mkdtempSync(join(tmpdir(), 'nightjar-web-copies-'));
const second = join(dir, 'second');
const missing = await helperMissing();
if (missing !== undefined) say(`imports from a disk cannot be tested here: ${missing}`);

let house: WebHouse;
let helper: HelperBox | undefined;
let phone: HandPhone;
let visitors: Visitor[];
let states = 0;
beforeAll(async () => {
  if (missing === undefined) helper = await HelperBox.make(join(dir, 'box'), { seen: true });
  const planted =
    helper === undefined
      ? {}
      : {
          disks: {
            socketPath: helper.socketPath,
            mountRoot: helper.mountRoot,
            mountInfo: helper.mountInfo,
            watchMs: 100,
            replyWithinMs: 60_000,
          },
        };
  house = await WebHouse.start({ env: { NIGHTJAR_MIRROR_DIRS: second }, ...planted });
  phone = await house.app.pair('Bob', 'Pixel');
  visitors = await Promise.all(
    looks.map(async (look) => {
      const visitor = await house.visit(look);
      await visitor.signIn();
      return visitor;
    }),
  );
});
afterAll(async () => {
  await house?.[Symbol.asyncDispose]();
  await helper?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { name, exact: true }).waitFor();
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const send = async (seed: number) => await phone.send(`DCIM/${seed}.jpg`, picture(seed));

async function fine(visitor: Visitor, name: string, axe = true): Promise<void> {
  await expect.poll(() => visitor.page.locator('.skeleton').count(), { message: name }).toBe(0);
  await visitor.shot(`copies-${name}`, { full: true });
  expect(await visitor.overflow(), name).toBe(0);
  if (axe) expect(await visitor.axe(), name).toEqual([]);
}

/** By phone in the dark or by desktop in the light, in turn; `axe`: of pages of which no other state was looked at. */
async function onOne(path: string, name: string, ready: (page: Page) => Promise<unknown>, axe = true): Promise<void> {
  states += 1;
  const visitor = visitors[states % visitors.length] ?? desk();
  await visitor.go(path);
  await ready(visitor.page);
  await fine(visitor, name, axe);
}

const desk = () => {
  const [visitor] = visitors;
  if (visitor === undefined) throw new Error('Nobody visits.');
  return visitor;
};
const mirrors = async () =>
  (await house.app.console('GET', '/api/mirrors')).json() as unknown as {
    mirrors: { diskId: string; files: number; waiting: { files: number } }[];
    promotion: unknown;
  };
const holds = (files: number) =>
  expect.poll(async () => (await mirrors()).mirrors[0]).toMatchObject({ files, waiting: { files: 0 } });

it('says that there is no mirror, and that one appeared', async () => {
  for (const seed of [1, 2, 3]) await send(seed);
  // Both pages without a mirror are in the sweep of every page.
  const { page } = desk();
  await desk().go('/disks/replace');
  await page.getByRole('link', { name: 'Choose the new disk' }).waitFor();
  await desk().go('/disks/mirrors');
  await page.getByText('No mirror yet').waitFor();
  await page.getByText('Everything is on one disk only.').waitFor();
  mkdirSync(second);
  await page.getByText('Everything is on 2 disks.').waitFor();
  await page.getByText('Complete', { exact: true }).waitFor();
  await page.getByText('3 files, 15 kB', { exact: true }).first().waitFor();
});

it('shows what was damaged, and that it was healed', async () => {
  const [asset] = (await phone.library()).assets;
  await flipByte(join(house.app.diskDir, String(asset?.path)));
  const { page } = desk();
  await button(page, 'Read everything now').click();
  await heading(page, 'Lost, and there again');
  await page.getByText(/^Not what came any more\. Healed from a mirror today at /).waitFor();
  await page.getByText('Bob, taken Monday 9 November').waitFor();
  await expect.poll(() => button(page, 'Read everything now').count()).toBe(1);
  await onOne('/disks/mirrors', 'mirrors-healed', (it) => it.getByText('Complete', { exact: true }).waitFor());
});

it('tells how far copying is, that a mirror is full, and what one that is away lacks', async () => {
  // A disk that takes minutes, or is full, is told by what the box would say of it.
  const said = async (change: object, path: string, look: (page: Page) => Promise<unknown>, name: string) => {
    for (const { context } of visitors) {
      await context.route('**/api/mirrors', async (route) => {
        const answer = await route.fetch();
        const body = (await answer.json()) as { mirrors: object[] };
        await route.fulfill({
          response: answer,
          json: { ...body, mirrors: body.mirrors.map((one) => ({ ...one, ...change })) },
        });
      });
    }
    await onOne(path, name, look, name === 'mirrors-copying');
    for (const { context } of visitors) await context.unrouteAll({ behavior: 'ignoreErrors' });
  };
  const waiting = { files: 33_088, bytes: 330e9 };
  const copying = { running: true, files: 8_120, bytes: 82e9, waiting, secondsLeft: 2_400, bytesPerSecond: 1e8 };
  const left = (page: Page) => page.getByText('about 40 minutes left').waitFor();
  await said(copying, '/disks/mirrors', left, 'mirrors-copying');
  await said(copying, '/disks/replace', left, 'replace-copying');
  const full = (page: Page) => page.getByText('Full', { exact: true }).waitFor();
  await said({ problem: 'full', waiting }, '/disks/mirrors', full, 'mirrors-full');

  await rename(second, `${second}.away`);
  const { page } = desk();
  await desk().go('/disks/mirrors');
  await page.getByText('Away', { exact: true }).waitFor();
  await send(4);
  await page.getByText(/It lacks 1 file by now/).waitFor();
  await button(page, 'Show what it lacks').click();
  await page.getByRole('dialog').getByText('4.jpg', { exact: true }).waitFor();
  await page.reload();
  await page.getByRole('dialog').getByText('4.jpg', { exact: true }).waitFor();
  await fine(desk(), 'mirrors-lacks');
  await page.keyboard.press('Escape');
  await expect.poll(() => new URL(page.url()).search).toBe('');
  await onOne('/disks/replace', 'replace-away', (it) => it.getByText(/plug it in again/).waitFor(), false);
  await rename(`${second}.away`, second);
  await holds(4);
});

it('moves to the other disk, with the right step after each reload, and back from a dead one', async () => {
  const { page } = desk();
  await desk().go('/disks/replace');
  await button(page, 'Let “second” become the library').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(/^New photos go to it from then on/).waitFor();
  await dialog.getByRole('button', { name: 'Let “second” become the library' }).click();
  await page.getByText('The move is done').waitFor();
  await onOne('/disks/replace', 'replace-moved', (it) =>
    it.getByText(/^“disk”, the disk from before, is its mirror now/).waitFor(),
  );
  await desk().go('/disks/replace');
  await page.getByRole('link', { name: 'Move to another disk again' }).click();
  await button(page, 'Let “disk” become the library').waitFor();
  await holds(4);

  // The library dies with a photo that its mirror, which was away, does not have.
  await rename(house.app.diskDir, `${house.app.diskDir}.away`);
  await expect.poll(async () => (await mirrors()).mirrors[0]).toMatchObject({ attached: false });
  await send(5);
  await expect.poll(async () => (await mirrors()).mirrors[0]?.waiting.files).toBe(1);
  await rename(second, `${second}.dead`);
  await onOne(
    '/disks/replace',
    'replace-dead-alone',
    (it) => it.getByText(/^No mirror is attached either/).waitFor(),
    false,
  );
  await rename(`${house.app.diskDir}.away`, house.app.diskDir);
  await onOne(
    '/disks/mirrors',
    'mirrors-dead',
    (it) => it.getByRole('link', { name: 'Let a mirror take its place' }).waitFor(),
    false,
  );
  await onOne('/disks/replace', 'replace-dead', (it) => it.getByText(/^“disk” lacked 1 file today at /).waitFor());
  // Nobody can tell that everything is on it.
  await desk().go('/disks');
  await page.getByText('Mirror: it has what it had when the library was there last').waitFor();
  await desk().go('/disks/replace');
  await button(page, 'Go on with “disk”').click();
  await dialog.getByRole('button', { name: 'Let “disk” become the library' }).click();
  await page.getByText('The move is done').waitFor();
  await page.getByText(/^What only the old disk had comes again/).waitFor();
  await fine(desk(), 'replace-moved-dead', false);
  await send(5);
  await expect
    .poll(async () => (await readdir(house.app.diskDir, { recursive: true })).some((it) => it.endsWith('/5.jpg')))
    .toBe(true);
});

describe('other disks and folders', () => {
  it.skipIf(missing !== undefined && maySkip)('imports from a disk that is only looked at, with a pause', async () => {
    if (helper === undefined) throw new Error(`Disks cannot be attached here: ${missing}`);
    const disk = await helper.disk('other');
    const { volume } = await helper.helper.format(disk.key, {
      ...{ filesystem: 'ext4', label: 'nightjar-card', confirm: disk.printedName },
    });
    const { folder, path } = await helper.helper.mount(disk.key, volume, 'use');
    const card = join(helper.inside(path), 'DCIM');
    await mkdir(card);
    // So many that it is not over before it is paused.
    const files = 1_000;
    for (let at = 0; at < files; at += 1) await writeFile(join(card, `${at}.jpg`), picture(1_000 + at));
    await writeFile(join(card, 'empty.jpg'), '');
    await writeFile(join(card, 'settings.dat'), 'x');
    await helper.helper.unmount(folder);

    const { page } = desk();
    await desk().go('/import');
    const look = page.getByRole('button', { name: `Look at ${disk.printedName}`, exact: true });
    await look.waitFor();
    await fine(desk(), 'import-look', false);
    await look.click();
    const folders = page.getByLabel('Folder', { exact: true });
    await expect.poll(() => folders.locator('option').allTextContents()).toContain('DCIM');
    await folders.selectOption('DCIM');
    await page.getByLabel('Whose photos are these?').selectOption('Alice');
    await button(page, `Import from ${disk.printedName}`).click();
    await page.getByText('Under way', { exact: true }).waitFor();
    await button(page, 'Pause the import from DCIM').click();
    await page.getByText('Stopped', { exact: true }).waitFor();
    await onOne('/import', 'import-stopped', (it) => it.getByText('Stopped', { exact: true }).waitFor());
    await button(page, 'Go on with the import from DCIM').click();
    await page.getByText('Done', { exact: true }).waitFor({ timeout: 180_000 });
    await page.getByText('Report', { exact: false }).first().click();
    await page.getByText('empty.jpg').first().waitFor();
    await page
      .getByRole('rowheader', { name: /Neither picture nor video/ })
      .first()
      .waitFor();
    await fine(desk(), 'import-done');
    const brought = (await house.app.filesInView()).filter((it) => /Alice.*\/\d+\.jpg$/.test(it));
    expect(brought).toHaveLength(files);
  });

  it('says what to give at the console, and how far it is', async () => {
    const out = join(dir, 'way out');
    mkdirSync(out);
    const { page } = desk();
    await desk().go('/export');
    await page.getByText('There was none since the box started.').waitFor();
    await page.getByLabel('Whose photos').selectOption('Bob');
    await page.getByLabel('Folder at the box').fill(out);
    await page.getByText(`nightjar export '${out}' --person Bob`, { exact: true }).waitFor();
    expect((await house.app.console('POST', '/api/export', { folder: out, person: 'Bob' })).status).toBe(202);
    await page.getByText('Done', { exact: true }).waitFor({ timeout: 180_000 });
    await page.getByText('The photos of Bob').waitFor();
    await page.getByText(/^5 files copied and read back/).waitFor();
    await fine(desk(), 'export', false);
    expect((await readdir(out, { recursive: true })).filter((it) => it.endsWith('.jpg'))).toHaveLength(5);
    const card = join(dir, 'bobs');
    mkdirSync(card);
    await writeFile(join(card, 'secret.jpg'), '');
    const asked = { source: 'folder', folder: card, person: 'Bob' };
    expect((await house.app.console('POST', '/api/imports', asked)).status).toBe(201);
    // Whose import it is sees its names; the owner that there is one.
    await onOne('/import', 'import-of-bob', (it) => it.getByText(/^For Bob, begun today/).waitFor());
    expect(await page.content()).not.toContain('secret');
  });
});

it('makes a new box the old one, by the disk and the owner’s password', async () => {
  const clock = { ms: Date.now() };
  const now = () => clock.ms;
  await using old = await App.startClaimed({ NIGHTJAR_NAME: 'attic' }, { now, pollMs: 100 });
  expect((await old.console('POST', '/api/recovery-key', { password: goodPassword })).status).toBe(201);
  const hers = await old.pair('Mia', 'Galaxy');
  for (const seed of [1, 2]) await hers.send(`DCIM/${seed}.jpg`, picture(seed));
  clock.ms += 11 * 60_000;
  const sealed = () => readdir(join(old.diskDir, '.nightjar/box-state')).catch(() => []);
  await expect.poll(async () => (await sealed()).some((it) => it.endsWith('.sealed'))).toBe(true);
  await old.stop();
  await using fresh = await WebHouse.start({ claimed: false, env: { NIGHTJAR_DISK_DIR: old.diskDir }, now });
  const visitor = await fresh.visit();
  const { page } = visitor;
  await visitor.go('/setup');
  await button(page, 'I have a Nightjar disk from another box').click();
  await page.getByLabel('Setup code').fill('7KQ4-M2XD-WRONGER');
  await button(page, 'Look at the disk').click();
  await page.getByText('That is not the setup code of this box.').waitFor();
  await page.getByLabel('Setup code').fill(setupCode);
  // A reload loses neither the place nor the code.
  await page.reload();
  await page.getByText('The setup code came with the link.').waitFor();
  await button(page, 'Look at the disk').click();
  await heading(page, 'The library of the box “attic”');
  await page.getByText(/^1 person with 2 files on it\.|^What it holds is counted/).waitFor();
  expect(await page.content()).not.toContain('Mia');
  await fine(visitor, 'adopt-found');
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await visitor.overflow()).toBe(0);
  await page.setViewportSize({ width: 1440, height: 900 });
  const password = page.getByLabel('Password of the old box’s owner');
  await password.fill('not her password');
  await button(page, 'Become “attic”').click();
  await page.locator('.refusal').waitFor();
  await password.fill(goodPassword);
  // The port of a box of a test is another one after its restart.
  await page.route('**/api/setup', async (route) => {
    const url = `http://localhost:${fresh.app.httpPort}/api/setup`;
    // Nobody answers while it starts anew.
    await route
      .fetch({ url })
      .then((response) => route.fulfill({ response }))
      .catch(() => route.abort())
      .catch(() => undefined);
  });
  await button(page, 'Become “attic”').click();
  await heading(page, 'This box is “attic” now');
  await page.getByText('1 phone goes on without pairing again.').waitFor();
  await page.getByText('It is up again. Sign in as on the old box.').waitFor();
  await page.getByRole('listitem').filter({ hasText: 'Mia' }).getByText('2 files').waitFor();
  await fine(visitor, 'adopt-done', false);
  await expect.poll(() => fresh.app.restarts).toBe(1);
  expect((await fresh.app.ask('GET', '/api/setup')).json()).toEqual({ claimed: true, box: 'attic' });
});
