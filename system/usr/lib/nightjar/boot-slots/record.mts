/**
 * Owns what the box remembers of its two versions, and how the slots' programs are asked. Root's alone; never read by the
 * daemon, which is told (box-helper). Called by the programs beside it and by box-helper/updates.mts.
 */
import { execFile } from 'node:child_process';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { UpdateReason } from '../../../../../src/updates/update-reasons.ts';

export type Slot = 'A' | 'B';
export type Outcome = Readonly<{
  result: 'installed' | 'updated' | 'refused' | 'failed' | 'went-back';
  reason: UpdateReason | null;
  version: string | null;
  before: string | null;
  at: number;
  detail: string;
}>;
export type Trial = Readonly<{
  slot: Slot;
  version: string | null;
  before: string;
  /** The library was open when the trial began, so it has to open again. */
  libraryOpen: boolean;
}>;
export type UpdateRecord = Readonly<{
  /** What each slot holds, as far as it is known. `whole`: written to its end. */
  slots: Readonly<
    Partial<Record<Slot, Readonly<{ version: string | null; whole: boolean; failed: boolean; ran: boolean }>>>
  >;
  /** The version that is being written; still here at a start: it was cut short. */
  installing: string | null;
  trial: Trial | null;
  outcome: Outcome | null;
}>;
/** Of this start. */
export type Standing = Readonly<{ current: Slot; primary: Slot }>;

export const places = {
  own: '/var/lib/nightjar-box',
  record: '/var/lib/nightjar-box/update.json',
  request: '/var/lib/nightjar-box/update-request.json',
  bundles: '/var/lib/nightjar-box/updates',
  uploaded: '/var/lib/nightjar/updates/bundle.raucb',
  disks: '/run/nightjar/disks',
  standing: '/run/nightjar-slots/standing.json',
  settled: '/run/nightjar-slots/settled',
  progress: '/run/nightjar-update/progress.json',
  /** What the owner allowed, for whoever looks into the bundle; and what was found there. */
  asked: '/run/nightjar-update/asked.json',
  looked: '/run/nightjar-update/looked.json',
  console: '/var/lib/nightjar/console.sock',
  version: '/usr/lib/nightjar/version',
  board: '/usr/lib/nightjar/board',
  schema: '/usr/lib/nightjar/app/src/schema',
} as const;
export const bundleBytesMax = 600_000_000;

const fileBytesMax = 64 * 1024;
const commandMs = 180_000;

export function readRecord(): UpdateRecord {
  const {
    slots = {},
    installing = null,
    trial = null,
    outcome = null,
  } = (readJson(places.record) ?? {}) as Partial<UpdateRecord>;
  return { slots, installing, trial, outcome };
}

/** Durable when it returns. */
export function writeRecord(record: UpdateRecord): void {
  mkdirSync(places.own, { recursive: true, mode: 0o755 });
  writeDurably(places.record, JSON.stringify(record));
}

/** Undefined: this machine has no slots, or has not looked for them yet. */
export function readStanding(): Standing | undefined {
  return readJson(places.standing) as Standing | undefined;
}

export function otherOf(slot: Slot): Slot {
  return slot === 'A' ? 'B' : 'A';
}

export function ownVersion(): string {
  return readFileSync(places.version, 'utf8').trim();
}

export function ownBoard(): string {
  return readFileSync(places.board, 'utf8').trim();
}

/** @throws where the backend refuses, with its words. */
export function askBackend(...args: readonly string[]): Promise<string> {
  return run(join(import.meta.dirname, 'backend'), args);
}

export function run(file: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
    execFile(file, args, { env, timeout: commandMs, maxBuffer: fileBytesMax }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(new Error(stderr.trim() || error.message));
    });
  });
}

/** Undefined: it is not there, or is no such file. What was half written is as if it were not there. */
export function readJson(path: string): unknown {
  try {
    const text = readFileSync(path, 'utf8');
    return text.length > fileBytesMax ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function writeDurably(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  const folder = openSync(dirname(path), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
