/**
 * Owns the sessions: what each still lacks, how long each lives, which were left alone and are locked.
 * Never decides what is asked for next (sign-in does), never keeps a token readable.
 * Called by the parts of this room, and by the composition root through access.
 */
import type { HalfwayCaller, PersonCaller } from '../http/caller.ts';
import { CodedError } from '../platform/errors.ts';
import { randomUuid } from '../platform/identifiers.ts';
import { browserName } from './browser-name.ts';
import type { PartOptions } from './parts.ts';
import { newSessionToken, sessionIdleMs, sessionMsMax, sessionsPerPersonMax, sessionTokenDigest } from './sessions.ts';
import { type SessionRow, type SessionStage, SessionsStore, type SessionWay } from './sessions-store.ts';

export type { SessionStage, SessionWay } from './sessions-store.ts';

/**
 * Where a session is opened; undefined where the transport takes none (the console). `known`: the token by which this
 * browser may be known.
 */
export type SessionPlace = Readonly<{ userAgent: string; address: string; known?: string | undefined }> | undefined;
export type SessionCaller = PersonCaller | HalfwayCaller;
export type SessionView = Readonly<{
  id: string;
  device: string;
  address: string;
  createdAt: number;
  lastUsedAt: number;
  current: boolean;
}>;
export type OpenedSession = Readonly<{ id: string; token: string; stage: SessionStage }>;

/** A session's last use is written at most this often. */
const touchMs = 10 * 60_000;
/** What is still due has to be shown within this time of the password. */
const halfwayMs = 30 * 60_000;
const halfwaysMax = 100;
const confirmedMs = 10 * 60_000;
/** More than the people of a house have; past it the database's coarse times stand in. */
const usesMax = 10_000;

type Use = { at: number; locked: boolean };

export type SessionBookOptions = Pick<PartOptions, 'database' | 'now' | 'randomBytes'> &
  Readonly<{
    /** The policy; undefined: pages are not locked. */
    idleLockMs: () => number | undefined;
    /** A last use could not be written. */
    onError: (error: unknown) => void;
  }>;

export class SessionBook {
  readonly #options: SessionBookOptions;
  readonly #store: SessionsStore;
  readonly #touching = new Set<string>();
  /** When each was used, to the moment; the database knows it to ten minutes. */
  readonly #uses = new Map<string, Use>();

  constructor(options: SessionBookOptions) {
    this.#options = options;
    this.#store = new SessionsStore(options.database);
  }

  /**
   * Who holds this token, if anyone. Synchronous and cheap. With `use: false` (a stream that only listens) it does not
   * count as use: neither for the idle limit nor for the lock.
   */
  callerOf(token: string, { use = true }: { use?: boolean } = {}): SessionCaller | undefined {
    const row = this.#store.byToken(sessionTokenDigest(token));
    if (row === undefined) return undefined;
    const now = this.#options.now();
    const ends = endsOf(row, now);
    if (now >= ends.idle || now >= ends.absolute) return undefined;
    const { id: sessionId, person_id: personId, role, stage } = row;
    const locked = stage === 'open' && this.#isLocked(row, now);
    if (row.last_used_at > now) this.#touchLater(row, now, ends);
    if (stage !== 'open') return { kind: 'halfway', personId, role, sessionId, stage };
    if (locked) return { kind: 'halfway', personId, role, sessionId, stage: 'locked' };
    if (use) this.#use(row, now);
    return { kind: 'person', personId, role, sessionId };
  }

  /** The session of this id, while it is on its way in. */
  halfway(sessionId: string): HalfwayCaller | undefined {
    const row = this.#store.byId(sessionId);
    if (row === undefined || row.stage === 'open') return undefined;
    return { kind: 'halfway', personId: row.person_id, role: row.role, sessionId, stage: row.stage };
  }

  /** The row of a caller's session, if it is still there. */
  row(caller: SessionCaller): SessionRow | undefined {
    return this.#store.byId(caller.sessionId);
  }

  /** @throws {CodedError} `confirm-first` unless this session's person has shown within 10 minutes that it is they. */
  requireConfirmed(caller: PersonCaller): void {
    if (this.confirmedUntil(caller) === null) {
      throw new CodedError('confirm-first', 'Type your password first, to show that it is you. Nothing was changed.');
    }
  }

  /** Until when this session is confirmed; null when it is not. */
  confirmedUntil(caller: SessionCaller): number | null {
    const row = this.row(caller);
    const now = this.#options.now();
    if (row?.stage !== 'open' || row.confirmed_at === null || row.known_browser_id === null) return null;
    // Confirmed in the future: the clock was set back, and nobody can say how long ago it was.
    const isFresh = row.confirmed_at <= now && now - row.confirmed_at <= confirmedMs;
    return isFresh ? row.confirmed_at + confirmedMs : null;
  }

