/** What is done with Wi-Fi, by wpa_supplicant: looking, joining with a way back, forgetting. */
import { Buffer } from 'node:buffer';
import type { BoxAnswer, BoxRequest, SeenWifi } from '../../../../../src/appliance/box-protocol.ts';
import { cleanText } from '../disk-helper/text.mts';
import { Refusal } from '../helper-socket/refusal.mts';
import { hasAddress, readLinks } from './links.mts';
import { keptDir, type Machine } from './machine.mts';
import { Refused } from './request.mts';
import { must } from './run.mts';
import {
  controlDir,
  countryIn,
  namesIn,
  textOf,
  withNetwork,
  withoutNetworks,
  withoutOldPassphrases,
} from './wifi-config.mts';

const configFile = `${keptDir}/wpa_supplicant.conf`;

const seconds = 1_000;
const lookSeconds = 5;
const joinSecondsMax = 60;
/** So long one refusal may be a bad moment, and one that is not seen may be on another channel. */
const sureSeconds = 20;
const returnSecondsMax = 20;
const seenMax = 32;

type Status = Readonly<{ completed: boolean; id: number; ssid: string }>;
type Why = NonNullable<BoxAnswer<'wifi-join'>['why']>;

/** Of the link `link`. Without wpa_supplicant nothing is joined, and nothing seen. */
export async function readWifi(
  machine: Machine,
  link: string,
  look: boolean,
): Promise<NonNullable<BoxAnswer<'network'>['wifi']>> {
  const config = machine.read(configFile) ?? '';
  if (look) await lookAround(machine, link, config);
  const { completed, ssid } = await readStatus(machine, link);
  const signal = /^RSSI=(-\d{1,3})$/m.exec(await ask(machine, link, 'signal_poll'))?.[1];
  return {
    country: countryIn(config) || null,
    joined: completed ? { ssid: cleanText(ssid, 32), signalDbm: signal === undefined ? null : Number(signal) } : null,
    known: namesIn(config),
    seen: seenIn(await ask(machine, link, 'scan_results')),
  };
}

/**
 * Tries the network, with the former one left in the file: whatever happens to the power meanwhile, the box finds a way
 * back. Ends after a minute; what was not joined by then is taken out again. @throws {Refused}
 */
export async function joinWifi(
  machine: Machine,
  wanted: Extract<BoxRequest, { verb: 'wifi-join' }>,
): Promise<BoxAnswer<'wifi-join'>> {
  const link = await wirelessLink(machine);
  const unlock = await machine.lock('wifi');
  try {
    const before = machine.read(configFile);
    machine.write(configFile, withNetwork(before ?? '', wanted));
    try {
      await apply(machine, link);
      const why = await watch(machine, link, wanted.ssid);
      if (why === undefined) {
        machine.write(configFile, withoutOldPassphrases(machine.read(configFile) ?? ''));
        return { outcome: 'joined', why: null };
      }
      await goBack(machine, link, before);
      return { outcome: (await isBack(machine, link, before ?? '')) ? 'fell-back' : 'not-joined', why };
    } catch (error) {
      await goBack(machine, link, before).catch(() => undefined);
      throw error;
    }
  } finally {
    unlock();
  }
}

export async function forgetWifi(machine: Machine): Promise<BoxAnswer<'wifi-forget'>> {
  const link = await wirelessLink(machine);
  const unlock = await machine.lock('wifi');
  try {
    machine.write(configFile, withoutNetworks(machine.read(configFile) ?? ''));
    await apply(machine, link);
    return {};
  } finally {
    unlock();
  }
}

/** Undefined: joined, with an address. Else why not. */
async function watch(machine: Machine, link: string, ssid: string): Promise<Why | undefined> {
  let refused = false;
  let joined = false;
  let seen = false;
  for (let second = 0; second < joinSecondsMax; second++) {
    await machine.wait(seconds);
    const status = await readStatus(machine, link);
    // By number: the same network may be there a second time, with the passphrase it had before.
    if (status.completed && status.id === 0) {
      joined = true;
      if (await hasAddress(machine, link)) return undefined;
    }
    const networks = await ask(machine, link, 'list_networks');
    refused ||= /^0\t.*\[TEMP-DISABLED\]/m.test(networks);
    const wanted = Buffer.from(ssid);
    seen ||= namesSeen(await ask(machine, link, 'scan_results')).some((name) => name.equals(wanted));
    if (second >= sureSeconds && !joined && (refused || !seen)) break;
  }
  if (joined) return 'no-address';
  if (refused) return 'wrong-password';
  return seen ? 'no-answer' : 'not-found';
}

