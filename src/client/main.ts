#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Static } from 'typebox';
import type { libraryContract } from '../library/contract.ts';
import { originOf } from './address.ts';
import { backUp, exitCodeOf } from './backup.ts';
import type { Box } from './box.ts';
import { ConfigStore, type Pairing } from './config-store.ts';
import { type ExitCode, exitCodes, Failure, messageOf, Refusal, Waiting } from './failure.ts';
import { Meter } from './meter.ts';
import { openBox, pair } from './pairing.ts';
import { Patience, patienceDefaultMs } from './patience.ts';
import { jsonReport, type Report, textReport } from './report.ts';
import { restore } from './restore.ts';

/**
 * `nightjar-phone`: the process edge. Owns: arguments, the exit code, and the order of things.
 * Never: talks to the box by itself. Called by a shell or a schedule.
 */

const usage = `nightjar-phone: backs up folders to your Nightjar box, and brings them back

  nightjar-phone pair LINK [--replace]   pair with a box (quote the link); --replace leaves another box
  nightjar-phone backup DIR...           send what the box does not have yet; leaves out links and hidden files
  nightjar-phone status                  what the box holds of this phone
  nightjar-phone restore DIR [--own]     fetch your library into DIR; --own: only this phone's files, by its own names

  --json              one JSON object a line
  --config DIR        where the pairing is kept (default: $XDG_CONFIG_HOME/nightjar-phone or ~/.config/nightjar-phone)
  --patience SECONDS  how long to go on without any progress (default ${patienceDefaultMs / 1000})
  --help, --version

Exit codes: 0 all is safe; 1 something waits, or the run failed: run it again; 2 wrong use; 3 not paired, or revoked;
4 the box refused something (what was deleted on it does not count).
`;

const statusPatienceMs = 15_000;

type Arguments = Readonly<{
  command: string;
  operands: string[];
  json: boolean;
  configDir: string;
  patienceMs: number;
  replace: boolean;
  own: boolean;
}>;

function readArguments(argv: readonly string[], env: NodeJS.ProcessEnv): Arguments | 'help' | 'version' {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      config: { type: 'string' },
      patience: { type: 'string', default: String(patienceDefaultMs / 1000) },
      replace: { type: 'boolean', default: false },
      own: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      version: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.version) return 'version';
  const [command = '', ...operands] = positionals;
  const wanted: Record<string, [number, number]> = {
    pair: [1, 1],
    backup: [1, 1000],
    status: [0, 0],
    restore: [1, 1],
  };
  const [fewest, most] = wanted[command] ?? [1, 0];
  if (operands.length < fewest || operands.length > most)
    throw wrongUse(`Not understood: ${argv.join(' ') || '(nothing)'}.`);
  const patience = Number(values.patience);
  if (!(patience >= 0 && patience <= 7 * 24 * 3600))
    throw wrongUse('--patience takes a number of seconds, at most a week.');
  const base = env.XDG_CONFIG_HOME || join(homedir(), '.config');
  const configDir = values.config ?? join(base, 'nightjar-phone');
  const { json, replace, own } = values;
  return { command, operands, json, configDir, patienceMs: patience * 1000, replace, own };
}

function wrongUse(message: string): Failure {
  return new Failure('usage', `${message} See nightjar-phone --help.`, exitCodes.usage);
}

async function run(args: Arguments, report: Report): Promise<ExitCode> {
  const config = new ConfigStore(args.configDir);
  if (args.command === 'pair') {
    const options = { clientVersion: await version(), replace: args.replace };
    const { name, phone, phoneId, person, lastAddress } = await pair(args.operands[0] as string, config, options);
    report.event({ event: 'done', command: 'pair', box: name, phone, phoneId, person, address: lastAddress });
    return exitCodes.fine;
  }
  const pairing = await config.mustBePaired();
  let lastAddress = pairing.lastAddress;
  const box = openBox(pairing, (address) => {
    lastAddress = originOf(address);
  });
  const patience = new Patience({
    // Who asks for the status is looking at the screen.
    patienceMs: args.command === 'status' ? Math.min(args.patienceMs, statusPatienceMs) : args.patienceMs,
    onRetry: (retry) => report.event({ event: 'retry', ...retry }),
  });
  try {
    if (args.command === 'status') return await showStatus(box, patience, report);
    return await transfer(args, { config, box, patience, pairing, report });
  } finally {
    box.close();
    if (lastAddress !== pairing.lastAddress) await config.savePairing({ ...pairing, lastAddress });
  }
}

type Tools = { config: ConfigStore; box: Box; patience: Patience; pairing: Pairing; report: Report };

async function transfer(args: Arguments, { config, box, patience, pairing, report }: Tools): Promise<ExitCode> {
  const { command } = args;
  const meter = new Meter();
  const startedMs = performance.now();
  report.event({ event: 'start', command, box: pairing.name, phone: pairing.phone, person: pairing.person });
  report.watch(meter);
  const parts = { config, box, patience, meter, onItem: report.event };
  const counts =
    command === 'backup'
      ? await backUp(args.operands, parts)
      : await restore({ dir: args.operands[0] as string, own: args.own }, parts);
  report.close();
  const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
  const exitCode = exitCodeOf(counts);
  const { filesMoved: files, bytesMoved: bytes } = meter;
  const { leftOut, leftOutBy } = meter;
  const left = command === 'backup' ? { leftOut, leftOutBy } : {};
  report.event({ event: 'done', command, ...counts, ...left, files, bytes, seconds, exitCode });
  return exitCode;
}

async function showStatus(box: Box, patience: Patience, report: Report): Promise<ExitCode> {
  const reply = await box.call(patience, 'the status', 'GET', '/api/phone/status');
  const status = reply as Static<typeof libraryContract.phoneStatus.reply>;
  const exitCode = exitCodeOf(status);
  report.event({ event: 'done', command: 'status', ...status, address: box.address, exitCode });
  return exitCode;
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
