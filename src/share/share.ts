/**
 * Owns whether, to whom and what the box shares over SMB: each person's own photos, read-only, by a password of their own.
 * Never writes to the disk but to make a person's empty folder, never serves while the library is closed, keeps no password.
 * Called by its own routes and by the composition root.
 *
 * What is served never changes: whatever has to be otherwise, smbd is ended with all its connections and begun anew, which
 * takes clients a second. So what was revoked is over when that is answered, and a disk that goes is held by nobody.
 */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditEntry, actorOf } from '../access/audit.ts';
import type { Caller, ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import { type RandomBytes, randomCode } from '../platform/identifiers.ts';
import type { Logger } from '../platform/log.ts';
import { Settings } from '../platform/settings.ts';
import type { ShareProblem, ShareView } from './contract.ts';
import { filesShareOf, loginFor } from './login.ts';
import { ntHash } from './nt-hash.ts';
import { checkServer, type Shared, ShareServer } from './server.ts';
import { type SharedRow, ShareStore } from './store.ts';

export type ShareOptions = Readonly<{
  library: Library;
  database: Database;
  stateDir: string;
  /** Of a program that the system starts; undefined: an own one. */
  socket: string | undefined;
  port: number;
  boxName: () => string;
  /** `host:port` of that port, the name first. */
  addresses: (port: number) => readonly string[];
  /** Tells the network that it is there; undefined: that it is not. */
  announce: (port: number | undefined) => Promise<void>;
  /** @throws {CodedError} `confirm-first` when the person did not prove lately to be there. */
  requireConfirmed: (caller: PersonCaller) => void;
  /** Only inside `database.write`. */
  record: (entry: AuditEntry) => void;
  now: () => number;
  randomBytes: RandomBytes;
  log: Logger;
}>;

const onSetting = 'share.on';
/** The port that needs no saying. */
const usualPort = 445;
/** 100 bits: whoever hears a sign-in may try passwords for as long as they like. */
const passwordGroups = 5;
const lookEveryMs = 1_000;
const retryMsFirst = 1_000;
const retryMsMax = 5 * 60_000;
/** NetBIOS names have no more. */
const boxCharsMax = 15;

type Running = Readonly<{ key: string; shared: Shared; server: ShareServer }>;

export class Share {
  readonly #options: ShareOptions;
  readonly #settings: Settings;
  readonly #rows: ShareStore;
  #running: Running | undefined;
  #problem: ShareProblem | undefined;
  #retryMs = retryMsFirst;
  /** By `performance.now()`: not before. */
  #retryAtMs = 0;
  #turning: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** On an open database. */
  constructor(options: ShareOptions) {
    this.#options = options;
    this.#settings = new Settings(options.database);
    this.#rows = new ShareStore(options.database);
  }

  /** Before the library is opened. */
  open(): void {
    this.#options.library.onOpened(async (open) => {
      open.beforeClosing(async () => await this.#running?.server.end());
    });
    if (this.#on) this.#begin();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#inTurn(() => this.#tend());
  }

  view(caller: Caller): ShareView {
    const { addresses, port } = this.#options;
    const row = caller.kind === 'person' ? this.#rows.of(caller.personId) : undefined;
    const isOwner = caller.kind === 'console' || (caller.kind === 'person' && caller.role === 'owner');
    const state = this.#state;
    return {
      on: this.#on,
      state,
      problem: state === 'failed' ? (this.#problem ?? 'failed') : null,
      port,
      hosts: addresses(port).map((address) => (port === usualPort ? address.replace(/:445$/, '') : address)),
      mine: row === undefined ? null : { login: row.login, shares: this.#sharesOf(row), madeAt: row.made_at },
      passwords: isOwner ? this.#rows.all().length : null,
    };
  }

  /** @throws {CodedError} `confirm-first`; to turn it on: `command-missing` without Samba, `conflict` */
  async switch(on: boolean, by: PersonCaller | ConsoleCaller): Promise<void> {
    if (by.kind === 'person') this.#options.requireConfirmed(by);
    if (on === this.#on) return;
    if (on) await this.#inTurn(() => checkServer(this.#place));
    const { database, record } = this.#options;
    await database.write(() => {
      this.#settings.putTextInWrite(onSetting, on ? 'yes' : 'no');
      record({ event: on ? 'share-turned-on' : 'share-turned-off', actor: actorOf(by) });
    });
    if (on) return this.#begin();
    clearInterval(this.#timer);
    await this.#inTurn(() => this.#tend());
    this.#announce();
  }

  /** Shown once. The one before opens nothing any more. @throws {CodedError} `confirm-first`, `conflict` while it is off */
  async makePassword(by: PersonCaller): Promise<{ login: string; password: string }> {
    const { requireConfirmed, database, record, now, randomBytes } = this.#options;
    requireConfirmed(by);
    if (!this.#on) {
      throw new CodedError('conflict', 'The share is off. Nothing was changed; the owner of the box can turn it on.');
    }
    const password = randomCode(randomBytes, passwordGroups).toLowerCase();
    const login = await database.write(() => {
      const folder = this.#rows.folderOf(by.personId);
      if (folder === undefined) throw new CodedError('not-found', 'There is no such person on this box.');
      const others = this.#rows.all().map((row) => row.login);
      const name = this.#rows.of(by.personId)?.login ?? loginFor(folder, new Set(others));
      this.#rows.put({ person_id: by.personId, login: name, nt_hash: ntHash(password), made_at: now() });
      record({ event: 'share-password-made', actor: actorOf(by), subject: by.personId });
      return name;
    });
    await this.#lookNow();
    return { login, password };
  }

  /** Whoever came in by it is out when this returns. */
  async revokePassword(by: PersonCaller): Promise<void> {
    const { database, record } = this.#options;
    await database.write(() => {
      if (!this.#rows.remove(by.personId)) return;
      record({ event: 'share-password-revoked', actor: actorOf(by), subject: by.personId });
    });
    await this.#lookNow();
  }

  get #on(): boolean {
    return this.#settings.text(onSetting) === 'yes';
  }

  get #place() {
    const { socket, stateDir, port } = this.#options;
    return { socket, dir: join(stateDir, 'share'), port };
  }

  get #state(): ShareView['state'] {
    if (!this.#on) return 'off';
    if (this.#options.library.state !== 'ok') return 'disk-away';
    if (this.#rows.all().length === 0) return 'nobody';
    if (this.#running?.server.serving === true) return 'serving';
    return this.#problem === undefined ? 'starting' : 'failed';
  }

  #begin(): void {
    this.#problem = undefined;
    this.#retryAtMs = 0;
    clearInterval(this.#timer);
    // People who leave, names, disks: whatever changed, it is seen here.
    this.#timer = setInterval(() => void this.#look(), lookEveryMs);
    this.#timer.unref();
    this.#announce();
    void this.#look();
  }

  #announce(): void {
    const { announce, port, log } = this.#options;
    announce(this.#on ? port : undefined).catch((err: unknown) =>
      log.warn({ err }, 'the share could not be announced'),
    );
  }

  async #lookNow(): Promise<void> {
    this.#retryAtMs = 0;
    await this.#look();
  }

  async #look(): Promise<void> {
    await this.#inTurn(() => this.#tend()).catch((err: unknown) =>
      this.#options.log.warn({ err }, 'the share could not be looked after'),
    );
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const mine = this.#turning.then(run);
    this.#turning = mine.catch(() => undefined);
    return mine;
  }

  /** Brings what is served to what should be. */
  async #tend(): Promise<void> {
    const { library } = this.#options;
    const wanted =
      this.#on && !this.#closed && library.state === 'ok' ? await this.#wanted(library.current()) : undefined;
    const key = wanted && keyOf(wanted.shared);
    if (this.#running !== undefined && this.#running.key !== key) {
      const { server } = this.#running;
      await server.end();
      this.#running = undefined;
    }
    // Asked last, with nothing to wait for before it starts: a library that closes from here on ends it.
    if (wanted === undefined || this.#running !== undefined || wanted.open.closing.aborted || this.#closed) return;
    if (performance.now() >= this.#retryAtMs) this.#start(wanted.shared, key ?? '');
  }

  #start(shared: Shared, key: string): void {
    const { log } = this.#options;
    const server = new ShareServer(this.#place, shared);
    const running = { key, shared, server };
    this.#running = running;
    void server.ended.then((problem) => {
      if (this.#running === running) this.#running = undefined;
      if (problem === undefined) {
        this.#problem = undefined;
        this.#retryMs = retryMsFirst;
        return;
      }
      log.warn({ problem }, 'the share ended by itself; it is tried again');
      this.#problem = problem;
      this.#retryAtMs = performance.now() + this.#retryMs;
      this.#retryMs = Math.min(this.#retryMs * 2, retryMsMax);
    });
  }

  async #wanted(open: OpenLibrary): Promise<{ open: OpenLibrary; shared: Shared } | undefined> {
    const rows = this.#rows.all();
    if (rows.length === 0) return undefined;
    const shares = (await Promise.all(rows.map((row) => this.#foldersOf(open, row)))).flat();
    const box = this.#options.boxName().toUpperCase().slice(0, boxCharsMax).replace(/-+$/, '');
    const people = rows.map(({ login, nt_hash }) => ({ login, ntHash: nt_hash }));
    return { open, shared: { box, people, shares } };
  }

  /** Folders that are none, or are links to elsewhere, are left out. */
  async #foldersOf(open: OpenLibrary, { folder, login }: SharedRow): Promise<Shared['shares']> {
    const photos = `Photos/${folder}`;
    await open.folders.make(photos).catch((err: unknown) => this.#options.log.debug({ err }, 'no folder to share'));
    const shares: { name: string; login: string; path: string }[] = [];
    for (const [name, path] of [
      [login, photos],
      [filesShareOf(login), `Files/${folder}`],
    ] as const) {
      if (await isOwnFolder(open, path)) shares.push({ name, login, path: open.disk.named(path) });
    }
    return shares;
  }

  #sharesOf({ login }: SharedRow): string[] {
    const served = this.#running?.shared.shares.filter((share) => share.login === login) ?? [];
    return served.length === 0 ? [login] : served.map(({ name }) => name);
  }
}

/** What makes one run another one. */
function keyOf({ box, people, shares }: Shared): string {
  return JSON.stringify([
    [box],
    people.map(({ login, ntHash: hash }) => [login, hash.toString('hex')]),
    shares.map(({ name, login, path }) => [name, login, path]),
  ]);
}

async function isOwnFolder(open: OpenLibrary, path: string): Promise<boolean> {
  const [top = ''] = path.split('/');
  for (const one of [top, path]) {
    const facts = await lstat(open.disk.resolve(one)).catch(() => undefined);
    if (facts?.isDirectory() !== true) return false;
  }
  return true;
}