async function goBack(machine: Machine, link: string, before: string | undefined): Promise<void> {
  machine.write(configFile, before ?? withoutNetworks(machine.read(configFile) ?? ''));
  await apply(machine, link);
}

async function isBack(machine: Machine, link: string, before: string): Promise<boolean> {
  if (namesIn(before).length === 0) return false;
  for (let second = 0; second < returnSecondsMax; second++) {
    await machine.wait(seconds);
    if ((await readStatus(machine, link)).completed) return true;
  }
  return false;
}

async function lookAround(machine: Machine, link: string, config: string): Promise<void> {
  if (config === '') machine.write(configFile, withoutNetworks(''));
  await must(machine, 'systemctl', ['start', `wpa_supplicant@${link}.service`], 20 * seconds);
  for (let second = 0; second < lookSeconds; second++) {
    // Refused while it looks already, and before it has started.
    if ((await ask(machine, link, 'scan')).startsWith('OK')) break;
    await machine.wait(seconds);
  }
  await machine.wait(lookSeconds * seconds);
}

async function apply(machine: Machine, link: string): Promise<void> {
  await must(machine, 'systemctl', ['start', `wpa_supplicant@${link}.service`], 20 * seconds);
  for (let second = 0; second < lookSeconds; second++) {
    if ((await ask(machine, link, 'reconfigure')).startsWith('OK')) return;
    await machine.wait(seconds);
  }
  throw new Refused('failed', 'The program that joins Wi-Fi networks does not answer.');
}

async function wirelessLink(machine: Machine): Promise<string> {
  const link = (await readLinks(machine)).find(({ kind }) => kind === 'wireless');
  if (link !== undefined) return link.name;
  throw new Refused('unsuitable', 'This machine has no Wi-Fi. Nothing was changed.');
}

async function readStatus(machine: Machine, link: string): Promise<Status> {
  const said = await ask(machine, link, 'status');
  const told = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(said)?.[1];
  const ssid = unescaped(told('ssid') ?? '').toString('utf8');
  return { completed: told('wpa_state') === 'COMPLETED', id: Number(told('id') ?? -1), ssid };
}

/** One command to wpa_supplicant; '' when it does not answer. */
async function ask(machine: Machine, link: string, command: string): Promise<string> {
  // Its own end of the talk is where both see it, whatever folder for passing files each of them has.
  const args = ['-p', controlDir, '-s', controlDir, '-i', link, command];
  const ran = await machine.run('wpa_cli', args, 10 * seconds).catch((error: unknown) => {
    if (error instanceof Refusal && error.code === 'program-missing') throw error;
    return { status: 1, out: '' };
  });
  return ran.status === 0 ? ran.out : '';
}

/** `bssid, frequency, signal, flags, name`, a tab between them, below a line of headings. */
function seenIn(results: string): SeenWifi[] {
  const best = new Map<string, SeenWifi>();
  for (const line of results.split('\n').slice(0, 512)) {
    const [, , signal = '', flags = '', name = ''] = line.split('\t');
    const ssid = textOf(unescaped(name));
    // What is not shown as it is could not be told from another.
    if (ssid === undefined || cleanText(ssid, 32) !== ssid || !/^-?\d{1,3}$/.test(signal)) continue;
    const signalDbm = Number(signal);
    if ((best.get(ssid)?.signalDbm ?? Number.NEGATIVE_INFINITY) < signalDbm)
      best.set(ssid, { ssid, signalDbm, security: securityOf(flags) });
  }
  return [...best.values()].sort((one, other) => other.signalDbm - one.signalDbm).slice(0, seenMax);
}

function namesSeen(results: string): Buffer[] {
  return results.split('\n').map((line) => unescaped(line.split('\t')[4] ?? ''));
}

function securityOf(flags: string): SeenWifi['security'] {
  if (/PSK|SAE/.test(flags)) return 'password';
  return /WPA|RSN|WEP|EAP|OWE/.test(flags) ? 'unsupported' : 'open';
}

const escapes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, e: 27, '"': 34, '\\': 92 };

/** wpa_supplicant writes names in ASCII, what is none as `\xc3`, and a backslash twice (its `printf_encode`). */
function unescaped(text: string): Buffer {
  const octets: number[] = [];
  for (const [, hex, letter, plain] of text.matchAll(/\\x([0-9a-f]{2})|\\([nrte"\\])|([\s\S])/g)) {
    octets.push(hex !== undefined ? Number.parseInt(hex, 16) : (escapes[letter ?? ''] ?? plain?.charCodeAt(0) ?? 63));
  }
  return Buffer.from(octets);
}
