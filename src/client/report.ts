import { deletedCode, printable } from './failure.ts';
import type { Current, Meter, State } from './meter.ts';
import type { Planned } from './nightly.ts';
import { RateWindow, renderFrame, sizeText } from './progress.ts';

/**
 * What the user, or the program that called, gets to see. Owns: JSON lines, plain lines, and the live display.
 * Never: decides anything. One of three forms, chosen by main.ts; all of them poll the same meter.
 */

export type ItemEvent = Readonly<{
  event: 'item';
  path: string;
  /** Of what is left out the first 100 are told; it is not among the files that were seen. */
  state: State | 'left-out';
  size?: number;
  code?: string;
  reason?: string;
  /** Restore: where the file is now. */
  file?: string;
}>;
type RetryEvent = Readonly<{ event: 'retry'; what: string; code: string; message: string; waitMs: number }>;
type ProgressEvent = Readonly<{
  event: 'progress';
  seen: number;
  safe: number;
  waiting: number;
  refused: number;
  bytesMoved: number;
  bytesThrough: number;
  bytesTotal: number;
  totalKnown: boolean;
  current: readonly Current[];
}>;
type StartEvent = Readonly<{ event: 'start'; command: string; box: string; phone: string; person: string }>;
/** The last line of a command that came to its end; `exitCode` in it is the process’s own. */
type DoneEvent = Readonly<{ event: 'done'; command: string } & Record<string, unknown>>;
/** A file that the box has whole, on its disk, and that is here as the box was told of it. */
export type RemovableEvent = Readonly<{
  event: 'removable';
  file: string;
  path: string;
  size: number;
  sha256: string;
  receivedAt: number;
  /** When the box last read it again; null: not since it came. */
  verifiedAt: number | null;
}>;
type ErrorEvent = Readonly<{ event: 'error'; code: string; message: string }>;
type Event = ItemEvent | RemovableEvent | RetryEvent | ProgressEvent | StartEvent | DoneEvent | ErrorEvent | Planned;

export type Report = Readonly<{ event(event: Event): void; watch(meter: Meter): void; close(): void }>;

export type Terminal = Readonly<{
  write: (text: string) => void;
  isTty: boolean;
  columns: () => number;
  nowMs: () => number;
}>;

const redrawMs = 200;
const jsonProgressMs = 500;
const plainProgressMs = 10_000;

export function jsonReport(terminal: Terminal): Report {
  const event = (one: Event) => terminal.write(`${JSON.stringify(one)}\n`);
  let timer: NodeJS.Timeout | undefined;
  return {
    event,
    watch: (meter) => {
      timer = every(jsonProgressMs, () => event(progressOf(meter)));
    },
    close: () => clearInterval(timer),
  };
}

/** Lines for a person; on a terminal with a live display below them. */
export function textReport(terminal: Terminal): Report {
  const screen = new Screen(terminal);
  let timer: NodeJS.Timeout | undefined;
  return {
    event: (one) => {
      const line = lineOf(one);
      if (line !== null) screen.line(line);
    },
    watch: (meter) => {
      const rate = new RateWindow(meter);
      timer = every(terminal.isTty ? redrawMs : plainProgressMs, () => {
        rate.sample(terminal.nowMs());
        if (terminal.isTty) screen.frame(renderFrame(meter, rate, terminal.columns()));
        else screen.line(plainProgress(meter));
      });
    },
    close: () => {
      clearInterval(timer);
      screen.frame([]);
    },
  };
}

/** The live lines at the bottom, and what scrolls by above them. ANSI: up (A), start of line, erase below (J). */
class Screen {
  readonly #terminal: Terminal;
  #drawn = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  line(text: string): void {
    this.#erase();
    this.#terminal.write(`${text}\n`);
  }

  frame(lines: readonly string[]): void {
    this.#erase();
    if (lines.length > 0) this.#terminal.write(`${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#terminal.write(`\x1b[${this.#drawn}A\r\x1b[J`);
    this.#drawn = 0;
  }
}

function every(ms: number, what: () => void): NodeJS.Timeout {
  const timer = setInterval(what, ms);
  timer.unref();
  return timer;
}

