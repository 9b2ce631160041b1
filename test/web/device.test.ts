/**
 * What the owner does with the box as a device: its networks, restarting and ending it, ssh, updates. The daemon and the
 * browser are real; root's helper, which restarts machines, is planted.
 */
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { PlantedBoxHelper } from '../support/planted-box-helper.ts';
import { PlantedHelper } from '../support/planted-helper.ts';
import { type Visitor, WebHouse } from '../support/web.ts';

const links = [
  { name: 'eth0', kind: 'wired', up: true, macAddress: 'd8:3a:dd:01:02:03', addresses: ['192.168.1.20', 'fe80::1'] },
  { name: 'wlan0', kind: 'wireless', up: true, macAddress: 'd8:3a:dd:01:02:04', addresses: ['192.168.1.21'] },
] as const;
const seen = [
  { ssid: 'Birdsong', signalDbm: -48, security: 'password' },
  { ssid: 'Nest', signalDbm: -66, security: 'password' },
  { ssid: 'Café', signalDbm: -80, security: 'open' },
  { ssid: 'Office of a neighbour', signalDbm: -84, security: 'unsupported' },
] as const;
let helper: PlantedBoxHelper;
let disks: PlantedHelper;
let house: WebHouse;
beforeAll(async () => {
  helper = await PlantedBoxHelper.start({
    links: structuredClone(links) as never,
    wifi: {
      country: null,
      joined: { ssid: 'Birdsong', signalDbm: -48 },
      known: ['Birdsong'],
      seen: structuredClone(seen) as never,
    },
  });
  disks = await PlantedHelper.start();
  const env = {
    NIGHTJAR_BOX_HELPER: helper.socketPath,
    NIGHTJAR_HTTP_PORT: String(await freePort()),
    NIGHTJAR_HTTPS_PORT: String(await freePort()),
  };
  house = await WebHouse.start({ env, disks: disks.planted });
});
afterAll(async () => {
  await house?.[Symbol.asyncDispose]();
  await disks?.[Symbol.asyncDispose]();
  await helper?.[Symbol.asyncDispose]();
});

/** The same after a restart: the page waits for the box where it was. */
async function fine(visitor: Visitor, shot: string): Promise<void> {
  await visitor.shot(shot, { full: true });
  expect(await visitor.axe()).toEqual([]);
  // The narrowest phone.
  const before = visitor.page.viewportSize() ?? { width: 0, height: 0 };
  await visitor.page.setViewportSize({ width: 320, height: 640 });
  expect(await visitor.overflow()).toBe(0);
  await visitor.page.setViewportSize(before);
}

/** As long as the page is away from a page of the box, the box is away too. */
async function away(meanwhile: () => Promise<void>): Promise<void> {
  await house.app.stop();
  await meanwhile();
  await house.app.start();
}

it('shows the networks, tries one, says what came of it, and forgets them', async () => {
  const visitor = await house.visit({ view: 'desktop' });
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/settings');
  await page.getByRole('heading', { name: 'The device' }).waitFor();
  await visitor.shot('settings-device', { full: true });
  await page.getByRole('link', { name: 'Network' }).click();
  await page.getByText('by cable and by the Wi-Fi “Birdsong”').waitFor();
  await page.getByText('192.168.1.20').waitFor();
  await fine(visitor, 'network');
  // Neither the one that it is in, nor one that it cannot join.
  expect(await page.getByRole('button', { name: /^Join / }).allInnerTexts()).toEqual(['Join', 'Join']);

  await page.getByRole('button', { name: 'Join Nest' }).click();
  const dialog = page.getByRole('dialog', { name: 'Join “Nest”?' });
  const field = dialog.getByLabel('Its password');
  const submit = dialog.getByRole('button', { name: 'Join Nest' });
  await field.fill('short');
  expect(await submit.isDisabled()).toBe(true);
  await field.fill('owls and larks');
  expect(await field.getAttribute('type')).toBe('password');
  await dialog.getByRole('button', { name: 'Show' }).click();
  expect(await field.getAttribute('type')).toBe('text');
  expect(await dialog.getByLabel('Country').inputValue()).toBe('GB');
  await dialog.getByLabel('Country').selectOption({ label: 'Switzerland' });
  await dialog.getByText('the box goes back to “Birdsong” by itself').waitFor();
  await fine(visitor, 'network-join');
  await submit.click();
  await page.getByText('The box tries “Nest”.').waitFor();
  await expect.poll(() => helper.count('wifi-join')).toBe(1);
  expect(helper.asked.find(({ verb }) => verb === 'wifi-join')).toMatchObject({
    ...{ ssid: 'Nest', passphrase: 'owls and larks', country: 'CH' },
  });
  await visitor.shot('network-trying');
  helper.joins.resolve({ outcome: 'fell-back', why: 'wrong-password' });
  await page.getByText('The password was not right.').waitFor();
  await page.getByText('The box is back in the network where it was.').waitFor();
  await page.getByText('Country: Switzerland.').waitFor();
  await fine(visitor, 'network-fell-back');

  await page.getByRole('button', { name: 'Another network…' }).click();
  await page.getByLabel('Name of the network').fill('Hidden');
  await page.getByRole('dialog').getByLabel('Its password').fill('owls and larks');
  await page.getByRole('dialog').getByRole('button', { name: 'Join Hidden' }).click();
  await page.getByText('The box tries “Hidden”.').waitFor();
  helper.joins.resolve({ outcome: 'joined', why: null });
  await page.getByText(/The box joined “Hidden” today at/).waitFor();

  await page.getByRole('button', { name: 'Forget the Wi-Fi…' }).click();
  await page.getByText('“Hidden” and “Birdsong”').waitFor();
  await page.getByRole('button', { name: 'Forget the Wi-Fi', exact: true }).click();
  await page.getByText('The box is in your home by cable.').waitFor();
  await visitor.context.close();
});

