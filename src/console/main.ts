/**
 * `nightjar`, the console command: the process edge. Reads its arguments and one variable, talks to the running daemon
 * over the unix socket in its state folder, and imports no room.
 */
import { join, resolve } from 'node:path';
import { runConsole } from './commands.ts';

const stateDir = process.env.NIGHTJAR_STATE_DIR;
process.exitCode = await runConsole(process.argv.slice(2), {
  stateDir: resolve(stateDir === undefined || stateDir === '' ? join(process.cwd(), '.run/state') : stateDir),
  input: process.stdin,
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  now: Date.now,
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
});