  /** Sessions of a person that are open, the last used first. */
  list(personId: string, currentId: string): SessionView[] {
    const now = this.#options.now();
    return this.#store
      .openOf(personId)
      .filter((row) => now < endsOf(row, now).idle && now < endsOf(row, now).absolute)
      .map((row) => ({
        id: row.id,
        device: browserName(row.user_agent),
        address: row.address,
        createdAt: row.created_at,
        lastUsedAt: this.#uses.get(row.id)?.at ?? row.last_used_at,
        current: row.id === currentId,
      }));
  }

  /** Begins a session. Only inside `database.write`; its token is shown here once. */
  beginInWrite(
    personId: string,
    place: NonNullable<SessionPlace>,
    session: { stage: SessionStage; way: SessionWay; knownBrowserId: string | undefined; confirmed: boolean },
  ): OpenedSession {
    const { now, randomBytes } = this.#options;
    const { stage, way, knownBrowserId, confirmed } = session;
    const at = now();
    this.#store.deleteExpired(at);
    if (stage === 'open') this.#store.deleteOldest(personId, sessionsPerPersonMax - 1);
    else this.#store.makeRoomHalfway(personId, knownBrowserId !== undefined, halfwaysMax);
    const id = randomUuid(randomBytes);
    const token = newSessionToken(randomBytes);
    this.#store.insert({
      id,
      token_sha256: sessionTokenDigest(token),
      person_id: personId,
      stage,
      way,
      user_agent: place.userAgent.slice(0, 256),
      address: place.address.slice(0, 64),
      created_at: at,
      last_used_at: at,
      expires_at: at + (stage === 'open' ? sessionIdleMs : halfwayMs),
      absolute_until: at + sessionMsMax,
      confirmed_at: confirmed ? at : null,
      known_browser_id: knownBrowserId ?? null,
    });
    return { id, token, stage };
  }

  /** Ends one session of a person. Only inside `database.write`. False: there is none such. */
  endInWrite(personId: string, id: string): boolean {
    if (this.#store.byId(id)?.person_id !== personId) return false;
    this.#uses.delete(id);
    return this.#store.delete(id);
  }

  /** Ends every session of a person but one, or all. Only inside `database.write`. How many. */
  endOthersInWrite(personId: string, exceptId: string | undefined): number {
    return this.#store.deleteOthers(personId, exceptId ?? '');
  }

  /** The person has shown that it is they. Only inside `database.write`. */
  confirmInWrite(id: string, knownBrowserId: string): void {
    this.#store.confirm(id, this.#options.now(), knownBrowserId);
  }

  /** The person has unlocked it. Only inside `database.write`: another start must not find it locked again. */
  unlockInWrite(id: string): void {
    const row = this.#store.byId(id);
    if (row === undefined) return;
    const now = this.#options.now();
    const { absolute } = endsOf(row, now);
    this.#store.touch(id, now, now + sessionIdleMs, absolute);
    this.#setUse(id, { at: now, locked: false });
  }

  #isLocked(row: SessionRow, now: number): boolean {
    const lockMs = this.#options.idleLockMs();
    if (lockMs === undefined) return false;
    const use = this.#uses.get(row.id) ?? { at: row.last_used_at, locked: false };
    // What is locked stays so, whatever the clock says later.
    if (!use.locked && now - use.at < lockMs) return false;
    this.#setUse(row.id, { at: use.at, locked: true });
    return true;
  }

  #use(row: SessionRow, now: number): void {
    this.#setUse(row.id, { at: now, locked: false });
    const lockMs = this.#options.idleLockMs() ?? Number.POSITIVE_INFINITY;
    // After a restart the database's time is what counts: coarse, so that a page is locked rather early than late.
    if (now - row.last_used_at >= Math.min(touchMs, lockMs / 2)) this.#touchLater(row, now, endsOf(row, now));
  }

  #setUse(id: string, use: Use): void {
    if (this.#uses.size >= usesMax && !this.#uses.has(id)) this.#uses.clear();
    this.#uses.set(id, use);
  }

  #touchLater(row: SessionRow, at: number, ends: Ends): void {
    if (this.#touching.has(row.id)) return;
    this.#touching.add(row.id);
    const idle = row.stage === 'open' ? at + sessionIdleMs : ends.idle;
    this.#options.database
      .write(() => this.#store.touch(row.id, at, idle, ends.absolute))
      .catch(this.#options.onError)
      .finally(() => this.#touching.delete(row.id));
  }
}

type Ends = { idle: number; absolute: number };

/** The first moments at which a session is over. Never further off than a new one's: a clock set back adds no life. */
function endsOf(row: SessionRow, now: number): Ends {
  const absolute = row.absolute_until ?? row.created_at + sessionMsMax;
  return {
    idle: Math.min(row.expires_at, now + (row.stage === 'open' ? sessionIdleMs : halfwayMs)),
    absolute: Math.min(absolute, now + sessionMsMax),
  };
}