it('restarts, shuts down and makes the box new, and sees it go and come back', async () => {
  const visitor = await house.visit({ view: 'phone', theme: 'dark' });
  const { page } = visitor;
  const heading = (name: string) => page.getByRole('heading', { name, exact: true });
  await visitor.signIn();
  await visitor.go('/settings/machine');
  await heading('Restart').waitFor();
  await fine(visitor, 'machine');
  await page.getByRole('button', { name: 'Restart the box' }).click();
  await heading('The box restarts.').waitFor();
  await expect.poll(() => helper.count('restart')).toBe(1);
  await visitor.shot('machine-restarts');
  await away(async () => await page.locator('.coming-back-mark.away').waitFor());
  await heading('The box is back.').waitFor();
  await fine(visitor, 'machine-back');
  await page.getByRole('button', { name: 'Go on' }).click();
  await heading('Shut down').waitFor();

  await page.getByRole('button', { name: 'Shut the box down' }).click();
  await page.getByRole('dialog', { name: 'Shut the box down?' }).waitFor();
  await visitor.shot('machine-off-asks', { full: true });
  await page.getByRole('dialog').getByRole('button', { name: 'Shut the box down' }).click();
  await heading('The box lets its disks go.').waitFor();
  await expect.poll(() => helper.count('power-off')).toBe(1);
  await away(async () => {
    await heading('The box does not answer any more.').waitFor();
    await page.getByText('it may be unplugged').waitFor();
    await visitor.shot('machine-off', { full: true });
  });
  await heading('The box is on.').waitFor();
  await page.getByRole('button', { name: 'Go on' }).click();

  await page.getByRole('button', { name: 'Make the box new…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Make nightjar new?' });
  const last = dialog.getByRole('button', { name: 'Make nightjar new' });
  await dialog.getByRole('textbox').fill('nightingale');
  expect(await last.isDisabled()).toBe(true);
  await dialog.getByRole('textbox').fill('nightjar');
  await visitor.shot('machine-reset-asks', { full: true });
  await last.click();
  await heading('The box is being made new.').waitFor();
  await expect.poll(() => helper.count('factory-reset')).toBe(1);
  await away(async () => {
    await heading('The box begins anew.').waitFor();
    await visitor.shot('machine-reset', { full: true });
  });
  await visitor.context.close();
});

it('lets in by ssh only with a key, says what that means, and takes no secret one', async () => {
  const visitor = await house.visit({ view: 'desktop', theme: 'dark' });
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/settings/remote-shell');
  await page.getByText('Nobody can come in by ssh.').waitFor();
  const turn = page.getByRole('switch', { name: 'Let the owners of these keys in' });
  expect(await turn.isDisabled()).toBe(true);
  await visitor.shot('remote-shell-off', { full: true });
  const field = page.getByLabel('Public key');
  await field.fill('-----BEGIN OPENSSH PRIVATE KEY-----');
  await page.getByText('That is the secret half of a key.').waitFor();
  expect(await page.getByRole('button', { name: 'Add it' }).isDisabled()).toBe(true);
  await field.fill(publicKey('alice@laptop'));
  await page.getByRole('button', { name: 'Add it' }).click();
  await page.getByText(/^SHA256:/).waitFor();
  await turn.click();
  await page.getByText('ssh root@localhost').waitFor();
  await fine(visitor, 'remote-shell-on');
  await page.getByRole('button', { name: 'Take away the key alice@laptop' }).click();
  await page.getByText('Nobody can come in by ssh.').waitFor();
  await page.getByText('No key yet.').waitFor();
  expect(helper.asked.findLast(({ verb }) => verb === 'ssh')).toMatchObject({ on: false, keys: [] });
  await visitor.context.close();
});

