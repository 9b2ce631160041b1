/**
 * Guessing one-time codes with the password known, on the whole box with a clock that jumps from one try that the box
 * lets through to the next: how many get as far as being compared, and how long until one hits. Her owner signs in daily
 * from her own browser meanwhile, and lets codes be tried again each time that they rest, which is the worst for her.
 * `NIGHTJAR_SOAK=1` goes on for 90 days instead of 30.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { App } from '../support/app.ts';
import { type Answer, ask, jsonBody } from '../support/asking.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { Browser } from '../support/browser.ts';
import { say, soak } from '../support/counts.ts';
import { codeAt } from '../support/totp.ts';

const [second, hour, day] = [1_000, 3_600_000, 86_400_000];
const days = soak ? 90 : 30;
const yearsMin = 50;
/** Codes that are right at one moment, of each authenticator: of this step, the one before and the one after. */
const rightCodes = 3;
/** How many tries the attacker saves up for each time that they come: each time costs the box a password's hash. */
const patience = [1, 5, 5, 3, 5];
const addressesAtOnce = 10;

class Siege {
  readonly clock = { ms: Date.UTC(2026, 10, 21, 12) };
  /** The text key of each authenticator. */
  readonly keys: string[] = [];
  /** Tries that were answered by a comparison. */
  tries = 0;
  app!: App;
  owner!: Browser;
  #database!: Sqlite.Database;
  #personId = '';
  #guesses = 0;
  #addresses = 0;

  /** A box whose owner has so many authenticators. */
  static async begin(authenticators: number): Promise<Siege> {
    const siege = new Siege();
    siege.app = await App.start({}, { now: () => siege.clock.ms });
    siege.owner = new Browser(siege.app);
    const claim = { code: setupCode, person: 'Alice', password: goodPassword };
    expect((await siege.owner.ask('POST', '/api/setup', claim)).status).toBe(201);
    for (let n = 0; n < authenticators; n += 1) await siege.#enrol(`App ${n}`);
    siege.#database = new Sqlite(join(siege.app.stateDir, 'nightjar.sqlite'), { timeout: 5_000 });
    siege.#personId = (siege.#database.prepare('SELECT id FROM person').get() as { id: string }).id;
    return siege;
  }

