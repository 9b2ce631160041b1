/** What the daemon is asked to do while its system calls are written down; and the moments to be killed or failed at. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { Daemon, type DaemonOptions, type Reply } from '../support/daemon.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { contentOf } from '../support/fault-phone.ts';
import { attachStrace, detachStrace, onePoolThread, poolThread } from '../support/syscall-faults.ts';
import { readTimedTraces, readTrace, type SystemTrace, traceThreadTo, traceTo } from '../support/system-trace.ts';
import { appendSlowly, appendTo, beginUpload, headOf } from '../support/tus-by-hand.ts';

const MiB = 1024 * 1024;
const rowMsMax = 20_000;

export type Ask = (name: string, status: number, run: () => Promise<Reply>) => Promise<Reply>;

/** One request after the other, so that each answer's window holds only what belongs to it. */
export async function scenario(daemon: Daemon, ask: Ask): Promise<string> {
  await ask('claim', 201, () => daemon.claim('Alice'));
  await daemon.libraryOpen();
  await ask('person added', 201, () => daemon.consoleReply('POST', '/api/people', { person: 'Bob' }));
  const opened = await ask('pairing opened', 201, () =>
    daemon.consoleReply('POST', '/api/pairings', { person: 'Alice', phone: 'Pixel' }),
  );
  const { link: pairingLink } = JSON.parse(opened.body.toString()) as { link: string };
  const secret = new URLSearchParams(new URL(pairingLink).hash.slice(1)).get('s');
  const redeemed = await ask('pairing redeemed', 201, () =>
    daemon.ask('POST', '/api/pairings/redeem', { json: { secret } }),
  );
  const { token } = JSON.parse(redeemed.body.toString()) as { token: string };

  for (const [index, name] of ['first photo', 'next photo'].entries()) {
    const photo = exifJpeg({ seed: index + 1, bytes: 40_000, takenLocal: '2025-07-14T09:30:00' });
    const it = { path: `IMG_${index}.jpg`, length: photo.length, body: photo };
    await ask(name, 201, () => beginUpload({ daemon, token }, it));
  }
  const bytes = contentOf({ path: '', kind: 'noise', seed: 3, size: 3 * MiB, takenLocal: '' });
  const begun = await ask('begun', 201, () =>
    beginUpload({ daemon, token }, { path: 'parts.jpg', length: bytes.length }),
  );
  const path = String(begun.headers['location']);
  await ask('first part', 204, () => appendTo({ daemon, token }, path, 0, bytes.subarray(0, MiB)));
  await ask('second part', 204, () => appendTo({ daemon, token }, path, MiB, bytes.subarray(MiB, 2 * MiB)));
  const large = contentOf({ path: '', kind: 'noise', seed: 4, size: 200 * MiB, takenLocal: '' });
  const it = { path: 'large.jpg', length: large.length };
  const largeBegun = await ask('large begun', 201, () => beginUpload({ daemon, token }, it));
  await ask('large file', 204, () => appendTo({ daemon, token }, String(largeBegun.headers['location']), 0, large));
  return token;
}

/**
 * Kills the daemon when a photo's reservation is committed and its bytes are not synced yet. Returns the trace of the
 * daemon that comes after, in which the phone sends the photo again; and which rows of it were left meanwhile.
 */
export async function reservedScenario(
  options: DaemonOptions,
  token: string,
  asked: (name: string, index: number) => void,
): Promise<{ trace: SystemTrace; left: string[] }> {
  // The first sync of each thread takes its time: the received file's is one in a thread of its own.
  const late = ['-e', 'trace=fdatasync', '-e', 'inject=fdatasync:delay_enter=3s:when=1'];
  await using killed = await Daemon.start({
    ...options,
    wrapper: ['strace', '-D', '-f', '-qq', ...late, '-o', '/dev/null'],
  });
  const photo = exifJpeg({ seed: 10, bytes: 40_000, takenLocal: '2025-07-14T09:30:00' });
  const it = { length: photo.length, path: 'IMG_10.jpg', body: photo };
  const sending = beginUpload({ daemon: killed, token }, it);
  const answered = sending.catch(() => undefined);
  const reserved = "SELECT path FROM publishing JOIN asset ON id = asset_id WHERE path LIKE '%IMG_10%'";
  // An answer that does not wait for that sync is for a test to find.
  await Promise.race([untilRow(killed, reserved), answered]);
  await killed.kill();
  await answered;

  const file = join(options.dir, 'trace-after-reservation');
  await using daemon = await Daemon.start({ ...options, wrapper: traceTo(file) });
  await daemon.libraryOpen();
  const left = rows(daemon, `${reserved} UNION SELECT id FROM upload WHERE facts LIKE '%IMG_10%'`);
  asked('sent again', daemon.answers);
  const reply = await beginUpload({ daemon, token }, it);
  if (reply.status !== 201) throw new Error(`The photo was not taken again: ${reply.status} ${reply.body}`);
  await daemon.stop();
  return { trace: await readTrace(file), left };
}

