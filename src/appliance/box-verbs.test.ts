/** What the verbs of the box helper do to a machine (`system/.../box-helper`): here to one that is made up. */
import { expect, it, test } from 'vitest';
import { perform } from '../../system/usr/lib/nightjar/box-helper/verbs.mts';
import { withNetwork } from '../../system/usr/lib/nightjar/box-helper/wifi-config.mts';
import { type Air, configPath, MadeBox } from '../../test/support/made-box.ts';

const home: Air = { ssid: 'Zuhause "5" \\#', passphrase: 'old pass "word" #1' };
const other: Air = { ssid: 'Café', passphrase: 'new pass\\word' };
const anna = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl anna@laptop';
const bob = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g bob@desk';
const hex = (text: string) => Buffer.from(text).toString('hex');
const join = ({ ssid, passphrase }: Air, country = '') =>
  ({ verb: 'wifi-join', ssid, passphrase: passphrase ?? '', country }) as const;
/** Joined `home` before, when it was there. */
async function joinedBox(): Promise<MadeBox> {
  const box = new MadeBox();
  box.air.push(home);
  expect(await perform(join(home, 'AT'), box)).toEqual({ outcome: 'joined', why: null });
  return box;
}

// The keys are those of wpa_passphrase(8).
it('joins a network, keeps the one before to fall back to, and shows both', async () => {
  const box = await joinedBox();
  box.air.push(other);
  expect(await perform(join(other), box)).toEqual({ outcome: 'joined', why: null });
  expect(box.joined).toBe('Café');
  expect(box.files.get(configPath)).toBe(
    `# Written by the box (box-helper/wifi-config.mts). The highest priority is tried first.
ctrl_interface=/run/wpa_supplicant
sae_pwe=2
country=AT
network={
	ssid=436166c3a9
	scan_ssid=1
	psk=1f5bd488e9be95857956bf6eb464c41e7710f08744a48a9cccc0e5697ea7b898
	sae_password=6e657720706173735c776f7264
	key_mgmt=WPA-PSK WPA-PSK-SHA256 SAE
	ieee80211w=1
	priority=2
}
network={
	ssid=5a75686175736520223522205c23
	scan_ssid=1
	psk=55007ff9f9c87424042241925f2c4f7b5ac89174ae9b55fcc7088eb953d3daef
	sae_password=6f6c6420706173732022776f726422202331
	key_mgmt=WPA-PSK WPA-PSK-SHA256 SAE
	ieee80211w=1
	priority=1
}
`,
  );
  expect(await perform({ verb: 'network', look: true }, box)).toEqual({
    links: [
      { name: 'eth0', kind: 'wired', up: true, macAddress: 'dc:a6:32:00:00:01', addresses: ['192.168.1.9', 'fe80::1'] },
      expect.objectContaining({ name: 'wlan0', kind: 'wireless', addresses: ['192.168.7.9', 'fe80::1'] }),
    ],
    wifi: {
      country: 'AT',
      joined: { ssid: 'Café', signalDbm: -51 },
      known: ['Café', home.ssid],
      seen: [
        { ssid: home.ssid, signalDbm: -40, security: 'password' },
        { ssid: 'Café', signalDbm: -41, security: 'password' },
      ],
    },
  });
});

test.each<[string, Air[], string]>([
  ['wrong-password', [{ ...other, passphrase: 'another one' }], 'fell-back'],
  ['not-found', [], 'fell-back'],
  ['no-answer', [{ ...other, deaf: true }], 'fell-back'],
  ['no-address', [{ ...other, silent: true }], 'fell-back'],
])('goes back to the former network: %s', async (why, air, outcome) => {
  const box = await joinedBox();
  const before = box.files.get(configPath);
  box.air.push(...air);
  const began = box.timeMs;
  expect(await perform(join(other, 'DE'), box)).toEqual({ outcome, why });
  expect(box.timeMs - began).toBeLessThan(100_000);
  expect(box.joined).toBe(home.ssid);
  expect(box.files.get(configPath)).toBe(before);
});

