/** The home page against the real daemon: what it says on an empty box, on a calm day, on a bad one, and live. */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { goodPassword } from '../support/box-state.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import { quartered } from '../support/made-media.ts';
import { type Visitor, WebHouse } from '../support/web.ts';

const hourMs = 3_600_000;
type Named = Readonly<{ id: string; name: string }>;

async function isFine(visitor: Visitor): Promise<void> {
  expect(await visitor.axe()).toEqual([]);
  expect(await visitor.overflow()).toBe(0);
}

/** A client that tells what it has, with all of it sent. */
async function backUp(phone: HandPhone, paths: readonly string[], { told = true } = {}): Promise<void> {
  const pictures = await Promise.all(
    paths.map(async (path, at) => ({
      path,
      mtime: Date.now() - (at + 1) * hourMs,
      body: await quartered(600 + at * 40, [
        [at * 20, 60, 120],
        [210, 160, 90],
        [40, 90, 60],
        [230, 225, 215],
      ])
        .jpeg()
        .toBuffer(),
    })),
  );
  if (told) {
    await phone.json('POST', '/api/phone/plan', { nextAt: null, client: 'nightjar-phone' });
    const items = pictures.map(({ path, mtime, body }) => ({ path, mtime, size: body.length }));
    await phone.json('POST', '/api/phone/items/check', { items });
  }
  for (const { path, mtime, body } of pictures) await phone.send(path, body, { mtime: String(mtime) });
  if (told) await phone.json('POST', '/api/phone/inventory/finish', { startedAt: 1 });
}

/** Once its files no longer count as arriving. */
const quietMs = 5 * 60_000;

it('leads a new owner to the first phone, then tells of it as it comes in, without a reload', async () => {
  let later = 0;
  await using house = await WebHouse.start({ now: () => Date.now() + later });
  const visitor = await house.visit();
  const { page } = visitor;
  await visitor.signIn();
  // Whatever moves after it was shown is counted, from before the first paint.
  await page.addInitScript(`
    globalThis.moved = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) if (!entry.hadRecentInput) globalThis.moved += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
  `);
  await visitor.go('/');
  await page.getByRole('heading', { name: 'Pair the first phone.' }).waitFor();
  expect(await page.getByRole('link', { name: 'Pair the first phone' }).getAttribute('href')).toBe('/phones/pair');
  await visitor.shot('home-empty');
  await isFine(visitor);

  const phone = await house.app.pair('Alice', 'Pixel 8');
  await page.getByText('Paired, nothing sent yet').last().waitFor();
  await backUp(phone, ['DCIM/1.jpg', 'DCIM/2.jpg', 'DCIM/3.jpg']);
  await page.getByRole('heading', { name: /photos are coming in\.$/ }).waitFor();
  await page.getByText('3 photos so far').last().waitFor();
  await visitor.shot('home-arriving');
  later = quietMs;
  await page.getByRole('heading', { name: 'Every photo is safe.' }).waitFor();
  await page.getByText('All safe', { exact: true }).waitFor();
  await expect.poll(() => page.getByRole('link', { name: /^New photo/ }).count()).toBe(3);
  await page.reload();
  await page.getByRole('heading', { name: 'Every photo is safe.' }).waitFor();
  await page.waitForLoadState('networkidle');
  expect(await page.evaluate('globalThis.moved')).toBeLessThan(0.01);
});

it('shows the whole house to its owner and their own to a member, by day and night, on phone and desktop', async () => {
  let later = 0;
  await using house = await WebHouse.start({ now: () => Date.now() + later });
  const paths = (n: number) => Array.from({ length: n }, (_, at) => `DCIM/${at}.jpg`);
  await backUp(await house.app.pair('Alice', 'Anna’s Pixel'), paths(7));
  await backUp(await house.app.pair('Tom', 'Tom’s iPhone'), paths(2), { told: false });
  await backUp(await house.app.pair('Mia', 'Mia’s Galaxy'), paths(3));
  const laptop = await house.app.pair('Mia', 'Laptop');
  await laptop.json('POST', '/api/phone/plan', { nextAt: null, client: 'nightjar-phone' });
  const items = paths(4).map((path) => ({ path, size: 1000, mtime: null }));
  await laptop.json('POST', '/api/phone/items/check', { items });
  const owner = await house.visit();
  await owner.signIn();
  // What is told of the uploads comes a second after them.
  const arriving = async () => {
    const { phones } = await (await owner.context.request.get(`${house.origin}/api/home`)).json();
    return phones.find(({ name }: { name: string }) => name === 'Mia’s Galaxy').arriving;
  };
  await expect.poll(arriving).toEqual({ count: 3 });
  later = quietMs;
  for (const view of ['desktop', 'phone'] as const) {
    for (const theme of ['light', 'dark'] as const) {
      const visitor = await house.visit({ view, theme });
      await visitor.signIn();
      await visitor.go('/');
      const { page } = visitor;
      await page.getByRole('heading', { name: /of 4 phones came in last night\.$/ }).waitFor();
      await page.getByRole('link', { name: /Tom’s iPhone/ }).waitFor();
      await page.getByText('4 waiting').waitFor();
      await expect.poll(() => page.getByRole('link', { name: /^New photo/ }).count()).toBe(7);
      await page.waitForLoadState('networkidle');
      await visitor.shot('home', { full: true });
      await isFine(visitor);
    }
  }
});

