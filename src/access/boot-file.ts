/**
 * Owns one line of `nightjar.txt`, the file on the boot partition that people edit on another computer: `reset-password:
 * NAME` or `reset-second-factor: NAME`. Acted on once, at a start; then the line becomes a comment that says what was
 * done. Never believes anything else in that file. Called by the composition root.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Database } from '../platform/database.ts';
import { replaceFileDurably } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { HouseholdStore } from './household-store.ts';
import type { Recovery } from './recovery.ts';

export type BootFileOptions = Readonly<{
  /** Undefined: this box has none. */
  path: string | undefined;
  database: Database;
  recovery: Pick<Recovery, 'personByName' | 'resetPassword' | 'resetSecondFactor'>;
  /** Shows a line on the box's own screen: where a code is told when the file cannot take it. Never a log. */
  show?: (line: string) => void;
  log: Pick<Logger, 'warn' | 'info'>;
}>;

type Verb = 'reset-password' | 'reset-second-factor';
type Order = Readonly<{ index: number; verb: Verb; name: string; line: string }>;

const bytesMax = 16 * 1024;
const form = /^\s*(reset-password|reset-second-factor)\s*:\s*(\S.{0,200}?)\s*$/iu;
/** The digest of a line that was acted on and may still stand in the file. */
const actedSetting = 'access.boot-line';

export class BootFile {
  readonly #options: BootFileOptions;
  readonly #rows: HouseholdStore;

  /** On an open database. */
  constructor(options: BootFileOptions) {
    this.#options = options;
    this.#rows = new HouseholdStore(options.database);
  }

  /** Reads the file and does what its first such line asks for. A file that is not there, or is broken, is no error. */
  async act(): Promise<void> {
    const { path, log } = this.#options;
    if (path === undefined) return;
    try {
      const text = await readBounded(path);
      if (text !== undefined) await this.#actOn(path, text);
    } catch (error) {
      log.warn({ err: error }, 'the boot file could not be acted on');
    }
  }

  async #actOn(path: string, text: string): Promise<void> {
    const lines = text.split('\n');
    const orders = lines.flatMap((raw, index) => orderOf(raw, index));
    const [first, ...more] = orders;
    const digest = first === undefined ? '' : digestOf(first.line);
    if (first === undefined || this.#rows.setting(actedSetting) === JSON.stringify(digest)) {
      // The line of an earlier start: it was done then, and a code that nobody could read is asked for anew.
      if (first !== undefined) await this.#rewrite(path, lines, [[first, 'was done at an earlier start']]);
      return;
    }
    const outcome = await this.#carryOut(first, digest);
    const done: Array<[Order, string]> = [[first, outcome]];
    for (const order of more) done.push([order, 'was left: one line at a start. Write it again']);
    if (await this.#rewrite(path, lines, done)) return;
    this.#options.show?.(`${first.verb} of "${printable(first.name)}" ${outcome}`);
  }

  /** What came of it, for the comment. The line is remembered in the commit that does it. */
  async #carryOut({ verb, name }: Order, digest: string): Promise<string> {
    const { recovery, log } = this.#options;
    const asked = { door: 'boot-file', markInWrite: () => this.#rows.putSetting(actedSetting, digest) } as const;
    try {
      const { id } = recovery.personByName(name);
      log.info({ verb }, 'the boot file asked for this');
      if (verb === 'reset-password') {
        const { link, code, validFrom, expiresAt } = await recovery.resetPassword(id, asked);
        return `was done. From ${moment(validFrom)} until ${moment(expiresAt)} open ${link} or type the code ${code} at /join`;
      }
      const { done, validFrom } = await recovery.resetSecondFactor(id, asked);
      return done ? 'was done' : `will be done at ${moment(validFrom)}`;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      // Else each start would try again, and say the same.
      await this.#options.database.write(asked.markInWrite);
      return `was not done: ${error.message}`;
    }
  }

  /** False: the file does not take it. Once it has, the same line may be written again. */
  async #rewrite(path: string, lines: readonly string[], done: ReadonlyArray<[Order, string]>): Promise<boolean> {
    const { database, log } = this.#options;
    const comments = new Map(done.map(([order, outcome]) => [order.index, `# ${order.line} ${outcome}`]));
    const text = lines.map((line, index) => comments.get(index) ?? line).join('\n');
    try {
      await replaceFileDurably(path, text);
    } catch (error) {
      log.warn({ err: error }, 'the boot file cannot be written; its line is remembered, and not acted on again');
      return false;
    }
    await database.write(() => this.#rows.putSetting(actedSetting, ''));
    return true;
  }
}

function orderOf(raw: string, index: number): Order[] {
  // A file from Windows has its line ends, and perhaps a mark at its beginning.
  const line = raw.replace(/^\uFEFF/, '').trim();
  const [, verb, name] = form.exec(line) ?? [];
  if (verb === undefined || name === undefined) return [];
  return [{ index, verb: verb.toLowerCase() as Verb, name, line }];
}

/** Undefined: not there. @throws when it is no file, or too long to be one that a person wrote. */
async function readBounded(path: string): Promise<string | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const facts = await file.stat();
    if (!facts.isFile() || facts.size > bytesMax)
      throw new Error(`${path} is no text file of at most ${bytesMax} bytes.`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytesMax), 0, bytesMax, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

function digestOf(line: string): string {
  return createHash('sha256').update(`boot-line:${line}`).digest('hex');
}

function printable(text: string): string {
  return text.replace(/\p{C}/gu, '?');
}

/** In UTC: the file is read on another computer. */
function moment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
