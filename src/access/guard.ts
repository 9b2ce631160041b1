/**
 * Slows down guessing for good: counters in the database, so that a pulled plug forgets nothing. Counted are the tries of
 * one person and kind (password, one-time code, recovery code), and apart from those, the tries of each known browser:
 * failures from elsewhere never make a known browser wait. A try is counted before its outcome is known, so that many at
 * once gain nothing; a success gives back the try that it cost and, on its own browser alone, what went before.
 */
import type { Database, Statement } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';

export type TryKind = 'password' | 'code' | 'recovery';
/** Whose secret is tried, and from which known browser (`known`), if any. */
export type Subject = Readonly<{ person: string; known: string | undefined }>;
/** One counted try. `rests`: it was the last one that this counter takes until somebody clears it. */
export type Try = Readonly<{ key: string; before: Counter | undefined; known: boolean; rests: boolean }>;

type Counter = { failures: number; last_failed_at: number; tokens: number; resting: number };
/** Tries cost nothing, then a wait that doubles; at `triesMax` in a row they rest. */
type Growing = Readonly<{ form: 'growing'; freeTries: number; rest: 'a day' | 'until cleared' }>;
/** A purse of tries that fills slowly; no pause refills it quicker. */
type Purse = Readonly<{ form: 'purse'; rest: 'never' | 'until cleared' }>;

const delayMsFirst = 2_000;
const delayMsMax = 15 * 60_000;
/** NIST SP 800-63B-4, section 3.2.2: at most 100 failures in a row. */
const triesMax = 100;
/** So long does a rested password rest, and so long without any failure is a row of them broken. */
const restMs = 24 * 60 * 60_000;
const purseMax = 5;
/**
 * Twelve tries a day over all addresses. Who knows the password has three valid codes of a million at each try: a hit is
 * expected after 1,000,000 / 3 / 12 days, 76 years. With n authenticators a try hits 3n codes, so that codes are refilled
 * n times as slowly: 76 years, however many there are.
 */
const refillMs = 2 * 60 * 60_000;
/** Names that nobody has are counted like people, so that no wait tells them apart; so many are remembered. */
const nobodyMax = 4_096;
const nobodyPrefix = 'password of nobody-';

const paces: { readonly [kind in TryKind]: { known: Growing; elsewhere: Growing | Purse } } = {
  password: {
    known: { form: 'growing', freeTries: 10, rest: 'a day' },
    elsewhere: { form: 'growing', freeTries: 5, rest: 'a day' },
  },
  code: {
    known: { form: 'growing', freeTries: 10, rest: 'until cleared' },
    elsewhere: { form: 'purse', rest: 'until cleared' },
  },
  // 80 random bits need no rest, and somebody must be able to come in while the codes rest.
  recovery: {
    known: { form: 'growing', freeTries: 10, rest: 'a day' },
    elsewhere: { form: 'purse', rest: 'never' },
  },
};

type GuardOptions = Readonly<{
  database: Database;
  now: () => number;
  /** How many confirmed authenticators a person has: at each try, all of their codes are right. */
  authenticators: (personId: string) => number;
}>;

export class Guard {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #authenticators: (personId: string) => number;
  readonly #read: Statement<[string], Counter>;
  readonly #put: Statement<[string, number, number, number, number]>;
  readonly #forget: Statement<[string]>;
  readonly #nobodies: Statement<[string, string], { n: number }>;
  readonly #forgetNobody: Statement<[string, string]>;
  readonly #clear: Statement<[string]>;

