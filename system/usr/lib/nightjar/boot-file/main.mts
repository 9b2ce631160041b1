/**
 * nightjar.txt, the file on the boot partition that people edit on another computer. `main.mts take`, at every boot, as root:
 * does what it says of network, name, time zone, ssh and factory reset, overwrites the secrets in it, and gives the daemon a
 * copy. `main.mts give-back`: what the daemon did of its lines is written into the file. Runs on bare Node; whatever the file
 * holds, the box starts.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fchownSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { machineAt } from '../box-helper/machine.mts';
import { withNetwork } from '../box-helper/wifi-config.mts';
import { bootPartition, folderAsPartition, type Partition } from './partition.mts';
import { environmentOf, type Settings, settingsOf } from './settings.mts';
import { asGivenBack, bytesOf, entriesOf, textOf, withReplaced } from './text.mts';

const kept = '/var/lib/nightjar-box';
const keptCode = `${kept}/setup-code`;
const keysFile = `${kept}/ssh/authorized_keys`;
const wifiFile = `${kept}/wpa_supplicant.conf`;
const copy = '/run/nightjar/boot/nightjar.txt';
/** What of the file cannot be used: the box's screen shows it (console-screen). */
const notesFile = '/run/nightjar-box/boot-notes';
/** Kept over a reset (factory-reset). */
const resetDone = `${kept}/reset-done`;
const resetMsMax = 5 * 60_000;

// For tests: another folder in the place of /, and one in the place of the partition.
const { values: given, positionals } = parseArgs({
  options: { root: { type: 'string', default: '/' }, folder: { type: 'string' } },
  allowPositionals: true,
});
const machine = machineAt(given.root);
const at = (path: string) => join(given.root, path);
const say = (line: string) => process.stdout.write(`${line}\n`);
process.umask(0o077);
const partition = given.folder === undefined ? bootPartition : folderAsPartition(given.folder);
const [verb] = positionals;
if (verb === 'take') take(partition);
else if (verb === 'give-back') giveBack(partition);
else process.exitCode = 2;

function take(from: Partition): void {
  let settings: Settings | undefined;
  let text: string | undefined;
  const notes: string[] = [];
  try {
    const bytes = from.read();
    text = bytes === undefined ? undefined : textOf(bytes);
    if (bytes !== undefined && text === undefined) notes.push('it is no text, and was left.');
    if (bytes !== undefined && text !== undefined) {
      settings = settingsOf(entriesOf(text), hasZone);
      notes.push(...settings.notes);
      keep(settings, bytes);
      text = replaceTaken(from, bytes, text, settings);
    }
  } catch (error) {
    // Said, and seen as a unit that failed; the box starts all the same.
    notes.push((error as Error).message);
    process.exitCode = 1;
  }
  for (const note of notes) say(`nightjar.txt: ${note}`);
  replace(at(notesFile), notes.map((note) => `${note}\n`).join(''), daemonOwner());
  const setupCode = settings?.setupCode ?? machine.read(keptCode)?.trim();
  const { name, timeZone } = settings ?? {};
  tellDaemon(environmentOf({ name, timeZone, setupCode: setupCode === '' ? undefined : setupCode }), text);
  if (name !== undefined) callHost(name);
}

/** Durable, before anything goes from the file. */
function keep({ factoryReset, wifi, sshKeys, setupCode }: Settings, bytes: Buffer): void {
  if (factoryReset) resetOnce(createHash('sha256').update(bytes).digest('hex'));
  if (wifi !== undefined) {
    machine.write(wifiFile, withNetwork(machine.read(wifiFile) ?? '', wifi));
    say('the Wi-Fi network was taken');
  }
  if (sshKeys.length > 0) {
    const lines = (machine.read(keysFile) ?? '').split('\n').filter((line) => line !== '');
    machine.write(keysFile, [...new Set([...lines, ...sshKeys])].map((line) => `${line}\n`).join(''));
    say('ssh is on: a key was taken');
  }
  if (setupCode !== undefined) {
    machine.write(keptCode, `${setupCode}\n`);
    say('the setup code was taken');
  }
}

