/**
 * Everybody who may come to a box, each with credentials made for one request, so that no request's effect meets the
 * next. Sessions are written into the box's own database, in every state that one can have.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import type { App } from './app.ts';
import type { HandPhone } from './hand-phone.ts';

export const callerNames = [
  'nobody',
  'made-up session',
  'made-up token',
  'halfway: second factor',
  'halfway: new password',
  'halfway: enrol',
  'locked session',
  'expired session',
  'session past its last day',
  'session of somebody removed',
  'member',
  'other member',
  'owner',
  'phone',
  'revoked phone',
  'app',
  'app that was logged out',
  'console',
] as const;
export type CallerName = (typeof callerNames)[number];
export type Credentials = Readonly<{ session?: string; token?: string; app?: AppPassword; console?: true }>;
/** Of a backup app. */
export type AppPassword = Readonly<{ user: string; password: string }>;

const hourMs = 3_600_000;
type Phones = Readonly<Record<'member' | 'other' | 'revoked', HandPhone>>;
type Apps = Readonly<Record<'member' | 'other' | 'loggedOut', AppPassword & { id: number }>>;
type SessionState = Readonly<{
  stage?: string;
  usedBeforeMs?: number;
  expiresInMs?: number;
  absoluteInMs?: number;
  /** Its person has just shown that it is they, on a browser that is known. */
  confirmed?: boolean;
}>;

export class Callers {
  readonly #database: Sqlite.Database;
  readonly #now: () => number;
  readonly #phones: Phones | undefined;
  readonly #apps: Apps | undefined;

  private constructor(database: Sqlite.Database, now: () => number, phones?: Phones, apps?: Apps) {
    this.#database = database;
    this.#now = now;
    this.#phones = phones;
    this.#apps = apps;
  }

  /** Of a box as it is: whoever is there, without phones. */
  static open(app: App, now: () => number = Date.now): Callers {
    const database = new Sqlite(join(app.stateDir, 'nightjar.sqlite'), { timeout: 5_000 });
    database.pragma('synchronous = OFF');
    return new Callers(database, now);
  }

  /** Of a box that Alice owns: adds Bob, Carol and Dora, of whom Dora is removed. `now`: the box's clock. */
  static async make(app: App, now: () => number = Date.now): Promise<Callers> {
    const phones = {
      member: await app.pair('Bob', 'Bob-Pixel-9731'),
      other: await app.pair('Carol', 'Carol-Galaxy-4410'),
      revoked: await app.pair('Bob', 'Bob-Old-1188'),
    };
    await app.console('DELETE', `/api/phones/${phones.revoked.phoneId}`);
    await app.pair('Dora', 'Dora-Phone');
    const { database } = Callers.open(app, now);
    database.prepare("UPDATE person SET removed_at = ? WHERE name = 'Dora'").run(now());
    // An hour, for locked sessions; where there is no such policy as yet, there are none.
    await app.console('PUT', '/api/policy', {
      secondFactorRequired: false,
      passwordExpiryDays: null,
      idleLockMinutes: 60,
    });
    const apps = {
      member: await connect(phones.member),
      other: await connect(phones.other),
      loggedOut: await connect(phones.member),
    };
    await phones.member.ask('DELETE', `/api/connections/${apps.loggedOut.id}`);
    return new Callers(database, now, phones, apps);
  }