function progressOf(meter: Meter): ProgressEvent {
  const { bytesMoved, bytesThrough, bytesTotal, totalKnown } = meter;
  const current = [...meter.current.values()].map((entry) => ({ ...entry }));
  return { event: 'progress', ...meter.counts, bytesMoved, bytesThrough, bytesTotal, totalKnown, current };
}

function plainProgress(meter: Meter): string {
  const { seen, safe, waiting, refused } = meter.counts;
  const bytes = `${sizeText(meter.bytesThrough)} of ${sizeText(meter.bytesTotal)}${meter.totalKnown ? '' : ' or more'}`;
  return `${seen} seen, ${safe} safe, ${waiting} waiting, ${refused} refused; ${bytes}`;
}

function lineOf(event: Event): string | null {
  switch (event.event) {
    case 'start':
      return printable(`${event.box}: ${event.phone} of ${event.person}`);
    case 'item':
      // What its owner deleted on the box is the same every night: counted, and no line of its own.
      return event.state === 'safe' || event.code === deletedCode
        ? null
        : printable(`${event.state}: ${event.path}: ${event.reason ?? event.code ?? ''}`);
    case 'removable':
      return printable(`${sizeText(event.size).padStart(10)}  ${event.file}`);
    case 'retry':
      return printable(`${event.what}: ${event.message} Trying again in ${Math.ceil(event.waitMs / 1000)} s.`);
    case 'done':
      return summaryOf(event);
    case 'error':
      return printable(event.message);
    case 'planned':
      return `Next backup${plannedReasons[event.why]}: ${new Date(event.at).toLocaleString()}.`;
    default:
      return null;
  }
}

const plannedReasons = { nightly: '', missed: ' (its time has passed)', retry: ' (something waits)' } as const;

function summaryOf(done: DoneEvent): string {
  const { command, seconds } = done;
  const deleted = Number(done.deleted ?? 0);
  const ofThose = deleted === 0 ? '' : ` (${deleted} of them deleted on the box)`;
  const counts = `${done.seen} seen = ${done.safe} safe + ${done.waiting} waiting + ${done.refused} refused${ofThose}`;
  switch (command) {
    case 'pair':
      return printable(`Paired with ${done.box} as ${done.phone} of ${done.person}.`);
    case 'status':
      return statusText(done, counts);
    case 'safe-to-remove':
      return roomText(done);
    case 'restore':
      return `${counts}. ${done.files} fetched (${sizeText(Number(done.bytes))}), ${done.present} were here, in ${seconds} s.`;
    default:
      return `${counts}. ${done.files} sent (${sizeText(Number(done.bytes))}) in ${seconds} s.${leftOutText(done)}`;
  }
}

/** ` 3 left out: 1 link, 2 hidden.` */
function leftOutText(done: DoneEvent): string {
  const by = Object.entries((done.leftOutBy ?? {}) as Record<string, number>);
  if (by.length === 0) return '';
  const parts = by.map(([code, files]) => `${files} ${code === 'link' && files > 1 ? 'links' : code}`);
  return ` ${done.leftOut} left out: ${parts.join(', ')}.`;
}

function roomText({ files, bytes, changed, gone }: DoneEvent): string {
  const others = [
    ...(changed === 0 ? [] : [`${changed} changed since and must stay`]),
    ...(gone === 0 ? [] : [`${gone} are not here any more`]),
  ];
  const rest = others.length === 0 ? '' : ` Of what the box has besides, ${others.join(', ')}.`;
  const what = `${files} ${files === 1 ? 'file' : 'files'} (${sizeText(Number(bytes))})`;
  return `${what} may be removed: the box has each of them whole. Nothing was removed.${rest}`;
}

function statusText(done: DoneEvent, counts: string): string {
  const refusals = done.refusals as readonly { path: string; reason: string }[];
  const last = typeof done.lastReceivedAt === 'number' ? new Date(done.lastReceivedAt).toLocaleString() : 'never';
  const lines = [
    `${done.box} at ${done.address}: ${done.phone} of ${done.person}`,
    `${counts}; last photo received: ${last}`,
    ...refusals.map(({ path, reason }) => `refused: ${path}: ${reason}`),
  ];
  return lines.map(printable).join('\n');
}
