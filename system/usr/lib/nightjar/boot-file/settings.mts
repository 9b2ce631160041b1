/** What nightjar.txt asks for, each value held against its form. A stranger's file: what does not fit is said and left. */
import { isPublicKey } from '../box-helper/public-key.mts';
import { type Entry, isTaken } from './text.mts';

export type Settings = Readonly<{
  /** For the daemon: `NIGHTJAR_...` and `TZ`. Nothing in a value needs quoting in a file of systemd. */
  name: string | undefined;
  timeZone: string | undefined;
  setupCode: string | undefined;
  wifi: Readonly<{ ssid: string; passphrase: string; country: string }> | undefined;
  sshKeys: readonly string[];
  factoryReset: boolean;
  /** What is replaced in the file once it is kept elsewhere, with what stands there then. */
  replaced: ReadonlyArray<readonly [Entry, string?]>;
  /** For a person, without any value. */
  notes: readonly string[];
}>;

const sshKeysMax = 8;
const forms = {
  // One DNS label (RFC 1035, section 2.3.1), as src/config.ts takes it.
  name: /^[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?$/i,
  'time-zone': /^[A-Za-z][A-Za-z0-9_+-]{0,30}(\/[A-Za-z0-9_+-]{1,30}){0,2}$/,
  // ISO 3166-1: the channels that radio may use there.
  country: /^[a-z]{2}$/i,
  // At least six symbols beside the dashes and spaces (src/access/setup-code.ts).
  'setup-code': /^(?=.{8,64}$)([A-Za-z0-9][ -]*){6,}$/,
  // IEEE 802.11, section 9.4.2.2: at most 32 octets.
  'wifi-name': /^[^\p{Cc}\p{Cs}]{1,32}$/u,
  // wpa_supplicant.conf(5): a passphrase, or the key itself in hexadecimal.
  'wifi-password': /^([ -~]{8,63}|[0-9A-Fa-f]{64})$/,
  'factory-reset': /^(yes|no)$/i,
} as const;
const allowed: Readonly<Record<keyof typeof forms, string>> = {
  name: 'letters, digits and dashes, at most 42 of them',
  'time-zone': 'a place, as Europe/Vienna',
  country: 'two letters, as AT',
  'setup-code': 'at least 8 letters and digits',
  'wifi-name': 'at most 32 bytes',
  'wifi-password': '8 to 63 letters, digits and signs of English, or 64 hexadecimal digits',
  'factory-reset': '"yes"',
};

/** @param hasZone whether this machine knows the time zone. */
export function settingsOf(entries: readonly Entry[], hasZone: (zone: string) => boolean): Settings {
  const notes: string[] = [];
  const found = new Map<string, Entry>();
  for (const entry of entries) {
    const { key, value } = entry;
    if (!Object.hasOwn(forms, key) || isTaken(value)) continue;
    const name = key as keyof typeof forms;
    // The last one that is usable: whoever adds a line below means that one.
    const fits = forms[name].test(value) && (key !== 'wifi-name' || Buffer.byteLength(value) <= 32);
    if (fits && (key !== 'time-zone' || hasZone(value))) found.set(key, entry);
    else notes.push(`${key} is not usable: it takes ${allowed[name]}. It was left.`);
  }
  const told = (key: keyof typeof forms) => found.get(key)?.value;
  const [ssid, passphrase] = [told('wifi-name'), told('wifi-password')];
  if (passphrase !== undefined && ssid === undefined)
    notes.push('wifi-password is of no network: wifi-name is missing.');
  const hasPassword = entries.some(({ key }) => key === 'wifi-password');
  if (ssid !== undefined && !hasPassword)
    notes.push('wifi-name has no wifi-password: an open network is joined on the page, not by this file.');
  const wifi =
    ssid === undefined || passphrase === undefined
      ? undefined
      : { ssid, passphrase, country: regionOf(told('country')) };
  const keys = entries.filter(({ key, value }) => key === 'ssh-key' && !isTaken(value));
  const usable = keys.filter(({ value }) => isPublicKey(value)).slice(0, sshKeysMax);
  if (usable.length < keys.length)
    notes.push('an ssh-key is not usable: it takes a public key, as id_ed25519.pub holds it.');
  const factoryReset = told('factory-reset')?.toLowerCase() === 'yes';
  return {
    name: told('name')?.toLowerCase(),
    timeZone: told('time-zone'),
    setupCode: told('setup-code'),
    wifi,
    sshKeys: usable.map(({ value }) => value),
    factoryReset,
    replaced: replacedOf(entries, { setup: found.has('setup-code'), wifi: wifi !== undefined, usable, factoryReset }),
    notes,
  };
}

/** Of a secret that was taken no other usable line stays either. */
function replacedOf(
  entries: readonly Entry[],
  taken: { setup: boolean; wifi: boolean; usable: readonly Entry[]; factoryReset: boolean },
): Array<readonly [Entry, string?]> {
  return entries.flatMap((entry): Array<readonly [Entry, string?]> => {
    const { key, value } = entry;
    const isSecret = (key === 'setup-code' && taken.setup) || (key === 'wifi-password' && taken.wifi);
    if (isSecret && forms[key as 'setup-code'].test(value)) return [[entry]];
    if (taken.usable.includes(entry)) return [[entry]];
    return key === 'factory-reset' && taken.factoryReset ? [[entry, 'no']] : [];
  });
}

/** As the rules of radio have it: the United Kingdom is GB there, and UK is what people write (BCP 47, deprecated regions). */
function regionOf(country: string | undefined): string {
  return country === undefined ? '' : (new Intl.Locale(`und-${country}`).region ?? '');
}

/** environment file, systemd.exec(5): each value is of letters, digits and signs that mean nothing there. */
export function environmentOf({
  name,
  timeZone,
  setupCode,
}: Pick<Settings, 'name' | 'timeZone' | 'setupCode'>): string {
  const lines = [
    ...(name === undefined ? [] : [`NIGHTJAR_NAME=${name}`]),
    ...(timeZone === undefined ? [] : [`TZ=${timeZone}`]),
    ...(setupCode === undefined ? [] : [`NIGHTJAR_SETUP_CODE="${setupCode}"`]),
  ];
  return lines.map((line) => `${line}\n`).join('');
}
