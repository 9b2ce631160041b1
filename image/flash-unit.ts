/**
 * What is this unit's own: its setup code, name, Wi-Fi, country, time zone, as `nightjar.txt` on the partition `bootsel`.
 * What may stand there is the device's to say (`bootsel/nightjar.txt` is the form); here only what would surely be refused is.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { boxName } from '../src/appliance/box-name.ts';
import { isTimeZone, systemTimeZone } from '../src/appliance/time-zone.ts';
import { settingsOf } from '../system/usr/lib/nightjar/boot-file/settings.mts';
import { isTaken } from '../system/usr/lib/nightjar/boot-file/text.mts';
import { Refusal } from './flash-refusal.ts';

export const unitKeys = [
  'setup-code',
  'name',
  'wifi-name',
  'wifi-password',
  'country',
  'time-zone',
  'ssh-key',
] as const;
export type UnitKey = (typeof unitKeys)[number];
/** '' or absent: the line stays commented out. */
export type Unit = Readonly<Partial<Record<UnitKey, string>>>;

const template = new URL('bootsel/nightjar.txt', import.meta.url);
const commandMsMax = 30_000;

/** Why a line may not stand there; undefined: it may. An empty one always may. The rules are the device's own, and stricter. */
export function unitFault(key: UnitKey, value: string): string | undefined {
  if (value === '') return undefined;
  if (/\p{Cc}/u.test(value) || value !== value.trim()) {
    return 'It may have no line break, and no space at its beginning or end: in the file they would be lost.';
  }
  const asked = [{ key, value, start: 0 }];
  // Either alone would be of no network.
  if (key === 'wifi-password') asked.push({ key: 'wifi-name', value: 'any', start: 0 });
  if (key === 'wifi-name') asked.push({ key: 'wifi-password', value: 'any password', start: 0 });
  const fits = !isTaken(value) && settingsOf(asked, isTimeZone).notes.length === 0;
  return fits && (stricter[key]?.(value) ?? true) ? undefined : told[key];
}

const stricter: Partial<Record<UnitKey, (value: string) => boolean>> = {
  name: isBoxName,
  country: (value) => countryName(value) !== undefined,
};

const told: Record<UnitKey, string> = {
  'setup-code': 'The setup code needs 8 to 64 letters and digits; spaces and dashes may stand between them.',
  name: 'The name takes 1 to 40 small letters (a to z), digits and dashes, with no dash at either end.',
  'wifi-name': 'The name of a wireless network has 32 bytes at most.',
  'wifi-password': 'A Wi-Fi password has 8 to 63 letters, digits and signs, without accents.',
  country: 'Two letters, as AT, DE or US.',
  'time-zone': 'No such time zone: by its place, as Europe/Vienna.',
  'ssh-key': 'That is no public ssh key: one line, as in id_ed25519.pub.',
};

/** What this computer is set to. */
export async function localDefaults(): Promise<{ country: string; 'time-zone': string }> {
  const zone = systemTimeZone();
  const table = await readFile('/usr/share/zoneinfo/zone.tab', 'utf8').catch(() => '');
  const line = table.split('\n').find((one) => one.split('\t')[2] === zone);
  const locale = new Intl.Locale(Intl.DateTimeFormat().resolvedOptions().locale).region;
  return { country: line?.split('\t')[0] ?? locale ?? '', 'time-zone': zone };
}

/** In English; undefined: there is no such country. */
export function countryName(code: string): string | undefined {
  if (!/^[A-Z]{2}$/.test(code)) return undefined;
  return new Intl.DisplayNames('en', { type: 'region', fallback: 'none' }).of(code);
}

/** The file as it is to stand on the partition, with the line ends of every computer. */
export async function unitText(unit: Unit): Promise<string> {
  let text = (await readFile(template, 'utf8')).replace(/\r/g, '');
  for (const key of unitKeys) {
    const value = unit[key] ?? '';
    if (value === '') continue;
    const fault = unitFault(key, value);
    if (fault !== undefined) throw new Refusal(`${key}: ${fault} Nothing was written.`);
    const line = new RegExp(`^# ?${key}:.*$`, 'm');
    if (!line.test(text)) throw new Error(`${key} has no line in ${template.pathname}`);
    text = text.replace(line, () => `${key}: ${value}`);
  }
  return text.replace(/\n/g, '\r\n');
}

/** Puts it onto the FAT that begins at `at` bytes of the device, and reads it from there. @throws {Refusal} */
export async function putUnitText(device: string, at: number, text: string): Promise<void> {
  const where = `${device}@@${at}`;
  try {
    // By standard input: what is secret in it gets no other file.
    await piped('mcopy', ['-o', '-i', where, '-', '::nightjar.txt'], text);
    await piped('blockdev', ['--flushbufs', device]);
    if ((await piped('mcopy', ['-n', '-i', where, '::nightjar.txt', '-'])) !== text)
      throw new Error('it reads otherwise');
  } catch (error) {
    throw new Refusal(
      `The image is on ${device}, but its nightjar.txt could not be written (${(error as Error).message}). Edit that file by hand on its first partition, or run the same again.`,
      { cause: error },
    );
  }
}

function piped(command: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', MTOOLSRC: '/dev/null' };
    const child = spawn(command, args, { env, timeout: commandMsMax });
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      said.out = (said.out + part).slice(-64 * 1024);
    });
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      said.err = (said.err + part).slice(-1_024);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(said.out);
      else reject(new Error(`${command} ended with ${code ?? 'a signal'}: ${said.err.trim()}`));
    });
    child.stdin.on('error', () => undefined).end(input);
  });
}

function isBoxName(text: string): boolean {
  try {
    return boxName(text) === text;
  } catch {
    return false;
  }
}