  get phones(): Phones {
    if (this.#phones === undefined) throw new Error('This box has no phones.');
    return this.#phones;
  }

  get apps(): Apps {
    if (this.#apps === undefined) throw new Error('This box has no apps.');
    return this.#apps;
  }

  get database(): Sqlite.Database {
    return this.#database;
  }

  personId(name: string): string {
    return (this.#database.prepare('SELECT id FROM person WHERE name = ?').get(name) as { id: string }).id;
  }

  /** Made for one request. */
  credentials(caller: CallerName): Credentials {
    switch (caller) {
      case 'nobody':
        return {};
      case 'console':
        return { console: true };
      case 'made-up session':
        return { session: randomBytes(32).toString('base64url') };
      case 'made-up token':
        return { token: randomBytes(24).toString('hex') };
      case 'phone':
        return { token: this.phones.member.token };
      case 'revoked phone':
        return { token: this.phones.revoked.token };
      case 'app':
        return { app: this.#app(this.phones.member.phoneId) };
      case 'app that was logged out':
        return { app: this.apps.loggedOut };
      case 'halfway: second factor':
        return this.session('Bob', { stage: 'second-factor' });
      case 'halfway: new password':
        return this.session('Bob', { stage: 'new-password' });
      case 'halfway: enrol':
        return this.session('Bob', { stage: 'enrol' });
      case 'locked session':
        return this.session('Bob', { usedBeforeMs: 2 * hourMs });
      case 'expired session':
        return this.session('Bob', { expiresInMs: -1 });
      case 'session past its last day':
        return this.session('Bob', { absoluteInMs: -1 });
      case 'session of somebody removed':
        return this.session('Dora');
      case 'member':
        return this.session('Bob');
      case 'other member':
        return this.session('Carol');
      case 'owner':
        return this.session('Alice');
    }
  }

  /** Writes a session into the box's database. */
  session(person: string, state: SessionState = {}): { session: string; id: string } {
    const { stage = 'open', usedBeforeMs = 0, expiresInMs = 24 * hourMs, absoluteInMs = 24 * hourMs } = state;
    const { confirmed = false } = state;
    const personId = this.personId(person);
    const token = randomBytes(32).toString('base64url');
    const now = this.#now();
    const id = randomUUID();
    this.#database
      .prepare(
        `INSERT INTO session (id, token_sha256, person_id, user_agent, address, created_at, last_used_at, expires_at, stage,
         absolute_until, confirmed_at, known_browser_id) VALUES (?, ?, ?, '', '', ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        createHash('sha256').update(token).digest(),
        personId,
        now - usedBeforeMs,
        now - usedBeforeMs,
        now + expiresInMs,
        stage,
        now + absoluteInMs,
        confirmed ? now : null,
        confirmed ? this.#knownBrowser(personId) : null,
      );
    return { session: token, id };
  }

  /** Writes the password of an app into the box's database: one request logs it out. */
  #app(phoneId: string): AppPassword {
    const password = randomBytes(20).toString('hex').toUpperCase();
    this.#database
      .prepare("INSERT INTO phone_credential (phone_id, door, secret_sha256, created_at) VALUES (?, 'nextcloud', ?, ?)")
      .run(phoneId, createHash('sha256').update(`app:${password}`).digest(), this.#now());
    return { user: 'app', password };
  }

  #knownBrowser(personId: string): string {
    const id = randomUUID();
    const now = this.#now();
    this.#database
      .prepare(
        'INSERT INTO known_browser (id, person_id, token_sha256, created_at, last_used_at) VALUES (?, ?, ?, ?, ?)',
      )
      .run(id, personId, randomBytes(32), now, now);
    return id;
  }

  /** Ends every session that was written and not used. */
  forgetSessions(): void {
    this.#database.prepare('DELETE FROM session').run();
  }

  close(): void {
    this.#database.close();
  }
}

/** The headers by which credentials come, over https and over loopback http. */
export function headersOf({ session, token, app }: Credentials): Record<string, string> {
  return {
    ...(session === undefined ? {} : { cookie: `__Host-nightjar=${session}; nightjar-loopback=${session}` }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(app === undefined ? {} : { authorization: basic(app) }),
  };
}

/** RFC 7617, section 2. */
export function basic({ user, password }: AppPassword): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** A backup app on this phone. */
export async function connect(phone: HandPhone): Promise<AppPassword & { id: number }> {
  const answer = await phone.json('POST', '/api/connections', { door: 'nextcloud' });
  if (answer.status !== 201) throw new Error(`Not connected: ${answer.status} ${answer.text}`);
  return answer.json() as AppPassword & { id: number };
}
