import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitCodes, Failure } from './failure.ts';
import { type TimeOfDay, timeOfDay } from './nights.ts';
import { patienceDefaultMs } from './patience.ts';

/** What the user asked for. Owns: the words of the command line. Never: does anything. For main.ts. */

export const usage = `nightjar-phone: backs up folders to your Nightjar box, and brings them back

  nightjar-phone pair LINK [--replace]   pair with a box (quote the link); --replace leaves another box
  nightjar-phone backup DIR...           send what the box does not have yet; leaves out links and hidden files
  nightjar-phone run --nightly HH:MM DIR...
                                         stay, and back up each night at that time or up to half an hour later; makes
                                         up for a time that passed while this machine was off or asleep
  nightjar-phone status                  what the box holds of this phone
  nightjar-phone safe-to-remove          which files the box has, so that they may be removed here; removes nothing
  nightjar-phone restore DIR [--own]     fetch your library into DIR; --own: only this phone's files, by its own names

  --expect HOURS      backup, for schedulers: tell the box to expect the next one within that time
  --no-search         do not look for the box in the network when it is at none of its known addresses
  --json              one JSON object a line
  --config DIR        where the pairing is kept (default: $XDG_CONFIG_HOME/nightjar-phone or ~/.config/nightjar-phone)
  --patience SECONDS  how long to go on without any progress (default ${patienceDefaultMs / 1000})
  --help, --version

Exit codes: 0 all is safe; 1 something waits, or the run failed: run it again; 2 wrong use; 3 not paired, or revoked;
4 the box refused something (what was deleted on it does not count). run goes on after 1 and 4, and ends with 0 when it
is told to (SIGTERM, Ctrl-C); what it was sending goes on with the next backup.
`;

export type Arguments = Readonly<{
  command: 'pair' | 'backup' | 'run' | 'status' | 'safe-to-remove' | 'restore';
  operands: string[];
  json: boolean;
  configDir: string;
  patienceMs: number;
  replace: boolean;
  own: boolean;
  search: boolean;
  expectMs: number | null;
  /** Given with `run`, and only there. */
  nightly: TimeOfDay | null;
}>;

const operandsOf: Readonly<Record<Arguments['command'], readonly [fewest: number, most: number]>> = {
  pair: [1, 1],
  backup: [1, 1000],
  run: [1, 1000],
  status: [0, 0],
  'safe-to-remove': [0, 0],
  restore: [1, 1],
};
/** What the box takes: a plan for more than a month is none. */
const expectHoursMax = 31 * 24;
const hourMs = 3600_000;

/** Throws `usage`, or what `parseArgs` throws. */
export function readArguments(argv: readonly string[], env: NodeJS.ProcessEnv): Arguments | 'help' | 'version' {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      config: { type: 'string' },
      patience: { type: 'string', default: String(patienceDefaultMs / 1000) },
      replace: { type: 'boolean', default: false },
      own: { type: 'boolean', default: false },
      expect: { type: 'string' },
      nightly: { type: 'string' },
      'no-search': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      version: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.version) return 'version';
  const [name = '', ...operands] = positionals;
  const command = Object.keys(operandsOf).find((known) => known === name) as Arguments['command'] | undefined;
  const [fewest, most] = command === undefined ? [1, 0] : operandsOf[command];
  if (command === undefined || operands.length < fewest || operands.length > most) {
    throw wrongUse(`Not understood: ${argv.join(' ') || '(nothing)'}.`);
  }
  const base = env.XDG_CONFIG_HOME || join(homedir(), '.config');
  return {
    command,
    operands,
    json: values.json,
    configDir: values.config ?? join(base, 'nightjar-phone'),
    patienceMs: patienceMsOf(values.patience),
    replace: values.replace,
    own: values.own,
    search: !values['no-search'],
    expectMs: expectMsOf(command, values.expect),
    nightly: nightlyOf(command, values.nightly),
  };
}

export function wrongUse(message: string): Failure {
  return new Failure('usage', `${message} See nightjar-phone --help.`, exitCodes.usage);
}

function patienceMsOf(text: string): number {
  const seconds = Number(text);
  if (seconds >= 0 && seconds <= 7 * 24 * 3600) return seconds * 1000;
  throw wrongUse('--patience takes a number of seconds, at most a week.');
}

function expectMsOf(command: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  if (command !== 'backup') throw wrongUse('--expect is for backup.');
  const hours = Number(text);
  if (text.trim() !== '' && hours > 0 && hours <= expectHoursMax) return Math.round(hours * hourMs);
  throw wrongUse(`--expect takes a number of hours, at most ${expectHoursMax}.`);
}

function nightlyOf(command: string, text: string | undefined): TimeOfDay | null {
  if (command !== 'run') {
    if (text === undefined) return null;
    throw wrongUse('--nightly is for run.');
  }
  const time = text === undefined ? null : timeOfDay(text);
  if (time === null) throw wrongUse('run needs the time of its backups: --nightly HH:MM, 24 hours, as 02:30.');
  return time;
}