  constructor({ database, now, authenticators }: GuardOptions) {
    this.#database = database;
    this.#now = now;
    this.#authenticators = authenticators;
    this.#read = database.prepare('SELECT failures, last_failed_at, tokens, resting FROM throttle WHERE key = ?');
    this.#put = database.prepare(
      `INSERT INTO throttle (key, failures, last_failed_at, tokens, resting) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, last_failed_at = excluded.last_failed_at,
       tokens = excluded.tokens, resting = excluded.resting`,
    );
    this.#forget = database.prepare('DELETE FROM throttle WHERE key = ?');
    this.#nobodies = database.prepare('SELECT count(*) AS n FROM throttle WHERE key >= ? AND key < ?');
    // The least tried first: a name cannot be brought to be forgotten by trying others a few times each.
    this.#forgetNobody = database.prepare(
      `DELETE FROM throttle WHERE key = (SELECT key FROM throttle WHERE key >= ? AND key < ?
       ORDER BY failures, last_failed_at LIMIT 1)`,
    );
    this.#clear = database.prepare('UPDATE throttle SET failures = 0, resting = 0 WHERE key = ?');
  }

  /** Before any work on a try. @throws {CodedError} `too-many-requests`, with `retryAfterSeconds` where time helps */
  check(kind: TryKind, subject: Subject): void {
    const key = keyOf(kind, subject);
    const counter = this.#read.get(key);
    if (counter === undefined) return;
    const now = this.#now();
    if (counter.last_failed_at > now) {
      // The clock was set back: what is left to wait begins anew, and is neither over nor longer than it ever was.
      counter.last_failed_at = now;
      this.#database.writeRelaxed((prepare) =>
        prepare('UPDATE throttle SET last_failed_at = ? WHERE key = ?').run(now, key),
      );
    }
    refuseEarly(paceOf(kind, subject), counter, now, this.#refillMs(kind, subject));
  }

  /** Counts a try whose outcome is not known yet. Only inside `database.write`. @throws {CodedError} as `check` */
  countInWrite(kind: TryKind, subject: Subject): Try {
    const key = keyOf(kind, subject);
    const pace = paceOf(kind, subject);
    const now = this.#now();
    const before = this.#read.get(key);
    const counter = before === undefined ? newCounter(now) : { ...before };
    counter.last_failed_at = Math.min(counter.last_failed_at, now);
    const refill = this.#refillMs(kind, subject);
    refuseEarly(pace, counter, now, refill);
    if (before === undefined && key.startsWith(nobodyPrefix)) this.#makeRoom();
    counter.failures = failuresAt(pace, counter, now) + 1;
    counter.tokens = tokensAt(counter, now, refill) - 1;
    counter.last_failed_at = now;
    const rests = pace.rest === 'until cleared' && counter.failures >= triesMax;
    counter.resting = rests ? 1 : 0;
    this.#write(key, counter);
    return { key, before, known: subject.known !== undefined, rests };
  }

  /** The try was counted and not made: it cost nothing, and says nothing of those before. Only inside `database.write`. */
  notTriedInWrite(attempt: Try): void {
    this.succeededInWrite({ ...attempt, known: false });
  }

  /** The try was right. Only inside `database.write`. */
  succeededInWrite({ key, before, known }: Try): void {
    const counter = this.#read.get(key);
    if (counter === undefined) return;
    const others = counter.failures - 1 !== (before?.failures ?? 0);
    if (known || (before === undefined && !others)) {
      this.#forget.run(key);
    } else if (others || before === undefined) {
      const tokens = Math.min(counter.tokens + 1, purseMax);
      this.#write(key, { ...counter, failures: Math.max(counter.failures - 1, 0), tokens, resting: 0 });
    } else {
      // Somebody else's failures stay as they were: to come in from a new browser gives an attacker nothing back.
      this.#write(key, before);
    }
  }

  /**
   * The person (from an open session) lets codes be tried again: the row of failures is over; the purse is not filled.
   * Only inside `database.write`.
   */
  clearInWrite(personId: string, browserIds: readonly string[]): void {
    for (const known of [undefined, ...browserIds]) this.#clear.run(keyOf('code', { person: personId, known }));
  }

  /** Forgets every failure of a person: the console's way. Only inside `database.write`. */
  forgetInWrite(personId: string, browserIds: readonly string[]): void {
    for (const kind of ['password', 'code', 'recovery'] as const) {
      for (const known of [undefined, ...browserIds]) this.#forget.run(keyOf(kind, { person: personId, known }));
    }
  }

  /** How long until the purse of this kind has one try more. */
  #refillMs(kind: TryKind, { person }: Subject): number {
    return kind === 'code' ? refillMs * Math.max(1, this.#authenticators(person)) : refillMs;
  }

  #makeRoom(): void {
    const [from, to] = [nobodyPrefix, `${nobodyPrefix}~`] as const;
    if ((this.#nobodies.get(from, to)?.n ?? 0) >= nobodyMax) this.#forgetNobody.run(from, to);
  }

  #write(key: string, counter: Counter): void {
    this.#put.run(key, counter.failures, counter.last_failed_at, counter.tokens, counter.resting);
  }
}

/** The subject of a name that nobody has, by a digest that nobody can foresee. */
export function nobodySubject(digest: string, known: string | undefined): Subject {
  return { person: `nobody-${digest}`, known };
}

function keyOf(kind: TryKind, { person, known }: Subject): string {
  return known === undefined ? `${kind} of ${person}` : `${kind} by ${known}`;
}

function paceOf(kind: TryKind, { known }: Subject): Growing | Purse {
  return known === undefined ? paces[kind].elsewhere : paces[kind].known;
}

function newCounter(now: number): Counter {
  return { failures: 0, last_failed_at: now, tokens: purseMax, resting: 0 };
}

/** A row of failures of a counter that rests for a day is broken by a day without one. */
function failuresAt(pace: Growing | Purse, counter: Counter, now: number): number {
  return pace.rest === 'a day' && now - counter.last_failed_at >= restMs ? 0 : counter.failures;
}

function tokensAt(counter: Counter, now: number, refill: number): number {
  return Math.min(counter.tokens + (now - counter.last_failed_at) / refill, purseMax);
}

function refuseEarly(pace: Growing | Purse, counter: Counter, now: number, refill: number): void {
  if (counter.resting === 1) {
    throw new CodedError(
      'too-many-requests',
      'One-time codes rest after too many wrong ones. Nothing was changed. Approve on a phone, use a recovery code, or let codes be tried again from a browser that is signed in, or on the box’s console.',
      { facts: { resting: true } },
    );
  }
  const waitMs = pace.form === 'purse' ? purseWaitMs(counter, now, refill) : growingWaitMs(pace, counter, now);
  if (waitMs <= 0) return;
  const seconds = Math.ceil(waitMs / 1000);
  const wait = seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} minutes`;
  throw new CodedError('too-many-requests', `Too many tries. Nothing was changed. The next one can be in ${wait}.`, {
    facts: { retryAfterSeconds: seconds },
  });
}

function purseWaitMs(counter: Counter, now: number, refill: number): number {
  // Rounded to the millisecond: at the edge, a fraction of a try that a division lost must not cost two hours' wait.
  return Math.round((1 - tokensAt(counter, now, refill)) * refill);
}

function growingWaitMs({ freeTries }: Growing, counter: Counter, now: number): number {
  const { failures } = counter;
  if (failures < freeTries) return 0;
  const doubled = Math.min(delayMsFirst * 2 ** Math.min(failures - freeTries, 30), delayMsMax);
  return counter.last_failed_at + (failures >= triesMax ? restMs : doubled) - now;
}