  async #enrol(name: string): Promise<void> {
    const begun = await this.owner.ask('POST', '/api/authenticators', { name });
    const { id, textKey } = begun.json() as { id: string; textKey: string };
    const code = codeAt(textKey, this.clock.ms);
    expect((await this.owner.ask('POST', `/api/authenticators/${id}/confirm`, { code })).status).toBe(200);
    this.keys.push(textKey);
  }

  /** Password and code on her own browser, and codes are let be tried again everywhere. True when she got in. */
  async ownerComesHome(): Promise<boolean> {
    const { owner } = this;
    await owner.ask('DELETE', '/api/sessions/current');
    if ((await owner.signIn('Alice', goodPassword)).status !== 201) return false;
    const code = codeAt(this.keys[0] ?? '', this.clock.ms);
    const answer = await owner.ask('POST', '/api/sessions/current/code', { code });
    if (answer.status !== 200 || answer.json()['stage'] !== 'open') return false;
    return (await owner.ask('POST', '/api/me/codes/allow')).status === 204;
  }

  /** By the front door, from this machine's usual address: the cookie of a session that lacks its second factor. */
  async signInHalfway(): Promise<string> {
    const browser = new Browser(this.app);
    const answer = await browser.signIn('Alice', goodPassword);
    expect([answer.status, answer.json()['stage']]).toEqual([201, 'second-factor']);
    return browser.headers()['cookie'] ?? '';
  }

  /** Such a session as a gift, so that 250 addresses do not cost 250 password hashes each time. */
  giveHalfway(address: string): string {
    const token = randomBytes(32).toString('base64url');
    this.#database
      .prepare(
        `INSERT INTO session (id, token_sha256, person_id, user_agent, address, created_at, last_used_at, expires_at,
         absolute_until, stage, way) VALUES (?, ?, ?, '', ?, ?, ?, ?, ?, 'second-factor', 'password')`,
      )
      .run(
        randomUUID(),
        createHash('sha256').update(token).digest(),
        this.#personId,
        address,
        ...[this.clock.ms, this.clock.ms, this.clock.ms + hour, this.clock.ms + hour],
      );
    return `nightjar-loopback=${token}`;
  }

  nextAddress(): string {
    this.#addresses = (this.#addresses % 250) + 1;
    return `127.9.9.${this.#addresses}`;
  }

  /** One guess; a guess that would hit by chance is left out, so that the count goes on. */
  async guess(cookie: string, localAddress = '127.0.0.1'): Promise<Answer> {
    const right = new Set(this.keys.flatMap((key) => [-1, 0, 1].map((step) => codeAt(key, this.clock.ms, step))));
    let code: string;
    do {
      this.#guesses += 1;
      code = String((this.#guesses * 7_919) % 1_000_000).padStart(6, '0');
    } while (right.has(code));
    const json = jsonBody({ code });
    const answer = await ask({
      port: this.app.httpPort,
      method: 'POST',
      path: '/api/sessions/current/code',
      localAddress,
      headers: { ...json.headers, cookie },
      body: json.body,
    });
    expect([401, 429], answer.text).toContain(answer.status);
    if (answer.status === 401) {
      expect(['wrong-code', 'code-used']).toContain(answer.json()['code']);
      this.tries += 1;
    }
    return answer;
  }

  /** What the box itself wrote down of tries that failed. */
  recorded(): number {
    const sql = "SELECT coalesce(sum(times), 0) AS n FROM audit WHERE event = 'code-failed'";
    return (this.#database.prepare(sql).get() as { n: number }).n;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#database.close();
    await this.app[Symbol.asyncDispose]();
  }
}

/** All that the box lets through now; resolves with how long it then makes them wait, in ms, or undefined: codes rest. */
async function storm(siege: Siege, from: 'one address' | '250 addresses'): Promise<number | undefined> {
  const halfway = from === 'one address' ? await siege.signInHalfway() : undefined;
  for (;;) {
    const answers =
      halfway === undefined
        ? await Promise.all(
            Array.from({ length: addressesAtOnce }, () => {
              const address = siege.nextAddress();
              return siege.guess(siege.giveHalfway(address), address);
            }),
          )
        : [await siege.guess(halfway)];
    const refused = answers.find(({ status }) => status === 429);
    if (refused === undefined) continue;
    if (refused.json()['resting'] === true) return undefined;
    const waitSeconds = Number(refused.headers['retry-after']);
    expect(waitSeconds).toBeGreaterThan(0);
    return waitSeconds * second;
  }
}

test.each([
  ['one address', 1],
  ['250 addresses', 1],
  ['250 addresses', 5],
] as const)(
  'who knows the password and guesses from %s, against %i authenticators, needs more than fifty years',
  async (from, authenticators) => {
    await using siege = await Siege.begin(authenticators);
    const begun = siege.clock.ms;
    let nextHome = begun + day;
    let home = 0;
    for (let visit = 0; siege.clock.ms < begun + days * day; visit += 1) {
      const waitMs = await storm(siege, from);
      const saved = (patience[visit % patience.length] ?? 1) - 1;
      // To the next moment at which something may come of it, and as often again as they have the patience; while codes
      // rest, nothing does until she lets them be tried again.
      const next = waitMs === undefined ? Number.POSITIVE_INFINITY : siege.clock.ms + waitMs * (1 + saved);
      while (nextHome <= next && nextHome <= begun + days * day) {
        siege.clock.ms = nextHome;
        nextHome += day;
        if (await siege.ownerComesHome()) home += 1;
        if (waitMs === undefined) break;
      }
      if (waitMs !== undefined) siege.clock.ms = Math.max(siege.clock.ms, next);
      else if (nextHome > begun + days * day) break;
    }
    expect(home, 'the days on which she got in').toBe(days);
    expect(siege.tries).toBe(siege.recorded());
    // They were let try: else the years below would say nothing.
    expect(siege.tries).toBeGreaterThan(((days * 12) / authenticators) * 0.8);
    const hitsADay = (siege.tries / days) * ((rightCodes * authenticators) / 1_000_000);
    const years = 1 / hitsADay / 365.25;
    say(
      `brute force from ${from}, ${authenticators} authenticators: ${siege.tries} codes compared in ${days} days, ` +
        `a hit is expected after ${years.toFixed(1)} years`,
    );
    expect(years).toBeGreaterThanOrEqual(yearsMin);
  },
  300_000,
);