/** A photo whose folder cannot be synced, once, after its name is there. Returns the trace up to its answer. */
export async function takenBackScenario(
  options: DaemonOptions,
  token: string,
): Promise<{ trace: SystemTrace; status: number }> {
  await using daemon = await Daemon.start({ ...options, env: onePoolThread });
  const send = async (number: number) => {
    const photo = exifJpeg({ seed: number, bytes: 40_000, takenLocal: '2025-07-14T09:30:00' });
    return await beginUpload({ daemon, token }, { length: photo.length, path: `IMG_${number}.jpg`, body: photo });
  };
  // From here on every folder is known, and the month's is the only one to be synced.
  await send(11);
  // Written a minute after a change, by the same thread: the next of them would take the failure.
  await untilRow(daemon, "SELECT 1 FROM job WHERE kind = 'checksum-lists' AND run_after > unixepoch() * 1000 + 15000");
  const files = ['main', 'pool'].map((thread) => join(options.dir, `trace-${thread}`));
  const [mainFile = '', poolFile = ''] = files;
  const failing = ['-e', 'inject=fsync:error=ENOSPC:when=1'];
  const main = await attachStrace(daemon.pid, traceThreadTo(mainFile));
  const pool = await attachStrace(await poolThread(daemon.pid), [...traceThreadTo(poolFile), ...failing]);
  const { status } = await send(12);
  await detachStrace(pool);
  await detachStrace(main);
  return { trace: await readTimedTraces(files), status };
}

/**
 * Kills the daemon twice at moments that promise something to the next start: while a large file comes in, and just
 * before the folder of a new name is synced. Returns the trace of the daemon that comes after.
 */
export async function killedScenario(
  options: DaemonOptions,
  token: string,
  asked: (name: string, index: number) => void,
): Promise<SystemTrace> {
  const month = join(options.dir, 'disk/Photos/Alice/2025/2025-07');
  const killAtSync = ['-P', month, '-e', 'inject=fsync:signal=KILL'];
  await using killed = await Daemon.start({
    ...options,
    wrapper: ['strace', '-D', '-f', '-qq', '-e', 'trace=fsync', ...killAtSync, '-o', '/dev/null'],
  });
  const large = await beginUpload({ daemon: killed, token }, { length: 100 * MiB, path: 'late.jpg' });
  const path = String(large.headers['location']);
  const sending = appendSlowly({ daemon: killed, token }, path, 0, 100 * MiB);
  sending.write(Buffer.alloc(40 * MiB, 7));
  await untilRow(killed, `SELECT 1 FROM upload WHERE state = 'receiving' AND synced >= ${16 * MiB}`);
  const photo = exifJpeg({ seed: 9, bytes: 40_000, takenLocal: '2025-07-14T09:30:00' });
  // Not answered, since it dies first; whether its folder would have been synced is for a test to say.
  await beginUpload({ daemon: killed, token }, { length: photo.length, path: 'IMG_9.jpg', body: photo }).catch(
    () => undefined,
  );
  await killed.kill();
  sending.destroy();

  const file = join(options.dir, 'trace-after-kill');
  await using daemon = await Daemon.start({ ...options, wrapper: traceTo(file) });
  asked('first answer', daemon.answers);
  await daemon.health();
  asked('asked again', daemon.answers);
  const reply = await headOf({ daemon, token }, path);
  const offset = Number(reply.headers['upload-offset']);
  if (offset < 16 * MiB) throw new Error(`The noted offset is gone: ${reply.status} with ${offset}.`);
  await daemon.stop();
  return await readTrace(file);
}

/** Waits until the catalogue has such a row. */
async function untilRow(daemon: Daemon, sql: string): Promise<void> {
  const deadline = Date.now() + rowMsMax;
  while (rows(daemon, sql).length === 0) {
    if (Date.now() > deadline) throw new Error(`The catalogue never had this row: ${sql}`);
    await pause(20);
  }
}

/** The first column of what the catalogue has. */
function rows(daemon: Daemon, sql: string): string[] {
  const catalogue = new Sqlite(join(daemon.diskDir, '.nightjar/library.sqlite'), { readonly: true });
  try {
    return catalogue.prepare<[], string>(sql).pluck().all();
  } finally {
    catalogue.close();
  }
}
