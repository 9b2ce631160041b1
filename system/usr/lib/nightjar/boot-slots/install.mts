/**
 * Writes a bundle into the slot that does not run: takes it where nobody else can change it, looks into it, lets RAUC write
 * it, and says what became of it. Runs on bare Node, as a unit of its own, so that it outlives whoever asked.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { UpdateReason } from '../../../../../src/updates/update-reasons.ts';
import { reasonOf, sentenceOf } from './rauc-words.mts';
import {
  bundleBytesMax,
  type Outcome,
  otherOf,
  ownVersion,
  places,
  readJson,
  readRecord,
  readStanding,
  run,
  writeRecord,
} from './record.mts';

/** What the box needs for itself while a bundle lies beside it. */
const spareBytes = 64 * 1024 ** 2;
const saidMax = 4_000;

/** `result`: whether anything was written. */
class Refused extends Error {
  readonly reason: UpdateReason;
  readonly result: 'refused' | 'failed';
  readonly version: string | null;
  constructor(
    reason: UpdateReason,
    message: string,
    version: string | null = null,
    result: 'refused' | 'failed' = 'refused',
  ) {
    super(message);
    this.reason = reason;
    this.version = version;
    this.result = result;
  }
}

const version = ownVersion();
const { path, older } = (readJson(places.request) ?? {}) as { path?: string; older?: boolean };
rmSync(places.request, { force: true });
const bundle = join(places.bundles, 'bundle.raucb');
/** Whose it was, where it was received. */
let receivedFrom: Readonly<{ uid: number; gid: number }> | undefined;
try {
  tell(0, 'takes the update in');
  rmSync(places.bundles, { recursive: true, force: true });
  mkdirSync(places.bundles, { recursive: true, mode: 0o700 });
  if (path === places.uploaded) takeUploaded(path);
  else takeFromDisk(path ?? '');
  await install();
} catch (error) {
  const refused =
    error instanceof Refused ? error : new Refused('other', String((error as Error).message), null, 'failed');
  if (refused.reason === 'older') giveBack();
  end({ result: refused.result, reason: refused.reason, version: refused.version, detail: refused.message });
  process.stderr.write(`install: ${refused.reason}: ${refused.message}\n`);
} finally {
  rmSync(places.bundles, { recursive: true, force: true });
  // Nobody needs it until the next time.
  await run('systemctl', ['stop', '--no-block', 'rauc.service']).catch(() => undefined);
}

/** Moved, so that it is not there twice. Whoever still has it open for writing, RAUC finds out, and refuses. */
function takeUploaded(from: string): void {
  if (lstatSync(from, { throwIfNoEntry: false }) === undefined) throw new Refused('damaged', 'No update was received.');
  if (lstatSync(dirname(from)).isSymbolicLink()) throw new Refused('damaged', 'This is no update that was received.');
  renameSync(from, bundle);
  const stat = lstatSync(bundle);
  if (!stat.isFile() || stat.nlink !== 1) throw new Refused('damaged', 'This is no update that was received.');
  receivedFrom = { uid: stat.uid, gid: stat.gid };
  chmodSync(bundle, 0o600);
  chownSync(bundle, 0, 0);
}

/** To where it was received, so that whoever wants just this one all the same need not send it again. */
function giveBack(): void {
  if (receivedFrom === undefined) return;
  try {
    // Held, since what stands at its path is up to the daemon.
    const folder = openSync(
      dirname(places.uploaded),
      constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
    );
    try {
      const back = `/proc/self/fd/${folder}/${basename(places.uploaded)}`;
      if (lstatSync(back, { throwIfNoEntry: false }) !== undefined) return;
      chownSync(bundle, receivedFrom.uid, receivedFrom.gid);
      renameSync(bundle, back);
    } finally {
      closeSync(folder);
    }
  } catch (error) {
    process.stderr.write(`install: the update could not be put back: ${String((error as Error).message)}\n`);
  }
}

/** Copied, since a disk that is only looked at stays as it is, and may be pulled. Links are not followed. */
function takeFromDisk(from: string): void {
  const disk = dirname(from);
  const plain = dirname(disk) === places.disks && !['.', '..', ''].includes(basename(from));
  const stat = plain && lstatSync(disk).isDirectory() ? lstatSync(from, { throwIfNoEntry: false }) : undefined;
  if (stat === undefined || !stat.isFile())
    throw new Refused('damaged', 'There is no update of this name on that disk.');
  if (stat.size > bundleBytesMax) throw new Refused('damaged', 'This file is too large to be an update.');
  const { bavail, bsize } = statfsSync(places.bundles);
  if (bavail * bsize < stat.size + spareBytes)
    throw new Refused('no-room', 'There is not enough room on the box for this update.');
  copyFileSync(from, bundle, constants.COPYFILE_EXCL);
  chmodSync(bundle, 0o600);
}

async function install(): Promise<void> {
  const standing = readStanding();
  if (standing === undefined || standing.current !== standing.primary)
    throw new Refused('busy', 'A new version is being tried just now.');
  rmSync(places.looked, { force: true });
  writeFileSync(places.asked, JSON.stringify({ older: older === true }));
  await write();
  const slot = otherOf(standing.current);
  const after = readRecord();
  const wanted = after.installing;
  const whole = { version: wanted, whole: true, failed: false, ran: false };
  writeRecord({ ...after, slots: { ...after.slots, [slot]: whole } });
  const detail = `Version ${wanted} stands beside version ${version}. It runs after a restart into it.`;
  end({ result: 'installed', reason: null, version: wanted, detail });
}

/** @throws {Refused} as it was refused, or failed; what is half written then is never started. */
async function write(): Promise<void> {
  const child = spawn('rauc', ['install', '--progress', bundle], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-saidMax);
  });
  for await (const line of createInterface(child.stdout)) {
    const [, percent, step] = /^\s*(\d{1,3})% (.{1,200})/.exec(line) ?? [];
    if (percent !== undefined && step !== undefined) tell(5 + Math.floor(Number(percent) * 0.95), step);
    else said = `${said}\n${line}`.slice(-saidMax);
  }
  if ((await ended) === 0) return;
  process.stderr.write(`${said}\n`);
  const looked = (readJson(places.looked) ?? {}) as { reason?: UpdateReason; detail?: string; version?: string };
  if (looked.reason !== undefined) throw new Refused(looked.reason, looked.detail ?? '', looked.version);
  const reason = reasonOf(said);
  // Once it was looked into, it was being written.
  if (looked.version === undefined) throw new Refused(reason ?? 'damaged', sentenceOf(reason ?? 'damaged', said));
  const why = reason ?? 'write-failed';
  throw new Refused(why, sentenceOf(why, said), looked.version, 'failed');
}

function tell(percent: number, step: string): void {
  writeFileSync(places.progress, JSON.stringify({ percent: Math.min(percent, 99), step }), { mode: 0o644 });
}

function end(told: Pick<Outcome, 'result' | 'reason' | 'version' | 'detail'>): void {
  writeRecord({ ...readRecord(), installing: null, outcome: { ...told, before: version, at: Date.now() } });
}