it('while it tries, both are in the file; a new passphrase takes the old one’s place once it was right', async () => {
  const box = await joinedBox();
  box.air[0] = { ...home, passphrase: 'changed today' };
  let files = 0;
  box.onWait = async () => {
    box.onWait = undefined;
    // Whatever becomes of the power now.
    expect(box.files.get(configPath)?.match(/word=.*|priority=\d/g)).toEqual([
      ...[`word=${hex('changed today')}`, 'priority=2', `word=${hex('old pass "word" #1')}`, 'priority=1'],
    ]);
    await expect(perform(join(other), box)).rejects.toMatchObject({ code: 'busy' });
    files++;
  };
  expect(await perform(join(box.air[0]), box)).toEqual({ outcome: 'joined', why: null });
  expect(files).toBe(1);
  expect(box.files.get(configPath)).not.toContain(hex('old pass'));
  expect(await perform({ verb: 'wifi-forget' }, box)).toEqual({});
  expect(box.joined).toBeUndefined();
  expect(box.files.get(configPath)).not.toContain('network={');
  expect(box.files.get(configPath)).toContain('country=AT');
  // Nothing to go back to.
  expect(await perform(join({ ...other, passphrase: null }), box)).toEqual({ outcome: 'not-joined', why: 'not-found' });
  await expect(perform(join(home), new MadeBox({ wireless: false }))).rejects.toMatchObject({ code: 'unsuitable' });
});

it('keeps what others wrote of networks, in wpa_supplicant’s forms, and drops what it does not understand', () => {
  const written = [
    'country=CH\nnetwork={\n    ssid="By hand"\n    psk="a passphrase"\n}\n',
    `network={\n ssid=4b6579\n psk=${'0f'.repeat(32)}\n priority=5\n}\n`,
    'network={\n ssid="x"\n psk="short"\n}\nnetwork={\n ssid="Uni"\n key_mgmt=WPA-EAP\n identity="a"\n}\n',
  ].join('');
  const text = withNetwork(written, { ssid: 'New', passphrase: '', country: '' });
  expect(text.match(/^\t?(ssid|psk|priority|country)=.*/gm)?.map((line) => line.trim())).toEqual([
    ...['country=CH', 'ssid=4e6577', 'priority=3'],
    ...['ssid=4b6579', `psk=${'0f'.repeat(32)}`, 'priority=2'],
    ...['ssid=42792068616e64', 'psk=6814029c177e75591e565885f3af010ee4031d4345ccb037a7b2cd80c11539f4', 'priority=1'],
  ]);
});

it('opens exactly the ports that are told, in one step', async () => {
  const box = new MadeBox();
  const ports = [{ protocol: 'tcp', port: 465 } as const, { protocol: 'udp', port: 123 } as const];
  expect(await perform({ verb: 'outbound', ports: [...ports, ...ports] }, box)).toEqual({});
  expect(await perform({ verb: 'outbound', ports: [] }, box)).toEqual({});
  expect(box.did).toEqual([
    'nft -f - < flush set inet nightjar nightjar_out\nadd element inet nightjar nightjar_out { tcp . 465, udp . 123 }\n',
    'nft -f - < flush set inet nightjar nightjar_out\n',
  ]);
  box.says.set('nft -j list sets', '{"nftables":[{"metainfo":{}}]}');
  await expect(perform({ verb: 'outbound', ports }, box)).rejects.toMatchObject({ code: 'unsuitable' });
});

it('sets the clock forward, and never back', async () => {
  const box = new MadeBox();
  for (const time of [0, box.now() - 1, box.now() + 1_000])
    expect(await perform({ verb: 'clock', time }, box)).toEqual({ set: false });
  expect(box.did).toEqual([]);
  expect(await perform({ verb: 'clock', time: 1_800_000_000_250 }, box)).toEqual({ set: true });
  expect(box.did).toEqual(['date --utc --set=@1800000000.250']);
});

