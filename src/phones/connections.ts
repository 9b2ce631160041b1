/**
 * Owns the passwords by which backup apps speak for a phone: making them, knowing them, and ending them one by one.
 * Never keeps one readable, and never lets one open more than its phone's own view.
 * Called by the composition root (who is asking), by the doors for apps, and by its own routes.
 */
import { createHash } from 'node:crypto';
import type { Access } from '../access/access.ts';
import { actorOf } from '../access/audit.ts';
import type { AppCaller, PersonCaller, PhoneCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import { normalCode, type RandomBytes, randomCode } from '../platform/identifiers.ts';
import type { Logger } from '../platform/log.ts';
import { type AppDoor, type ConnectionRow, ConnectionsStore } from './connections-store.ts';
import { LoginFlows, type LoginLook } from './login-flows.ts';
import type { PhonesStore } from './store.ts';

export type { AppDoor } from './connections-store.ts';
/** `id` names it, and opens nothing. Times in ms since 1970. */
export type Connection = Readonly<{
  id: number;
  phone: string;
  phoneName: string;
  person: string;
  door: AppDoor;
  client: string | null;
  createdAt: number;
  lastUsedAt: number | null;
}>;
/** The password is shown here once. */
export type MadeConnection = Readonly<{ id: number; user: string; password: string }>;
type Granting = PhoneCaller | PersonCaller;

export type ConnectionsOptions = Readonly<{
  database: Database;
  /** Of this room, for whose phone is whose. */
  phones: Pick<PhonesStore, 'livingPhone'>;
  access: Pick<Access, 'record'>;
  now: () => number;
  randomBytes: RandomBytes;
  log: Logger;
}>;

/** 8 groups of 4 symbols: 160 bits, and few enough to be typed once. */
const passwordGroups = 8;
/** With codes that wait to be exchanged. */
const perPhoneMax = 20;
const listedMax = 1_000;
const touchMs = 10 * 60_000;
const onceMs = 10 * 60_000;
/** An app takes its password at once; a person who types one may get to it tomorrow. */
const unusedMs: Readonly<Record<AppDoor, number>> = { nextcloud: 24 * 3_600_000, webdav: 7 * 24 * 3_600_000 };
const clientCharsMax = 64;
const userAgentCharsMax = 512;

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #store: ConnectionsStore;
  readonly #flows: LoginFlows;
  readonly #touching = new Set<number>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#store = new ConnectionsStore(options.database);
    this.#flows = new LoginFlows(options);
  }

  /** The app that holds this password. Synchronous and cheap; the last use is written later. */
  appByPassword(password: string, userAgent: string | undefined): AppCaller | undefined {
    const row = this.#store.bySecret(passwordDigest(password));
    if (row === undefined) return undefined;
    const now = this.#options.now();
    if (isDead(row, now)) return undefined;
    if (row.last_used_at === null || Math.abs(now - row.last_used_at) >= touchMs) {
      this.#touchLater(row, now, clientName(userAgent));
    }
    const { phone_id: phoneId, person_id: personId, phone_name: phoneName } = row;
    return { kind: 'app', phoneId, personId, phoneName, connectionId: row.id };
  }

  /**
   * A password for an app. `phone` (an id): one of the person's own, also for the owner; a phone connects itself.
   * @throws {CodedError} `not-found`, also for another's phone; `conflict` when it has too many
   */
  async make(
    caller: Granting,
    asked: { phone?: string; door: AppDoor; client?: string | null },
  ): Promise<MadeConnection> {
    const password = randomCode(this.#options.randomBytes, passwordGroups);
    const phoneId = this.#phoneFor(caller, asked.phone);
    const id = await this.#insert(caller, phoneId, asked.door, password, asked.client ?? null);
    return { id, user: userOf(phoneId), password };
  }

  /** A code for one link: the app exchanges it for its password, once. `expiresAt`: ms since 1970. @throws as `make` */
  async makeOnce(
    caller: Granting,
    asked: { phone?: string },
  ): Promise<{ user: string; token: string; expiresAt: number }> {
    const token = randomCode(this.#options.randomBytes, passwordGroups);
    const phoneId = this.#phoneFor(caller, asked.phone);
    const expiresAt = this.#options.now() + onceMs;
    await this.#options.database.write(() => {
      this.#requireRoom(phoneId);
      const row = { phoneId, door: 'once', secretSha256: passwordDigest(token), client: null } as const;
      this.#store.insert({ ...row, at: this.#options.now(), unusedUntil: expiresAt });
    });
    return { user: userOf(phoneId), token, expiresAt };
  }

  /**
   * Takes a code of `makeOnce` for a password: used up in the commit that makes it.
   * @throws {CodedError} `unauthenticated` for one that was used, has run out, or never was
   */
  async exchange(token: string, userAgent: string | undefined): Promise<MadeConnection> {
    const { database, now, randomBytes, access } = this.#options;
    const password = randomCode(randomBytes, passwordGroups);
    return await database.write(() => {
      const row = this.#store.onceBySecret(passwordDigest(token));
      const at = now();
      if (row === undefined || isDead(row, at)) {
        throw new CodedError(
          'unauthenticated',
          'This code was used or has run out: it works once, for ten minutes. Show a new one on the box, and scan that.',
        );
      }
      this.#store.remove(row.id);
      const { phone_id: phoneId } = row;
      const secretSha256 = passwordDigest(password);
      const made = { phoneId, door: 'nextcloud', secretSha256, client: clientName(userAgent) } as const;
      const id = this.#store.insert({ ...made, at, unusedUntil: at + unusedMs.nextcloud });
      access.record({ event: 'app-connected', actor: `phone:${phoneId}`, subject: phoneId, detail: detailOf(made) });
      return { id, user: userOf(phoneId), password };
    });
  }

  /** A phone's own; a person's of all their phones; all of the house for the owner. At most 1,000, oldest first. */
  list(caller: Granting): Connection[] {
    return this.#store
      .connections(listedMax)
      .filter((row) => !isDead(row, this.#options.now()) && maySee(caller, row))
      .map((row) => ({
        id: row.id,
        phone: row.phone_id,
        phoneName: row.phone_name,
        person: row.person,
        door: row.door,
        client: row.client,
        createdAt: row.created_at,
        lastUsedAt: row.last_used_at,
      }));
  }

  /** Ends one; the phone and its other apps go on. @throws {CodedError} `not-found`, also for another's */
  async end(caller: Granting, id: number): Promise<void> {
    await this.#end(id, (row) => maySee(caller, row), actorOf(caller));
  }

  /** An app logs itself out. */
  async endOwn(caller: AppCaller): Promise<void> {
    await this.#end(caller.connectionId, () => true, actorOf(caller));
  }

  /** An app asks to be let in; anybody may. `login` is for the page where that is decided, `poll` for the app alone. */
  beginLogin(by: { userAgent: string | undefined; address: string }): { login: string; poll: string } {
    return this.#flows.begin({ client: clientName(by.userAgent), address: by.address });
  }

  /** As `LoginFlows.look`. */
  lookAtLogin(login: string): LoginLook {
    return this.#flows.look(login);
  }

  /** Lets the app in for a phone. @throws {CodedError} as `make` and `LoginFlows.look` */
  async grantLogin(caller: Granting, { login, phone }: { login: string; phone?: string }): Promise<void> {
    await this.#flows.grant(login, (client) =>
      this.make(caller, { door: 'nextcloud', client, ...(phone === undefined ? {} : { phone }) }),
    );
  }

  /** As `LoginFlows.refuse`. */
  refuseLogin(login: string): void {
    this.#flows.refuse(login);
  }

  /** As `LoginFlows.poll`. */
  pollLogin(token: string): { user: string; password: string } | undefined {
    return this.#flows.poll(token);
  }

  async #insert(
    caller: Granting,
    phoneId: string,
    door: AppDoor,
    password: string,
    client: string | null,
  ): Promise<number> {
    const { database, access, now } = this.#options;
    return await database.write(() => {
      this.#requireRoom(phoneId);
      const at = now();
      const made = { phoneId, door, secretSha256: passwordDigest(password), client };
      const id = this.#store.insert({ ...made, at, unusedUntil: at + unusedMs[door] });
      access.record({ event: 'app-connected', actor: actorOf(caller), subject: phoneId, detail: detailOf(made) });
      return id;
    });
  }

  async #end(id: number, may: (row: ConnectionRow) => boolean, actor: string): Promise<void> {
    await this.#options.database.write(() => {
      const row = this.#store.connection(id);
      if (row === undefined || !may(row)) {
        throw new CodedError('not-found', 'There is no such connection, or it was ended before. Nothing was changed.');
      }
      this.#store.remove(id);
      const subject = row.phone_id;
      this.#options.access.record({ event: 'app-disconnected', actor, subject, detail: detailOf(row) });
    });
  }

  #phoneFor(caller: Granting, asked: string | undefined): string {
    const id = caller.kind === 'phone' ? (asked ?? caller.phoneId) : (asked ?? '');
    const row = this.#options.phones.livingPhone(id);
    // The owner sees everybody's apps and ends them; what one opens is its person's to give.
    if (row !== undefined && row.person_id === caller.personId && (caller.kind === 'person' || id === caller.phoneId)) {
      return id;
    }
    throw new CodedError('not-found', 'There is no such phone on this box. Nothing was changed.');
  }

  #requireRoom(phoneId: string): void {
    this.#store.removeDead(phoneId, this.#options.now());
    if (this.#store.count(phoneId) < perPhoneMax) return;
    throw new CodedError(
      'conflict',
      `This phone has ${perPhoneMax} connected apps already. Nothing was changed; end one that is not used any more.`,
    );
  }

  #touchLater(row: ConnectionRow, at: number, client: string | null): void {
    if (this.#touching.has(row.id)) return;
    this.#touching.add(row.id);
    this.#options.database
      .write(() => this.#store.touch(row.id, row.phone_id, at, client))
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'an app’s last use could not be written'))
      .finally(() => this.#touching.delete(row.id));
  }
}

