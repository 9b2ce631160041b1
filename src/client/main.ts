#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import type { libraryContract } from '../library/contract.ts';
import type { Static } from '../platform/schema.ts';
import { type Arguments, readArguments, usage, wrongUse } from './arguments.ts';
import { exitCodeOf } from './backup.ts';
import { ConfigStore, type Folders } from './config-store.ts';
import { type ExitCode, exitCodes, Failure, messageOf, Refusal, Waiting } from './failure.ts';
import { findBox } from './finding.ts';
import { pair } from './pairing.ts';
import { jsonReport, type Report, textReport } from './report.ts';
import { findRoom } from './room.ts';
import { everyNight, newSchedule } from './run.ts';
import { Session, type SessionOptions } from './session.ts';

/**
 * `nightjar-phone`: the process edge. Owns: arguments, the exit code, and the order of things.
 * Never: talks to the box by itself. Called by a shell or a schedule.
 */

const statusPatienceMs = 15_000;

/** `run` is told to end: what does not let go by itself in this time is cut off, and goes on with the next backup. */
const stopMsMax = 5000;

async function run(args: Arguments, report: Report): Promise<ExitCode> {
  const config = new ConfigStore(args.configDir);
  const clientVersion = await version();
  const { patienceMs, operands } = args;
  const options = { config, report, patienceMs, clientVersion, ...(args.search ? { find: findBox } : {}) };
  switch (args.command) {
    case 'pair': {
      const paired = await pair(operands[0] as string, config, { clientVersion, replace: args.replace });
      const { name, phone, phoneId, person, lastAddress } = paired;
      report.event({ event: 'done', command: 'pair', box: name, phone, phoneId, person, address: lastAddress });
      return exitCodes.fine;
    }
    case 'run':
      if (args.nightly === null) throw wrongUse('run needs --nightly HH:MM.');
      return await everyNight(operands, args.nightly, { ...options, signal: toldToEnd() });
    case 'status':
      // Who asks for the status is looking at the screen.
      return await inSession({ ...options, patienceMs: Math.min(patienceMs, statusPatienceMs) }, (session) =>
        showStatus(session, report),
      );
    case 'safe-to-remove':
      return await inSession({ ...options, patienceMs: Math.min(patienceMs, statusPatienceMs) }, async (session) =>
        showRoom(session, await config.folders(), report),
      );
    case 'backup':
      return await inSession(options, async (session) => session.backUp(operands, await nextAtOf(args, config)));
    case 'restore':
      return await inSession(options, (session) => session.restore(operands[0] as string, args.own));
  }
}

async function inSession(options: SessionOptions, act: (session: Session) => Promise<ExitCode>): Promise<ExitCode> {
  const session = await Session.open(options);
  try {
    return await act(session);
  } finally {
    await session.close();
  }
}

/** When the box may expect this phone again. A backup by hand does not call off the nightly one, whoever starts that. */
async function nextAtOf({ expectMs }: Arguments, config: ConfigStore): Promise<number | null> {
  const now = Date.now();
  const schedule = await config.schedule();
  if (expectMs !== null) {
    const nextAt = now + expectMs;
    await config.saveSchedule({ ...(schedule ?? newSchedule()), nextAt }).catch(() => {});
    return nextAt;
  }
  const nextAt = schedule?.nextAt ?? null;
  return nextAt !== null && nextAt > now ? nextAt : null;
}

function toldToEnd(): AbortSignal {
  const stop = new AbortController();
  const end = () => {
    stop.abort();
    setTimeout(() => process.exit(exitCodes.fine), stopMsMax).unref();
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  return stop.signal;
}

async function showStatus({ box, patience }: Session, report: Report): Promise<ExitCode> {
  const reply = await box.call(patience, 'the status', 'GET', '/api/phone/status');
  const status = reply as Static<typeof libraryContract.phoneStatus.reply>;
  const exitCode = exitCodeOf(status);
  report.event({ event: 'done', command: 'status', ...status, address: box.address, exitCode });
  return exitCode;
}

async function showRoom({ box, patience }: Session, folders: Folders, report: Report): Promise<ExitCode> {
  const room = await findRoom({ box, patience, folders, onFile: report.event });
  report.event({ event: 'done', command: 'safe-to-remove', ...room, exitCode: exitCodes.fine });
  return exitCodes.fine;
}

/** From the package that this file is in: the project's own, or the installed one. */
async function version(): Promise<string> {
  for (const place of ['../package.json', '../../package.json']) {
    const text = await readFile(new URL(place, import.meta.url), 'utf8').catch(() => '{}');
    const found = JSON.parse(text) as { version?: unknown };
    if (typeof found.version === 'string') return found.version;
  }
  return '0.0.0';
}

function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof Waiting || error instanceof Refusal) return new Failure(error.code, error.message);
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    return wrongUse(error.message);
  }
  return new Failure('internal', `Something went wrong inside nightjar-phone: ${messageOf(error)}`);
}

async function main(argv: readonly string[]): Promise<ExitCode> {
  const terminal = {
    write: (text: string) => void process.stdout.write(text),
    isTty: process.stdout.isTTY === true,
    columns: () => process.stdout.columns || 80,
    nowMs: () => performance.now(),
  };
  const json = argv.includes('--json');
  let report = json ? jsonReport(terminal) : textReport(terminal);
  try {
    const args = readArguments(argv, process.env);
    if (args === 'help' || args === 'version') {
      terminal.write(args === 'help' ? usage : `${await version()}\n`);
      return exitCodes.fine;
    }
    return await run(args, report);
  } catch (error) {
    const failure = failureOf(error);
    report.close();
    // People read errors on stderr; programs read the last line of stdout.
    if (!json) report = textReport({ ...terminal, write: (text) => void process.stderr.write(text), isTty: false });
    report.event({ event: 'error', code: failure.code, message: failure.message });
    return failure.exitCode;
  } finally {
    report.close();
  }
}

// A reader that went away (`| head`) is no reason to stop a backup.
process.stdout.on('error', () => {});
process.exitCode = await main(process.argv.slice(2));
