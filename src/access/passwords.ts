/**
 * Password hashes: argon2id in a worker thread that comes on demand and goes when idle, so that its memory goes back.
 * One hash at a time; queues with an end. The cost is stored with each hash (PHC string), so it can be raised later.
 */
import { timingSafeEqual } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { CodedError } from '../platform/errors.ts';
import type { RandomBytes } from '../platform/identifiers.ts';

export type HashOrder = Readonly<{
  password: string;
  salt: Uint8Array;
  memoryKiB: number;
  passes: number;
  parallelism: number;
  tagBytes: number;
}>;
export type HashResult = { tag: Uint8Array } | { error: string };

/**
 * Above the floor of OWASP's table, and the most that a box with 1 GB can give. One hash took 71 to 96 ms of CPU on a
 * cloud machine's EPYC core (the least and the median of 20, `process.cpuUsage`). On a Raspberry Pi 4 it was not measured:
 * if a core of that has a quarter to a third of such a core's speed, which is assumed and not published, it takes about
 * 0.3 s there.
 */
const passwordCost = { memoryKiB: 32 * 1024, passes: 2, parallelism: 1 };
const memoryKiBMax = 32 * 1024;
const passesMax = 10;
const saltBytes = 16;
const tagBytes = 32;
/** Of each queue. */
const waitingMax = 8;
const hashMsMax = 30_000;
const idleMsDefault = 30_000;

export type PasswordCost = Readonly<{ memoryKiB: number; passes: number; parallelism: number }>;

type Waiting = { order: HashOrder; resolve: (tag: Uint8Array) => void; reject: (error: unknown) => void };

