/** The box on a device of its own: what its routes have the privileged helper do, which is the real one on a made root. */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NetworkView } from '../../src/appliance/device-contract.ts';
import { runConsole } from '../../src/console/commands.ts';
import { App } from '../support/app.ts';
import { BoxRoot } from '../support/box-root.ts';
import { PlantedHelper } from '../support/planted-helper.ts';

const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl anna@laptop';
const passphrase = 'correct horse zq7x';
const mail = {
  ...{ enabled: true, alerts: 'none', reports: false, host: 'smtp.example.org', port: 587, security: 'starttls' },
  ...{ user: null, from: 'box@example.org', to: ['anna@example.org'] },
};

describe('on a device of its own', () => {
  let box: BoxRoot;
  let disks: PlantedHelper;
  let app: App;
  const clock = { ms: Date.now() };

  beforeAll(async () => {
    box = await BoxRoot.start();
    disks = await PlantedHelper.start();
    await disks.plug({ name: 'sdz', model: 'Made Disk', serial: 'Z 1', sizeBytes: 4e12 });
    app = await App.startClaimed(
      // Of a network that is nobody's (RFC 5737): no answer comes, and none is waited for.
      { NIGHTJAR_BOX_HELPER: box.socketPath, NIGHTJAR_TIME_SERVERS: '203.0.113.9' },
      { now: () => clock.ms, disks: disks.planted },
    );
  });
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]();
    await disks?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
  });

  const network = async () => (await app.console('GET', '/api/network')).json() as unknown as NetworkView;
  const audited = async (event: string) => {
    const { entries } = (await app.console('GET', '/api/audit?limit=200')).json() as {
      entries: { event: string; detail: object }[];
    };
    return entries.filter((one) => one.event === event).map(({ detail }) => detail);
  };

  it('does nothing that lasts without somebody who is there', async () => {
    const cookie = await app.signIn();
    clock.ms += 11 * 60_000;
    const bodies = [
      ['PUT', '/api/network/wifi', { ssid: 'Net', passphrase }],
      ['DELETE', '/api/network/wifi'],
      ['POST', '/api/box/restart'],
      ['POST', '/api/box/shut-down'],
      ['POST', '/api/box/factory-reset', { name: 'nightjar' }],
      ['PUT', '/api/box/remote-shell', { on: true, keys: [key] }],
    ] as const;
    for (const [method, path, body] of bodies) {
      const answer = await app.ask(method, path, { cookie }, body);
      expect([path, answer.status, answer.json()['code']]).toEqual([path, 403, 'confirm-first']);
    }
    expect((await app.ask('GET', '/api/network', { cookie })).status).toBe(200);
    expect((await app.ask('GET', '/api/box', { cookie })).json()).toMatchObject({ appliance: true });
    expect([...box.did('systemctl'), ...box.did('wpa_cli').filter((line) => line.endsWith('reconfigure'))]).toEqual([]);
  });

  it('joins a Wi-Fi network in the background, and says what came of it', async () => {
    const found = (ssid: string) => `bssid / frequency\n00:11\t2437\t-50\t[WPA2-PSK-CCMP][ESS]\t${ssid}\n`;
    box.says('wpa_cli', 'scan_results', found('Caf\\xc3\\xa9'));
    expect(await network()).toEqual({
      appliance: true,
      links: [
        { name: 'eth0', kind: 'wired', up: true, macAddress: 'dc:a6:32:00:00:01', addresses: [] },
        { name: 'wlan0', kind: 'wireless', up: true, macAddress: 'dc:a6:32:00:00:01', addresses: ['192.168.7.9'] },
      ],
      wifi: {
        ...{ country: null, joined: null, known: [] },
        seen: [{ ssid: 'Café', signalDbm: -50, security: 'password' }],
      },
      ...{ joining: null, lastJoin: null },
    });
    const tooLong = { ssid: 'é'.repeat(17), passphrase };
    expect((await app.console('PUT', '/api/network/wifi', tooLong)).json()['code']).toBe('invalid-request');
    const asked = await app.console('PUT', '/api/network/wifi', { ssid: 'Café', passphrase, country: 'AT' });
    expect([asked.status, asked.json()['joining']]).toEqual([202, { ssid: 'Café', since: clock.ms }]);
    const twice = await app.console('PUT', '/api/network/wifi', { ssid: 'Other', passphrase });
    expect(twice.json()['code']).toBe('busy');
    box.says('wpa_cli', 'status', 'wpa_state=COMPLETED\nid=0\nssid=Caf\\xc3\\xa9\n');
    await expect
      .poll(async () => (await network()).lastJoin)
      .toMatchObject({ ssid: 'Café', outcome: 'joined', why: null });
    expect((await network()).wifi).toMatchObject({ country: 'AT', joined: { ssid: 'Café' }, known: ['Café'] });
    expect(box.read('var/lib/nightjar-box/wpa_supplicant.conf')).toContain(
      `\tsae_password=${Buffer.from(passphrase).toString('hex')}\n`,
    );
    expect(await audited('wifi-tried')).toEqual([{ network: 'Café', outcome: 'joined', why: '' }]);
    expect([...app.logged, box.journal, JSON.stringify(await audited('wifi-chosen'))].join()).not.toContain('zq7x');
    expect((await app.console('DELETE', '/api/network/wifi')).json()).toMatchObject({ wifi: { known: [] } });
  });

  it('does the same from its own screen, and nothing by mistake', async () => {
    const out: string[] = [];
    const err: string[] = [];
    const typed = async function* () {
      yield `9\rCafé\rat\r${passphrase}\r11\rno\r12\rnightjar\r\r0\r`;
    };
    const { stateDir } = app;
    const said = { out: (text: string) => out.push(text), err: (text: string) => err.push(text) };
    const terminal = { stateDir, input: typed(), columns: 80, now: () => clock.ms, ...said };
    expect(await runConsole(['menu'], terminal)).toBe(0);
    for (const line of [`https://nightjar.local:${app.httpsPort}`, 'wlan0 (wireless): 192.168.7.9', 'Wi-Fi: in “Café”'])
      expect(out).toContain(line);
    expect(out).toContain('The box is in “Café” now.');
    expect(out.filter((line) => line === 'Nothing was changed.')).toHaveLength(2);
    expect(err).toEqual(['The box tries it. That takes a minute at most.']);
    expect(box.did('systemctl').filter((line) => line.includes('--no-block'))).toEqual([]);
    const asked = { ...terminal, input: typed() };
    expect(await runConsole(['factory-reset', 'other'], asked)).toBe(1);
    expect(err.at(-1)).toContain('not that of the box');
  });

  it('opens the firewall for what is turned on, before it is used, and closes it after', async () => {
    const told = () =>
      box
        .did('nft')
        .filter((line) => line.includes('<'))
        .at(-1)
        ?.split('add element')[1] ?? '';
    expect(told()).toBe('');
    expect((await app.console('PUT', '/api/channels/mail', mail)).status).toBe(200);
    expect(told()).toContain('{ tcp . 53, udp . 53, tcp . 587 }');
    const hook = { enabled: false, alerts: 'none', reports: false, format: 'json', url: 'https://203.0.113.7:8443/x' };
    await app.console('PUT', '/api/channels/webhook', hook);
    const place = { kind: 'sftp', host: 'backup.example.org', port: 2022, user: 'anna', path: '/nightjar' };
    const copy = { target: place, enabled: false, uploadKiBPerSecond: null, appendOnly: false };
    expect((await app.console('PUT', '/api/offbox', copy)).status).toBe(200);
    await app.console('PATCH', '/api/box', { internetTime: true });
    expect(told()).toContain('{ tcp . 53, udp . 53, udp . 123, tcp . 587, tcp . 2022 }');
    await app.console('PUT', '/api/channels/webhook', { ...hook, enabled: true });
    expect(told()).toContain('tcp . 8443');
    await app.restart();
    for (const path of ['/api/channels/mail', '/api/channels/webhook', '/api/offbox'])
      await app.console('DELETE', path);
    await app.console('PATCH', '/api/box', { internetTime: false });
    expect(told()).toBe('');
  });

  it('lets in by ssh whom the owner named', async () => {
    const shell = async () => (await app.console('GET', '/api/box/remote-shell')).json();
    expect(await shell()).toEqual({ appliance: true, on: false, user: 'root', keys: [] });
    const put = (body: object) => app.console('PUT', '/api/box/remote-shell', body);
    for (const body of [{ on: true }, { on: true, keys: ['ssh-ed25519 nonsense'] }])
      expect((await put(body)).json()['code']).toBe('invalid-request');
    expect((await put({ on: true, keys: [`${key}\n`, ''] })).json()).toMatchObject({ on: true, keys: [{ line: key }] });
    expect(box.read('var/lib/nightjar-box/ssh/authorized_keys')).toBe(`${key}\n`);
    expect((await put({ on: false })).json()).toMatchObject({ on: false, keys: [{ line: key }] });
    expect(box.read('var/lib/nightjar-box/ssh/authorized_keys')).toBeUndefined();
    // What the helper refused was noted too, before it was asked.
    expect((await audited('remote-shell-changed')).reverse()).toEqual([
      { on: true, keys: 1 },
      { on: true, keys: 1 },
      { on: false, keys: 1 },
    ]);
    expect(await audited('box-change-failed')).toEqual([{ what: 'remote-shell-changed' }]);
  });

  it('lets the disks go before the machine goes off; restarts, and resets by the name of the box', async () => {
    const ended = () => box.did('systemctl').filter((line) => line.includes('--no-block'));
    const refused = await app.console('POST', '/api/box/factory-reset', { name: 'other' });
    expect([refused.status, refused.json()['code']]).toEqual([400, 'invalid-request']);
    expect((await app.console('POST', '/api/box/shut-down')).status).toBe(202);
    await expect.poll(ended).toEqual(['systemctl --no-block poweroff']);
    expect(disks.asked.filter(({ verb }) => verb === 'power-off')).toMatchObject([{ disk: { name: 'sdz' } }]);
    expect((await app.console('POST', '/api/box/restart')).json()['code']).toBe('busy');
    clock.ms += 11 * 60_000;
    expect((await app.console('POST', '/api/box/restart')).status).toBe(202);
    clock.ms += 11 * 60_000;
    expect((await app.console('POST', '/api/box/factory-reset', { name: ' Nightjar ' })).status).toBe(202);
    await expect.poll(ended).toHaveLength(3);
    expect(box.read('var/lib/nightjar-box/factory-reset')).toMatch(/^asked for at 20/);
    for (const event of ['box-shut-down', 'box-restarted', 'box-reset']) expect(await audited(event)).toHaveLength(1);
  });

  it('sets the machine’s clock to what it knows for sure', async () => {
    expect(box.did('date')).toEqual([]);
    await app.stop();
    const later = Date.now() + 10 * 86_400_000;
    const database = new Sqlite(join(app.stateDir, 'nightjar.sqlite'));
    const put = "INSERT OR REPLACE INTO setting (name, value) VALUES ('clock.saved', ?)";
    database.prepare(put).run(JSON.stringify(String(later)));
    database.close();
    await app.start();
    await expect.poll(() => box.did('date')).toHaveLength(1);
    const seconds = Number(/--set=@(\d+)/.exec(box.did('date')[0] ?? '')?.[1]);
    expect(Math.abs(seconds * 1000 - later)).toBeLessThan(600_000);
    expect(app.ownErrors()).toEqual([]);
  });
});