/**
 * Where the file cannot be written (a card at its end), the same order is read at every start: it is carried out once.
 * @param order digest of the whole file
 */
function resetOnce(order: string): void {
  if (machine.read(resetDone)?.trim() === order) {
    say('the factory reset was done at an earlier start, and nightjar.txt could not be told so.');
    return;
  }
  resetNow();
  machine.write(resetDone, `${order}\n`);
}

/** By the marker: a reset that is cut off goes on at the next boot, before anything else (nightjar-factory-reset.service). */
function resetNow(): void {
  machine.write(`${kept}/factory-reset`, 'nightjar.txt\n');
  const { status } = spawnSync(at('/usr/lib/nightjar/factory-reset'), [at('/var')], {
    env: { LC_ALL: 'C', PATH: '/usr/sbin:/usr/bin' },
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: resetMsMax,
  });
  if (status !== 0) throw new Error('the factory reset did not come to its end; it goes on at the next start.');
  say('the box is as it came: nightjar.txt asked for it');
}

/** The text as it then stands there. */
function replaceTaken(into: Partition, bytes: Buffer, text: string, { replaced }: Settings): string {
  if (replaced.length === 0) return text;
  const after = withReplaced(text, replaced, new Date().toISOString().slice(0, 10));
  const over = bytesOf(after, bytes);
  if (over.length !== bytes.length) throw new Error('its length would change; nothing was overwritten.');
  into.overwrite(over);
  return after;
}

function tellDaemon(environment: string, text: string | undefined): void {
  replace(at('/run/nightjar-box/daemon.env'), environment);
  if (text === undefined) rmSync(at(copy), { force: true });
  else replace(at(copy), text, daemonOwner());
}

/** A folder of the daemon's own: nothing there is followed or overwritten, only replaced. */
function replace(path: string, text: string, owner?: { uid: number; gid: number }): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  rmSync(`${path}.taken`, { force: true });
  const fd = openSync(`${path}.taken`, 'wx', 0o600);
  try {
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
    writeSync(fd, text);
  } finally {
    closeSync(fd);
  }
  renameSync(`${path}.taken`, path);
}

function daemonOwner(): { uid: number; gid: number } {
  const folder = dirname(at(copy));
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  const { uid, gid } = statSync(folder);
  return { uid, gid };
}

function callHost(name: string): void {
  try {
    writeFileSync(at('/proc/sys/kernel/hostname'), name);
  } catch {
    say('the host keeps its name');
  }
}

function hasZone(zone: string): boolean {
  return existsSync(at(join('/usr/share/zoneinfo', zone)));
}

function giveBack(to: Partition): void {
  const changed = readCopy();
  const bytes = to.read();
  const text = bytes === undefined ? undefined : textOf(bytes);
  if (changed === undefined || bytes === undefined || text === undefined || changed === text) return;
  const after = asGivenBack(text, changed);
  if (after === undefined) {
    say('the daemon changed more of nightjar.txt than it may; nothing was written back.');
    process.exitCode = 1;
    return;
  }
  // What is shorter is filled up with empty lines: a file that is cut loses clusters, which no cord may be unplugged in.
  const over = bytesOf(after, bytes);
  const unit = bytesOf('\n', bytes);
  const parts: Buffer[] = [over];
  for (let length = over.length; length < bytes.length; length += unit.length) parts.push(unit);
  to.overwrite(Buffer.concat(parts));
  say('nightjar.txt says what was done');
}

/** The daemon's own folder: read as a stranger's. */
function readCopy(): string | undefined {
  const bytes = folderAsPartition(dirname(at(copy))).read();
  return bytes === undefined ? undefined : textOf(bytes);
}