/** RFC 8709, section 4; RFC 4253, section 6.6. */
function publicKey(name: string): string {
  const spki = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' });
  const parts = [Buffer.from('ssh-ed25519'), spki.subarray(-32)].flatMap((part) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(part.length);
    return [length, part];
  });
  return `ssh-ed25519 ${Buffer.concat(parts).toString('base64')} ${name}`;
}

it('takes an update by upload and from a disk, restarts into it, and says why it went back', async () => {
  const visitor = await house.visit({ view: 'phone' });
  const { page } = visitor;
  const button = (name: string) => page.getByRole('button', { name, exact: true });
  await visitor.signIn();
  await visitor.go('/settings/updates');
  await page.getByText(/^The box runs version /).waitFor();
  await visitor.shot('updates', { full: true });
  // There before its words are: what is put in later is read out.
  expect(await page.locator('[aria-labelledby=state] [role=status]').count()).toBe(1);
  const picker = page.locator('input[type=file]');
  const bundle = { mimeType: 'application/octet-stream', buffer: Buffer.alloc(3_000_000, 7) };
  await picker.setInputFiles({ name: 'holiday.jpg', ...bundle });
  await page.getByText('its name does not end in .raucb').waitFor();
  // A slow one, which somebody thinks better of.
  const line = await visitor.context.newCDPSession(page);
  const rate = (uploadThroughput: number) =>
    line.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency: 0, downloadThroughput: -1, uploadThroughput },
    });
  await line.send('Network.enable');
  // Ten minutes of it, which nobody waits for.
  await rate(5_000);
  await picker.setInputFiles({ name: 'nightjar-pi.raucb', ...bundle });
  await page.getByText('On its way to the box').waitFor();
  await page.getByRole('progressbar').waitFor();
  await fine(visitor, 'updates-sending');
  await button('Cancel').click();
  await button('Choose a file…').waitFor();
  expect((await house.app.console('GET', '/api/updates')).json()).toMatchObject({ bundle: null });
  await rate(-1);
  await picker.setInputFiles({ name: 'nightjar-pi.raucb', ...bundle });
  await page.getByText(/^A file of 3.* is here since today at/).waitFor();
  await visitor.shot('updates-received', { full: true });
  await button('Install it').click();
  await expect.poll(() => helper.count('update-install')).toBe(1);
  const { version } = (await house.app.ask('GET', '/api/health')).json() as { version: string };
  helper.status = { ...helper.status, activity: { state: 'installing', percent: 40, step: 'copying' } };
  await page.getByText('40 % is written').waitFor();
  await visitor.shot('updates-installing', { full: true });
  const { status } = helper;
  helper.status = undefined as never;
  await page.getByText('The box’s helper gave an answer of another form.').waitFor();
  helper.status = {
    ...status,
    activity: null,
    other: { slot: 'B', version: '99.1.0', state: 'ready' },
  };
  await page.getByText('Version 99.1.0 is ready.').waitFor();
  await fine(visitor, 'updates-ready');
  await button('Restart into version 99.1.0').click();
  await page.getByRole('heading', { name: 'The box restarts into the new version.' }).waitFor();
  await expect.poll(() => helper.count('update-restart')).toBe(1);
  helper.status = {
    ...helper.status,
    other: { slot: 'B', version: '99.1.0', state: 'failed' },
    outcome: {
      ...{ result: 'went-back', reason: 'library-not-opened', version: '99.1.0', before: version, at: Date.now() },
      detail: 'The new version answered, and its library was closed.',
    },
  };
  await away(async () => await page.locator('.coming-back-mark.away').waitFor());
  await button('Go on').click();
  await page.getByText(`The box went back to version ${version}.`).waitFor();
  await page.getByText('could not open the library of your photos').waitFor();
  await fine(visitor, 'updates-went-back');

  await disks.plug({ name: 'sda', model: 'Stick', serial: 'S1', sizeBytes: 16e9, filesystem: 'vfat', label: 'STICK' });
  await writeFile(join(disks.folderOf('sda'), 'nightjar-99.2.0-pi.raucb'), 'a bundle');
  // As the kernel would tell of it: the planted helper mounts nothing.
  const mountPoint = join('/run/nightjar/disks', basename(disks.folderOf('sda')));
  await writeFile(disks.mountInfo, `36 25 8:0 / ${mountPoint} ro,nosuid - vfat /dev/sda ro\n`);
  await expect.poll(async () => (await theDisk())?.state).toBe('free');
  await house.app.console('POST', `/api/disks/${(await theDisk())?.id}/look`, {});
  await button('Install nightjar-99.2.0-pi.raucb').click();
  await expect.poll(() => helper.count('update-install')).toBe(2);
  expect(helper.asked.findLast(({ verb }) => verb === 'update-install')).toMatchObject({
    path: join(disks.folderOf('sda'), 'nightjar-99.2.0-pi.raucb'),
  });
  const refused = { result: 'refused', reason: 'not-signed', version: null, before: version, at: Date.now() } as const;
  helper.status = { ...helper.status, outcome: { ...refused, detail: 'Nobody signed it.' } };
  await page.getByText('Its signature is not by the key that this box trusts.').waitFor();
  expect(await button(allTheSame).count()).toBe(0);

  // Of two that are there, just the one that was refused.
  const older = async () => {
    const outcome = { ...refused, reason: 'older', version: '0.0.1', at: Date.now(), detail: 'It is older.' } as const;
    helper.status = { ...helper.status, outcome };
    await button(allTheSame).waitFor();
  };
  const asked = () => helper.asked.findLast(({ verb }) => verb === 'update-install');
  const onDisk = { path: join(disks.folderOf('sda'), 'nightjar-99.2.0-pi.raucb') };
  await button('Install nightjar-99.2.0-pi.raucb').click();
  await expect.poll(() => helper.count('update-install')).toBe(3);
  await older();
  await visitor.go('/settings');
  await visitor.go('/settings/updates');
  await button(allTheSame).click();
  await expect.poll(asked).toMatchObject({ ...onDisk, older: true });
  await older();
  await button('Install it').click();
  await expect.poll(() => helper.count('update-install')).toBe(5);
  expect(asked()).toMatchObject({ path: expect.stringMatching(/updates\/bundle\.raucb$/), older: false });
  await older();
  await fine(visitor, 'updates-older');
  await button(allTheSame).click();
  await expect.poll(asked).toMatchObject({ path: expect.stringMatching(/updates\/bundle\.raucb$/), older: true });
  await older();
  await picker.setInputFiles({ name: 'nightjar-pi.raucb', ...bundle });
  // What is there now is another one, and was refused by nobody.
  await expect.poll(() => button(allTheSame).count()).toBe(0);
  await button('Install it').waitFor();
  await visitor.context.close();
});