it('lets in by ssh whom it was told, and nobody once it is off; the keys stay for the next time', async () => {
  const box = new MadeBox();
  const file = '/var/lib/nightjar-box/ssh/authorized_keys';
  const line = anna;
  const view = { user: 'root', keys: [{ line, fingerprint: 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU' }] };
  expect(await perform({ verb: 'ssh-status' }, box)).toEqual({ on: false, user: 'root', keys: [] });
  await expect(perform({ verb: 'ssh', on: true, keys: [] }, box)).rejects.toMatchObject({ code: 'invalid-request' });
  expect(await perform({ verb: 'ssh', on: true, keys: [line] }, box)).toEqual({ on: true, ...view });
  expect(box.files.get(file)).toBe(`${line}\n`);
  expect(await perform({ verb: 'ssh', on: false, keys: [line] }, box)).toEqual({ on: false, ...view });
  expect(box.files.has(file)).toBe(false);
  expect(box.did).toEqual(['systemctl start nightjar-ssh.service', 'systemctl stop nightjar-ssh.service']);
});

it('ends the sessions that are open when a key is taken away, and only then', async () => {
  const box = new MadeBox();
  const lets = (...keys: string[]) => perform({ verb: 'ssh', on: true, keys }, box);
  await lets(anna);
  await lets(anna, bob);
  await lets(bob);
  await lets(bob, anna);
  expect(box.did).toEqual(['start', 'start', 'restart', 'start'].map((how) => `systemctl ${how} nightjar-ssh.service`));
});

it('is as open to ssh as before where that could not be changed, also after a restart; but for a key that was to go', async () => {
  const box = new MadeBox();
  const keysFile = '/var/lib/nightjar-box/ssh/authorized_keys';
  const asideFile = '/var/lib/nightjar-box/ssh/keys-while-off';
  const fails = async (...keys: string[]) => {
    box.broken.add('systemctl');
    await expect(perform({ verb: 'ssh', on: true, keys }, box)).rejects.toMatchObject({ code: 'failed' });
    box.broken.clear();
  };
  await fails(anna);
  expect([box.files.has(keysFile), box.files.has(asideFile)]).toEqual([false, false]);
  await perform({ verb: 'ssh', on: false, keys: [anna] }, box);
  await fails(bob);
  expect([box.files.get(keysFile), box.files.get(asideFile)]).toEqual([undefined, `${anna}\n`]);
  await perform({ verb: 'ssh', on: true, keys: [anna] }, box);
  await fails(anna, bob);
  expect(box.files.get(keysFile)).toBe(`${anna}\n`);
  await perform({ verb: 'ssh', on: true, keys: [anna, bob] }, box);
  await fails(bob);
  expect([box.files.get(keysFile), box.files.has(asideFile)]).toEqual([`${bob}\n`, false]);
  // Turned off stays off, whether or not somebody is still in.
  box.broken.add('systemctl');
  await expect(perform({ verb: 'ssh', on: false, keys: [bob] }, box)).rejects.toMatchObject({ code: 'failed' });
  expect([box.files.has(keysFile), box.files.get(asideFile)]).toEqual([false, `${bob}\n`]);
});

it('ends the machine without waiting for it; a reset leaves its marker first', async () => {
  const box = new MadeBox();
  const marker = '/var/lib/nightjar-box/factory-reset';
  await perform({ verb: 'restart' }, box);
  await perform({ verb: 'power-off' }, box);
  expect(box.files.has(marker)).toBe(false);
  await perform({ verb: 'factory-reset' }, box);
  expect(box.files.get(marker)).toBe('asked for at 2026-11-22T00:00:00.000Z\n');
  expect(box.did).toEqual(['reboot', 'poweroff', 'reboot'].map((how) => `systemctl --no-block ${how}`));
  box.broken.add('systemctl');
  await expect(perform({ verb: 'restart' }, box)).rejects.toMatchObject({
    ...{ code: 'failed', message: 'systemctl failed: systemctl\ufffd[31m says no\n' },
  });
});
