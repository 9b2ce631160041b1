/**
 * wpa_supplicant's configuration (wpa_supplicant.conf(5)), as the box keeps it: the network that is wanted, with the higher
 * priority, and those that were joined before, to fall back to. Text in, text out. What is in a name or a passphrase cannot
 * be anything else in the file, nor make it unreadable: both are written in hexadecimal (in quotes, a passphrase with a
 * quote and a `#` in it is cut there, and the whole file is refused).
 */
import { Buffer } from 'node:buffer';
import { pbkdf2Sync } from 'node:crypto';

/** `passphrase` '': the network is open. `country` '': as it was. */
export type WantedWifi = Readonly<{ ssid: string; passphrase: string; country: string }>;
type Known = Readonly<{
  /** Octets, in hexadecimal. */
  ssid: string;
  /** WPA2's key; null: open. */
  psk: string | null;
  /** For WPA3: the passphrase's octets; null: not known. */
  sae: string | null;
}>;

/** The one that is wanted, the one before, and the one before that where only a passphrase changed. */
const networksMax = 3;
export const controlDir = '/run/wpa_supplicant';

/** `text`: what is there; '' for nothing. The wanted network becomes number 0. */
export function withNetwork(text: string, wanted: WantedWifi): string {
  const ssid = Buffer.from(wanted.ssid).toString('hex');
  const first = { ssid, ...keysOf(ssid, wanted.passphrase) };
  const former = readKnown(text).filter((known) => known.ssid !== ssid || known.psk !== first.psk);
  return written(wanted.country || countryIn(text), [first, ...former].slice(0, networksMax));
}

/** Once the first was joined: an older passphrase of the same network is not needed any more. */
export function withoutOldPassphrases(text: string): string {
  const known = readKnown(text);
  const first = (one: Known) => known.findIndex(({ ssid }) => ssid === one.ssid);
  return written(
    countryIn(text),
    known.filter((one, index) => first(one) === index),
  );
}

export function withoutNetworks(text: string): string {
  return written(countryIn(text), []);
}

/** '': none is told. */
export function countryIn(text: string): string {
  return /^[ \t]*country=([A-Z]{2})[ \t]*$/m.exec(text)?.[1] ?? '';
}

/** The names of those that are known, the first to be tried first; without those that are no text. */
export function namesIn(text: string): string[] {
  const names = readKnown(text).flatMap(({ ssid }) => textOf(Buffer.from(ssid, 'hex')) ?? []);
  return [...new Set(names)];
}

/** Undefined: no text, or with what is not shown in it. */
export function textOf(octets: Buffer): string | undefined {
  const text = octets.toString('utf8');
  return Buffer.from(text).equals(octets) && /^[^\p{Cc}\p{Cs}]+$/u.test(text) ? text : undefined;
}

/** By priority, as wpa_supplicant tries them. What is in another form than this file writes is not known. */
function readKnown(text: string): Known[] {
  const found: (Known & { priority: number })[] = [];
  for (const [, block = ''] of text.matchAll(/^[ \t]*network=\{[ \t]*\r?\n(.*?)^[ \t]*\}/gms)) {
    const told = (name: string) => new RegExp(`^[ \\t]*${name}=(.*?)[ \\t]*\\r?$`, 'm').exec(block)?.[1];
    const name = told('ssid') ?? '';
    const ssid = /^"(.{1,32})"$/.test(name) ? Buffer.from(name.slice(1, -1)).toString('hex') : name.toLowerCase();
    if (!/^([0-9a-f]{2}){1,32}$/.test(ssid)) continue;
    const keys = told('psk') === undefined && told('key_mgmt') !== 'NONE' ? undefined : keysIn(ssid, told);
    if (keys !== undefined) found.push({ ssid, ...keys, priority: Number(told('priority')) || 0 });
  }
  return found
    .sort((one, other) => other.priority - one.priority)
    .slice(0, networksMax)
    .map(({ ssid, psk, sae }) => ({ ssid, psk, sae }));
}

/** Undefined: a key of another kind. */
function keysIn(ssid: string, told: (name: string) => string | undefined): Pick<Known, 'psk' | 'sae'> | undefined {
  const psk = told('psk') ?? '';
  const sae = /^([0-9a-f]{2}){8,63}$/.exec(told('sae_password') ?? '')?.[0] ?? null;
  if (/^"[ -~]{8,63}"$/.test(psk)) return keysOf(ssid, psk.slice(1, -1));
  if (psk === '') return { psk: null, sae: null };
  return /^[0-9a-f]{64}$/i.test(psk) ? { psk: psk.toLowerCase(), sae } : undefined;
}

/** IEEE 802.11, annex J.4: WPA2's key of a passphrase; WPA3 takes the passphrase itself. */
function keysOf(ssid: string, passphrase: string): Pick<Known, 'psk' | 'sae'> {
  if (passphrase === '') return { psk: null, sae: null };
  // The key itself in the place of a passphrase, which has at most 63 signs; WPA3 knows no such thing.
  if (/^[0-9a-f]{64}$/i.test(passphrase)) return { psk: passphrase.toLowerCase(), sae: null };
  const psk = pbkdf2Sync(passphrase, Buffer.from(ssid, 'hex'), 4_096, 32, 'sha1').toString('hex');
  return { psk, sae: Buffer.from(passphrase).toString('hex') };
}

function written(country: string, networks: readonly Known[]): string {
  const head = [
    '# Written by the box (box-helper/wifi-config.mts). The highest priority is tried first.',
    `ctrl_interface=${controlDir}`,
    // WPA3 by both ways of deriving its element (IEEE 802.11, section 12.4.4.2).
    'sae_pwe=2',
    ...(country === '' ? [] : [`country=${country}`]),
  ];
  const blocks = networks.flatMap(({ ssid, psk, sae }, index) => [
    'network={',
    `\tssid=${ssid}`,
    // Asked for by name: some do not tell theirs.
    '\tscan_ssid=1',
    ...(psk === null ? ['\tkey_mgmt=NONE'] : keyed(psk, sae)),
    `\tpriority=${networks.length - index}`,
    '}',
  ]);
  return `${[...head, ...blocks].join('\n')}\n`;
}

/** WPA2 and WPA3; frames that manage the network are protected where it can (IEEE 802.11w). */
function keyed(psk: string, sae: string | null): string[] {
  const ways = `WPA-PSK WPA-PSK-SHA256${sae === null ? '' : ' SAE'}`;
  const password = sae === null ? [] : [`\tsae_password=${sae}`];
  return [`\tpsk=${psk}`, ...password, `\tkey_mgmt=${ways}`, '\tieee80211w=1'];
}