const allTheSame = 'Install the older one all the same';

async function theDisk(): Promise<{ id: string; state: string } | undefined> {
  const { disks: all } = (await house.app.console('GET', '/api/disks')).json() as {
    disks: { id: string; name: string; state: string }[];
  };
  return all.find(({ name }) => name.includes('Stick'));
}

it('asks an address for updates only when told to, and says what leaves the house', async () => {
  const visitor = await house.visit({ view: 'desktop' });
  const { page } = visitor;
  await visitor.signIn();
  await visitor.go('/settings/updates');
  const weekly = page.getByRole('switch', { name: 'Look there once a week' });
  await weekly.waitFor();
  expect(await weekly.isDisabled()).toBe(true);
  await page.getByText('one question a week leaves the house').waitFor();
  const field = page.getByRole('textbox', { name: 'Address' });
  await field.fill('http://127.0.0.1/list');
  await page.getByText('An address begins with https://').waitFor();
  await field.fill(`https://127.0.0.1:${await freePort()}/list`);
  await page.getByRole('button', { name: 'Save the address' }).click();
  await expect.poll(() => weekly.isEnabled()).toBe(true);
  expect(await weekly.isChecked()).toBe(false);
  expect(await page.getByRole('button', { name: 'Look now' }).count()).toBe(0);
  await weekly.click();
  await page.getByRole('button', { name: 'Look now' }).click();
  // Nobody is there.
  await page.getByText('The address does not answer').waitFor();
  await fine(visitor, 'updates-address');
  // What is turned off offers nothing, and fetches nothing.
  await weekly.click();
  await expect.poll(() => weekly.isChecked()).toBe(false);
  await page.getByRole('button', { name: 'Look now' }).waitFor({ state: 'detached' });
  expect(await page.getByText('The address does not answer').count()).toBe(0);
  await visitor.context.close();
});
