/**
 * The setup code: who knows it owns a new box. Lives in `<stateDir>/setup-code`, readable by the daemon's user alone,
 * until the box is claimed; never in a log, never in an answer.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ignoreMissing, replaceFileDurably, syncFolder } from '../platform/durable-files.ts';
import { CodedError, systemCode } from '../platform/errors.ts';
import { normalCode, type RandomBytes, randomCode } from '../platform/identifiers.ts';
import { Throttle } from '../platform/throttle.ts';

/** 4 groups of 4 symbols: 80 bits. */
const groups = 4;
/** Where a code was typed. Each place waits for itself: who guesses in the network keeps nobody from the console. */
type SetupPlace = 'network' | 'console';

/** What is left of a preset code without dashes and spaces. */
const symbolsMin = 6;

export class SetupCode {
  readonly #path: string;
  readonly #preset: string | undefined;
  readonly #randomBytes: RandomBytes;
  readonly #throttle: Throttle;
  #digest: Buffer | undefined;

  constructor(options: { stateDir: string; preset: string | undefined; now: () => number; randomBytes: RandomBytes }) {
    this.#path = join(options.stateDir, 'setup-code');
    this.#preset = options.preset;
    this.#randomBytes = options.randomBytes;
    this.#throttle = new Throttle({
      now: options.now,
      freeTries: 5,
      delayMsFirst: 5_000,
      delayMsMax: 15 * 60_000,
      triesMax: 100,
      restMs: 60 * 60_000,
      keysMax: 2,
    });
  }

  /**
   * An unclaimed box gets its code: the preset one, else the one that it has, else a new one. A claimed box loses it,
   * also when it died between being claimed and removing the file.
   */
  async open(claimed: boolean): Promise<void> {
    if (claimed) return this.remove();
    const kept = this.#preset ?? (await this.#read());
    const code = kept ?? randomCode(this.#randomBytes, groups);
    if (normalCode(code).length < symbolsMin) {
      throw new CodedError(
        'invalid-request',
        `The setup code needs at least ${symbolsMin} letters or digits: whoever guesses it owns the box. Nothing was started.`,
      );
    }
    if (code !== (await this.#read())) await replaceFileDurably(this.#path, `${code}\n`, 0o600);
    this.#digest = digestOf(code);
  }

  /** @throws {CodedError} `wrong-setup-code`, or `too-many-requests` (not even compared). */
  check(typed: string, place: SetupPlace): void {
    this.#throttle.attempt(place);
    if (this.#digest === undefined || !timingSafeEqual(digestOf(typed), this.#digest)) {
      throw new CodedError(
        'wrong-setup-code',
        'That is not the setup code of this box. Nothing was changed. It stands on the box, or in the file "setup-code" of its state folder.',
      );
    }
    this.#throttle.succeeded(place);
  }

  /** Dead once claimed. */
  async remove(): Promise<void> {
    this.#digest = undefined;
    await unlink(`${this.#path}.new`).catch(ignoreMissing);
    await unlink(this.#path).catch(ignoreMissing);
    await syncFolder(dirname(this.#path));
  }

  async #read(): Promise<string | undefined> {
    try {
      const code = (await readFile(this.#path, 'utf8')).trim();
      return code === '' ? undefined : code;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}

/** Digests have one length, so comparing them says nothing about the code's. */
function digestOf(code: string): Buffer {
  return createHash('sha256').update(normalCode(code)).digest();
}
