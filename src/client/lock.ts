import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Failure, systemCodeOf } from './failure.ts';

/**
 * One backup at a time from one folder of settings. Owns: a lock that the system gives back by itself when its holder
 * dies, so that none is ever left behind. Never: waits. For session.ts.
 */

export type Lock = Readonly<{ release: () => Promise<void> }>;

/** With it, the name fills the address: Node before 20.12 pads a shorter one, which would be another name. */
const abstractNameChars = 107;

/** Throws `busy` when another process, or another part of this one, holds the lock of `dir`. */
export async function lock(dir: string): Promise<Lock> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const real = await realpath(dir);
  if (process.platform === 'win32') return await holdName(`\\\\.\\pipe\\nightjar-phone-${digest(real)}`);
  if (process.platform === 'linux' || process.platform === 'android') {
    // A name in the system's memory, not in a folder: it is gone with the process (unix(7), abstract).
    return await holdName(`\0${`nightjar-phone ${digest(real)} `.padEnd(abstractNameChars, '.')}`);
  }
  return await holdFile(join(real, 'backup.lock'));
}

function digest(dir: string): string {
  return createHash('sha256')
    .update(`${process.getuid?.() ?? ''} ${dir}`)
    .digest('hex')
    .slice(0, 32);
}

async function holdName(name: string): Promise<Lock> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(systemCodeOf(error) === 'EADDRINUSE' ? busy() : error));
    server.listen(name, resolve);
  });
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** macOS and the BSDs lock a file as they open it (open(2), O_EXLOCK). */
async function holdFile(path: string): Promise<Lock> {
  const exclusively = 0x20;
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | exclusively;
  const file = await open(path, flags, 0o600).catch((error: unknown) => {
    throw ['EAGAIN', 'EWOULDBLOCK'].includes(systemCodeOf(error) ?? '') ? busy() : error;
  });
  return { release: () => file.close() };
}

function busy(): Failure {
  return new Failure(
    'busy',
    'Another backup from this folder of settings is running. Nothing was done; try again later.',
  );
}