export class Passwords {
  readonly #randomBytes: RandomBytes;
  readonly #idleMs: number;
  /** What a new hash or key costs here. */
  readonly cost: PasswordCost;
  /** Of strangers, who can come in any number; whoever is known goes before them, and waits for one hash at most. */
  readonly #strangers: Waiting[] = [];
  readonly #known: Waiting[] = [];
  #current: Waiting | undefined;
  #worker: Worker | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: { randomBytes: RandomBytes; idleMs?: number; cost?: PasswordCost | undefined }) {
    this.#randomBytes = options.randomBytes;
    this.cost = options.cost ?? passwordCost;
    this.#idleMs = options.idleMs ?? idleMsDefault;
  }

  /** True while the worker thread exists. */
  get running(): boolean {
    return this.#worker !== undefined;
  }

  /** A PHC string for `password`. @throws {CodedError} `busy` when too many hashes wait. */
  async hash(password: string): Promise<string> {
    const salt = this.#randomBytes(saltBytes);
    const tag = await this.#derive({ password: normal(password), salt, ...this.cost, tagBytes });
    return phcString(salt, tag, this.cost);
  }

  /**
   * Whether `password` made `stored`. `stranger`: anybody may ask for this as often as they like, so it waits behind all
   * others. @throws {CodedError} `busy` when too many hashes wait.
   */
  async verify(password: string, stored: string, { stranger = false } = {}): Promise<boolean> {
    const phc = parsePhc(stored);
    const order = {
      password: normal(password),
      salt: phc.salt,
      memoryKiB: phc.memoryKiB,
      passes: phc.passes,
      parallelism: phc.parallelism,
      tagBytes: phc.tag.length,
    };
    const tag = await this.#derive(order, stranger ? this.#strangers : this.#known);
    return timingSafeEqual(tag, phc.tag);
  }

  /**
   * A key of 32 bytes that follows from the password, to wrap another; never stored. The salt must be no hash's.
   * @throws {CodedError} `busy` when too many hashes wait, `internal` for a cost that this box cannot pay
   */
  async deriveKey(password: string, salt: Uint8Array, cost: PasswordCost): Promise<Uint8Array> {
    if (cost.memoryKiB > memoryKiBMax || cost.passes > passesMax) {
      throw new CodedError('internal', 'That key was made at a cost that this box cannot pay. Nothing was changed.');
    }
    return await this.#derive({ password: normal(password), salt, ...cost, tagBytes });
  }

  /** Whether `stored` was made at another cost than is usual today. */
  isOutdated(stored: string): boolean {
    const phc = parsePhc(stored);
    const { memoryKiB, passes, parallelism } = this.cost;
    return phc.memoryKiB !== memoryKiB || phc.passes !== passes || phc.parallelism !== parallelism;
  }

  /** A hash that no password has, as dear to check as a real one: for names that nobody has. */
  impossibleHash(): string {
    return phcString(this.#randomBytes(saltBytes), this.#randomBytes(tagBytes), this.cost);
  }

  /** Ends the thread; what waits is refused. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#endWorker(
      new CodedError('stopping', 'The box is stopping. Nothing was changed; try again in a minute.'),
    );
  }

  #derive(order: HashOrder, queue = this.#known): Promise<Uint8Array> {
    if (this.#stopped) {
      return Promise.reject(new CodedError('stopping', 'The box is stopping. Nothing was changed.'));
    }
    if (queue.length >= waitingMax) {
      return Promise.reject(
        new CodedError(
          'busy',
          'Too many people sign in at this moment. Nothing was changed; try again in a few seconds.',
        ),
      );
    }
    return new Promise((resolve, reject) => {
      queue.push({ order, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#current !== undefined) return;
    clearTimeout(this.#timer);
    const waiting = this.#known.shift() ?? this.#strangers.shift();
    if (waiting === undefined) {
      this.#timer = setTimeout(() => void this.#endWorker(failed('idle')), this.#idleMs).unref();
      this.#worker?.unref();
      return;
    }
    this.#current = waiting;
    const worker = this.#worker ?? this.#startWorker();
    worker.ref();
    this.#timer = setTimeout(() => void this.#endWorker(failed('took too long')), hashMsMax);
    worker.postMessage(waiting.order);
  }

  #startWorker(): Worker {
    const worker = new Worker(new URL('./password-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 4, stackSizeMb: 4 },
    });
    worker.on('message', (result: HashResult) => {
      const current = this.#current;
      this.#current = undefined;
      if ('tag' in result) current?.resolve(result.tag);
      else current?.reject(failed(result.error));
      this.#next();
    });
    worker.on('error', (error) => {
      if (this.#worker === worker) void this.#endWorker(failed(error.message));
    });
    this.#worker = worker;
    return worker;
  }

  async #endWorker(reason: CodedError): Promise<void> {
    clearTimeout(this.#timer);
    const worker = this.#worker;
    const waiting = [...this.#known.splice(0), ...this.#strangers.splice(0)];
    const refused = this.#current === undefined ? waiting : [this.#current, ...waiting];
    this.#worker = undefined;
    this.#current = undefined;
    for (const waiting of refused) waiting.reject(reason);
    await worker?.terminate();
  }
}

function failed(why: string): CodedError {
  return new CodedError('busy', 'The password could not be checked just now. Nothing was changed; try again.', {
    cause: new Error(why),
  });
}

/** The same characters typed on another keyboard must be the same password (NIST SP 800-63B-4, section 3.1.1.2). */
function normal(password: string): string {
  return password.normalize('NFC');
}

function phcString(salt: Uint8Array, tag: Uint8Array, { memoryKiB, passes, parallelism }: PasswordCost): string {
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${base64(salt)}$${base64(tag)}`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replace(/=+$/, '');
}

function parsePhc(stored: string) {
  const parts =
    /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/.exec(stored);
  const phc = {
    memoryKiB: Number(parts?.[1]),
    passes: Number(parts?.[2]),
    parallelism: Number(parts?.[3]),
    salt: Buffer.from(parts?.[4] ?? '', 'base64'),
    tag: Buffer.from(parts?.[5] ?? '', 'base64'),
  };
  // A database from elsewhere must not make the box spend what it has not.
  if (parts === null || phc.memoryKiB > memoryKiBMax || phc.passes > passesMax) {
    throw new CodedError('internal', 'The stored password cannot be read by this box. Nothing was changed.');
  }
  return phc;
}
