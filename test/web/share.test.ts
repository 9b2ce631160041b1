/** Photos as a folder on a computer: the owner turns it on, a password is made and shown once, and a computer opens them. */
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Callers } from '../support/callers.ts';
import { freePort } from '../support/free-port.ts';
import { quartered } from '../support/made-media.ts';
import { type Visitor, WebHouse } from '../support/web.ts';

let house: WebHouse;
let port = 0;
beforeAll(async () => {
  port = await freePort();
  house = await WebHouse.start({ env: { NIGHTJAR_SHARE_PORT: String(port) } });
  const phone = await house.app.pair('Alice', 'Pixel 8');
  await phone.send('DCIM/one.jpg', await quartered(400).jpeg().toBuffer());
});
afterAll(() => house?.[Symbol.asyncDispose]());

async function fine(visitor: Visitor): Promise<void> {
  expect(await visitor.axe()).toEqual([]);
  expect(await visitor.overflow()).toBe(0);
}

function list(login: string, password: string): Promise<string> {
  const args = ['-p', String(port), '-U', `${login}%${password}`, `//127.0.0.1/${login}`, '-c', 'recurse; ls'];
  return new Promise((resolve) =>
    execFile('smbclient', args, { timeout: 20_000 }, (_, out, err) => resolve(out + err)),
  );
}

it('is turned on, opened by the password that it shows, and taken away', { timeout: 120_000 }, async () => {
  const visitor = await house.visit({ view: 'desktop' });
  await visitor.signIn();
  const { page } = visitor;
  await visitor.go('/settings');
  await page.getByRole('link', { name: 'Photos as a folder' }).click();
  await page.getByRole('heading', { level: 1, name: 'Open on a computer' }).waitFor();
  await page.getByRole('button', { name: 'Turn the share on' }).waitFor();
  await visitor.shot('share-off');
  await fine(visitor);
  await page.getByRole('button', { name: 'Turn the share on' }).click();
  await page.getByRole('button', { name: 'Make my password' }).waitFor();
  await visitor.shot('share-nobody');
  await fine(visitor);
  await page.getByRole('button', { name: 'Make my password' }).click();
  await page.getByText('the only time that it is shown').waitFor();
  const [login = '', password = ''] = await page.locator('.share-made code').allInnerTexts();
  await page.getByText('It opens your photos').waitFor();
  expect(await list(login, password)).toContain('one.jpg');
  await visitor.shot('share-made', { full: true });
  await fine(visitor);
  // What is said on each system, to be typed as it is.
  const said: string[] = [];
  for (const system of ['Windows', 'Mac', 'Linux', 'Phone']) {
    await page.getByLabel(system, { exact: true }).check();
    said.push(await page.locator('.numbered code').innerText());
  }
  const [host = ''] = (await page.locator('.numbered code').innerText()).match(/[^/]+(?=\/alice)/) ?? [];
  expect(host).toMatch(new RegExp(`\\.local:${port}$`));
  expect(said).toEqual([`\\\\${host.replace(/:\d+$/, '')}\\alice`, ...Array(3).fill(`smb://${host}/alice`)]);

  const phone = await house.visit({ view: 'phone', theme: 'dark' });
  await phone.signIn();
  await phone.go('/share');
  await phone.page.getByText('It opens your photos').waitFor();
  // Shown once, and to nobody later.
  expect(await phone.page.content()).not.toContain(password);
  expect(await phone.page.getByLabel('Phone', { exact: true }).isChecked()).toBe(true);
  await phone.shot('share', { full: true });
  await fine(phone);
  await phone.context.close();

  await page.getByRole('button', { name: 'Take it away' }).click();
  await page.getByText('None yet').waitFor();
  expect(await list(login, password)).not.toContain('one.jpg');
  await page.getByRole('switch', { name: 'Computers at home may open photos' }).click();
  await page.getByRole('button', { name: 'Turn the share on' }).waitFor();
  await visitor.context.close();
});

it('says to a member that it is off, and in words what is in its way', { timeout: 60_000 }, async () => {
  await house.app.console('PUT', '/api/share', { on: false });
  await house.app.console('POST', '/api/people', { person: 'Mia' });
  const visitor = await house.visit({ view: 'phone' });
  const callers = Callers.open(house.app);
  const { session } = callers.session('Mia', { confirmed: true });
  callers.close();
  await visitor.context.addCookies([{ name: 'nightjar-loopback', value: session, url: house.origin }]);
  await visitor.go('/share');
  await visitor.page.getByText('The share is off').waitFor();
  await visitor.shot('share-off-member');
  // A link to a page that is the owner's may come to anybody.
  for (const page of ['/disks', '/disks/mirrors', '/disks/replace', '/disks/x']) {
    await visitor.go(page);
    await expect.poll(async () => await visitor.page.title()).toMatch(/owner/i);
  }
  await fine(visitor);
  // Another program has the port.
  const other = createServer();
  await new Promise((resolve) => other.listen(port, () => resolve(undefined)));
  await house.app.console('PUT', '/api/share', { on: true });
  await visitor.go('/share');
  await visitor.page.getByRole('button', { name: 'Make my password' }).click();
  await visitor.page.getByText('Another program of the box has its port').waitFor({ timeout: 60_000 });
  await visitor.shot('share-failed', { full: true });
  await fine(visitor);
  await new Promise((resolve) => other.close(resolve));
  await visitor.context.close();
});