/** The name by which a phone is known in addresses of its door; it opens nothing. */
export function userOf(phoneId: string): string {
  return `phone-${phoneId.slice(0, 8)}`;
}

/** The password of an `Authorization: Basic` header (RFC 7617, section 2). */
export function basicPassword(authorization: string): string | undefined {
  const [, encoded = ''] = /^Basic +([A-Za-z0-9+/=]{1,2048})$/i.exec(authorization) ?? [];
  const [, password] = /^[^:]*:(.+)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  return password;
}

/** The stored form of a password that has 160 random bits. It may be typed by hand: case and dashes do not matter. */
function passwordDigest(password: string): Buffer {
  return createHash('sha256')
    .update(`app:${normalCode(password.slice(0, 256))}`)
    .digest();
}

/** What an app calls itself, as a word or two for a list. Printable ASCII. */
function clientName(userAgent: string | undefined): string | null {
  // Anybody may say it, at any length: what is looked through is short, and forwards alone.
  const said = (userAgent ?? '').slice(0, userAgentCharsMax);
  const [name] =
    /[A-Za-z][\w.+-]*\/\d[\w.]*/.exec(said.slice(Math.max(...['(', ')'].map((one) => said.lastIndexOf(one))) + 1)) ??
    [];
  const text = (name ?? said).replaceAll(/[^ -~]/g, '').slice(0, clientCharsMax);
  return text === '' ? null : text;
}

function isDead({ last_used_at: usedAt, unused_until: until }: ConnectionRow, now: number): boolean {
  return usedAt === null && until !== null && until <= now;
}

function maySee(caller: Granting, row: Pick<ConnectionRow, 'phone_id' | 'person_id'>): boolean {
  if (caller.kind === 'phone') return caller.phoneId === row.phone_id;
  return caller.role === 'owner' || caller.personId === row.person_id;
}

function detailOf({ door, client }: { door: string; client: string | null }): Record<string, string> {
  return client === null ? { door } : { door, client };
}