it('loses its calm when the disk is away, says what is still true, and finds it back', async () => {
  await using house = await WebHouse.start();
  await backUp(await house.app.pair('Alice', 'Pixel 8'), ['DCIM/1.jpg']);
  const visitor = await house.visit({ view: 'phone' });
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/');
  await page.locator('.sky').waitFor();
  const aside = join(house.app.dir, 'pulled');
  await rename(house.app.diskDir, aside);
  await page.getByRole('heading', { name: 'One thing needs you.' }).waitFor();
  await page.getByText('The disk is not there').waitFor();
  await expect.poll(() => page.locator('.sky').count()).toBe(0);
  await visitor.shot('home-bad-day');
  await isFine(visitor);
  await rename(aside, house.app.diskDir);
  await page.locator('.sky').waitFor();
});

it('says that the box does not answer, keeps what it said, and goes on by itself', async () => {
  await using house = await WebHouse.start();
  const visitor = await house.visit();
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/');
  await page.getByRole('heading', { name: 'Pair the first phone.' }).waitFor();
  await visitor.context.setOffline(true);
  await house.app.stop();
  await page.getByText('The box does not answer.').waitFor();
  await page.getByRole('heading', { name: 'Pair the first phone.' }).waitFor();
  await visitor.shot('home-away');
});

it('shows the worst two of what needs somebody, and to a member only what is theirs', async () => {
  await using house = await WebHouse.start();
  for (const [person, name] of [
    ['Alice', 'Alice’s Pixel'],
    ['Tom', 'Tom’s iPhone'],
    ['Mia', 'Mia’s Galaxy'],
  ] as const) {
    const phone = await house.app.pair(person, name);
    await phone.json('POST', '/api/phone/plan', { nextAt: null, client: 'nightjar-phone' });
    const unreadable = [{ path: `DCIM/${person}-secret.jpg` }];
    await phone.json('POST', '/api/phone/inventory/finish', { startedAt: 0, unreadable });
  }
  const visitor = await house.visit();
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/');
  await page.getByRole('heading', { name: 'Three things need you.' }).waitFor();
  await expect.poll(() => page.locator('.alert-card').count()).toBe(2);
  await expect.poll(() => page.locator('.sky').count()).toBe(0);
  await visitor.shot('home-bad-day');
  await isFine(visitor);
  await page.getByRole('button', { name: 'One more' }).click();
  await expect.poll(() => page.locator('.alert-card').count()).toBe(3);
  expect(await page.content()).not.toContain('secret');
  await page.getByRole('link', { name: 'Show the phone' }).first().click();
  await page.getByRole('heading', { name: 'One file was refused', exact: true }).waitFor();

  // Tom comes in, and finds his own phone alone.
  const cookie = await house.app.signIn();
  const { people } = (await house.app.ask('GET', '/api/people', { cookie })).json() as { people: Named[] };
  const { id = '' } = people.find(({ name }) => name === 'Tom') ?? {};
  const invited = await house.app.ask('POST', `/api/people/${id}/invitation`, { cookie });
  const { invitation } = invited.json() as { invitation: { link: string } };
  const secret = new URLSearchParams(new URL(invitation.link).hash.slice(1)).get('s');
  await house.app.ask('POST', '/api/invitations/redeem', {}, { secret, password: goodPassword });
  const tom = await house.visit();
  await tom.signIn('Tom');
  await tom.go('/');
  await tom.page.getByRole('heading', { name: 'One thing needs you.' }).waitFor();
  await tom.page.getByRole('link', { name: /Tom’s iPhone/ }).waitFor();
  const shown = await tom.page.locator('main').innerText();
  expect(shown).not.toMatch(/Alice|Mia/);
  await tom.go('/phones');
  await tom.page.getByText('1 phone of yours brings its photos here.').waitFor();
  await isFine(tom);
});
