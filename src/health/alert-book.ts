/**
 * Owns what became of each alert: pending (it may pass by itself) -> raised -> acknowledged -> cleared, kept in the
 * database through restarts and plugs. Never decides what is wrong (`checks/` do), and never sends anything itself.
 * Called by the watch, which looks every minute, by the home page's answer, and by its own routes.
 *
 * Nothing flaps: checks have two limits, one to raise and one to be over (they ask this book which holds), and what is
 * over stays open for a while of its kind, so that what comes back within it is the same alert.
 */
import { type AuditEntry, actorOf } from '../access/audit.ts';
import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';
import { keyOf, kindOf } from './alert-kinds.ts';
import type { KeptAlert } from './alerts-contract.ts';
import { type AlertRow, AlertsStore } from './alerts-store.ts';
import type { AlertCode, AlertParams } from './contract.ts';
import type { AlertMemory, Need } from './facts.ts';

/** `worse`: acknowledged before, and asks again. */
export type AlertChange = Readonly<{ change: 'raised' | 'worse' | 'cleared'; alert: KeptAlert }>;

/** Who looks: the console and the owner see all. */
export type Looker = ConsoleCaller | Pick<PersonCaller, 'kind' | 'personId' | 'role'>;

export type AlertBookDeps = Readonly<{
  database: Database;
  now: () => number;
  /** Whose a phone is. */
  personOf: (phoneId: string) => string | null;
  /** Only inside `database.write`. */
  record: (entry: AuditEntry) => void;
  /** Told inside the write that keeps the change: what follows is put down with it, or neither is. */
  onChangeInWrite: (change: AlertChange) => void;
}>;

/** Figures that move all the time are written down this often; a memory card wears out by writing. */
const paramsEveryMs = 6 * 60 * 60_000;
const keptMs = 400 * 24 * 60 * 60_000;
const last = { at: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER };

export class AlertBook implements AlertMemory {
  readonly #deps: AlertBookDeps;
  readonly #rows: AlertsStore;
  /** All that are not cleared, by code and key. */
  #open = new Map<string, AlertRow>();
  readonly #paramsAt = new Map<number, number>();
  #turning: Promise<unknown> = Promise.resolve();

  constructor(deps: AlertBookDeps) {
    this.#deps = deps;
    this.#rows = new AlertsStore(deps.database);
  }

  /** On an open database: reads what was open when the box stopped. */
  open(): void {
    this.#open = new Map(this.#rows.open().map((row) => [nameOf(row.code, row.key), row]));
  }

  readonly since = (code: AlertCode, key = ''): number | undefined => this.#open.get(nameOf(code, key))?.since;

  readonly raised = (code: AlertCode, key = ''): boolean => {
    const state = this.#open.get(nameOf(code, key))?.state;
    return state === 'raised' || state === 'acknowledged';
  };

  readonly acknowledged = (code: AlertCode, key = ''): boolean =>
    this.#open.get(nameOf(code, key))?.state === 'acknowledged';

  /**
   * Takes what a look over the whole house found. What is in `unknown` stays as it was. Durable when it returns; where
   * nothing changed, nothing is written.
   */
  async take(found: { needs: readonly Need[]; unknown: ReadonlySet<AlertCode> }): Promise<AlertChange[]> {
    return await this.#inTurn(() => this.#take(found));
  }

  async #take({ needs, unknown }: { needs: readonly Need[]; unknown: ReadonlySet<AlertCode> }): Promise<AlertChange[]> {
    const now = this.#deps.now();
    this.#pullBack(now);
    const steps = this.#steps(needs, unknown, now);
    if (steps.length === 0) return [];
    const changes = await this.#deps.database.write(() => steps.flatMap((step) => this.#write(step, now)));
    for (const { row, ended } of steps) {
      if (ended) this.#open.delete(nameOf(row.code, row.key));
      else this.#open.set(nameOf(row.code, row.key), row);
    }
    return changes;
  }

  /** Open ones, worst first; a member sees what concerns their phones, and what keeps everybody's photos out. */
  list(viewer: Looker): KeptAlert[] {
    const rank = (row: AlertRow) => (row.state === 'raised' ? 0 : 2) + (row.severity === 'act' ? 0 : 1);
    return [...this.#open.values()]
      .filter((row) => row.state !== 'pending' && concerns(row, viewer))
      .sort((a, b) => rank(a) - rank(b) || b.id - a.id)
      .map(view);
  }

  /** The last that were over first; of a member what concerned their phones. */
  cleared(viewer: Looker, before: { at: number; id: number } = last, limit = 50): KeptAlert[] {
    const personId = viewer.kind === 'console' || viewer.role === 'owner' ? null : viewer.personId;
    return this.#rows.cleared(before, limit, personId).map(view);
  }

  /** Acknowledging twice is as good as once. @throws {CodedError} `not-found`, also for what is another person's */
  async acknowledge(id: number, by: PersonCaller | ConsoleCaller): Promise<KeptAlert> {
    return await this.#inTurn(() => this.#acknowledge(id, by));
  }

  async #acknowledge(id: number, by: PersonCaller | ConsoleCaller): Promise<KeptAlert> {
    const { database, now, record } = this.#deps;
    const row = [...this.#open.values()].find((one) => one.id === id && one.state !== 'pending');
    const mine = by.kind === 'console' || by.role === 'owner' || row?.person_id === by.personId;
    if (row === undefined || !mine) {
      throw new CodedError('not-found', 'There is no such alert, or it is over. Nothing was changed.');
    }
    if (row.state === 'acknowledged') return view(row);
    const changed: AlertRow = {
      ...row,
      state: 'acknowledged',
      acknowledged_at: now(),
      acknowledged_by: actorOf(by),
    };
    await database.write(() => {
      this.#rows.update(changed);
      const detail = { code: row.code };
      record({ event: 'alert-acknowledged', actor: actorOf(by), subject: row.phone_id ?? row.key, detail });
    });
    this.#open.set(nameOf(row.code, row.key), changed);
    return view(changed);
  }

  /** Housekeeping. */
  async forgetOld(): Promise<void> {
    await this.#deps.database.write(() => this.#rows.forget(this.#deps.now() - keptMs));
  }

  /** One change at a time: each is worked out from what is open, and open is what was written. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turning.then(work, work);
    this.#turning = mine.catch(() => undefined);
    return await mine;
  }

  /** What a wrong clock put into the future begins now: else it would never be raised, or never be over. */
  #pullBack(now: number): void {
    for (const [name, row] of this.#open) {
      if (row.since <= now && (row.quiet_since ?? now) <= now) continue;
      const quietSince = row.quiet_since === null ? null : Math.min(row.quiet_since, now);
      this.#open.set(name, { ...row, since: Math.min(row.since, now), quiet_since: quietSince });
    }
  }

  #steps(needs: readonly Need[], unknown: ReadonlySet<AlertCode>, now: number): Step[] {
    const steps: Step[] = [];
    const found = new Set<string>();
    for (const need of needs) {
      const name = nameOf(need.code, keyOf(need));
      if (found.has(name)) continue;
      found.add(name);
      const step = this.#stepOf(need, this.#open.get(name), now);
      if (step !== undefined) steps.push(step);
    }
    for (const [name, row] of this.#open) {
      if (found.has(name) || unknown.has(row.code)) continue;
      const step = quietStep(row, now);
      if (step !== undefined) steps.push(step);
    }
    return steps;
  }

  /** It is so now. */
  #stepOf(need: Need, row: AlertRow | undefined, now: number): Step | undefined {
    const params = JSON.stringify(need.params);
    const level = need.level ?? 0;
    const ready = isReady(need, row?.since ?? now, now);
    if (row === undefined) {
      return { row: this.#newRow(need, ready, now), ...(ready ? { change: 'raised' as const } : {}) };
    }
    const next: AlertRow = { ...row, params, quiet_since: null };
    if (row.state === 'pending' && ready) {
      return { row: { ...next, level, state: 'raised', raised_at: now }, change: 'raised' };
    }
    if (row.state === 'acknowledged' && level > row.level) {
      return { row: { ...next, level, state: 'raised', raised_at: now }, change: 'worse' };
    }
    // The worst that it was: what gets a little better, and worse again, asks nobody again.
    next.level = Math.max(row.level, level);
    if (next.level !== row.level || row.quiet_since !== null) return { row: next };
    if (params === row.params) return undefined;
    if (Math.abs(now - (this.#paramsAt.get(row.id) ?? 0)) >= paramsEveryMs) return { row: next };
    this.#open.set(nameOf(row.code, row.key), next);
    return undefined;
  }

  #newRow(need: Need, ready: boolean, now: number): AlertRow {
    const phoneId = typeof need.params['phone'] === 'string' ? need.params['phone'] : null;
    return {
      id: 0,
      code: need.code,
      key: keyOf(need),
      phone_id: phoneId,
      person_id: phoneId === null ? null : this.#deps.personOf(phoneId),
      severity: need.severity,
      level: need.level ?? 0,
      params: JSON.stringify(need.params),
      state: ready ? 'raised' : 'pending',
      since: now,
      raised_at: ready ? now : null,
      acknowledged_at: null,
      acknowledged_by: null,
      quiet_since: null,
      cleared_at: null,
    };
  }

  #write({ row, ended, change }: Step, now: number): AlertChange[] {
    if (row.id === 0) row.id = this.#rows.insert(row);
    else if (ended && row.state === 'pending') this.#rows.remove(row.id);
    else this.#rows.update(row);
    if (ended) this.#paramsAt.delete(row.id);
    else this.#paramsAt.set(row.id, now);
    if (change === undefined) return [];
    const told: AlertChange = { change, alert: view(row) };
    this.#deps.onChangeInWrite(told);
    return [told];
  }
}

/** What one alert becomes. `ended`: it is open no more. */
type Step = { row: AlertRow; ended?: true; change?: AlertChange['change'] };

/** Whether somebody is to be told of what is so since `since`. */
function isReady({ code, ready }: Need, since: number, now: number): boolean {
  return ready !== false && now - since >= (kindOf(code).raiseAfterMs ?? 0);
}

/** It is not so now. */
function quietStep(row: AlertRow, now: number): Step | undefined {
  if (row.state === 'pending') return { row, ended: true };
  const { clearAfterMs } = kindOf(row.code);
  const quietSince = row.quiet_since ?? now;
  if (now - quietSince >= clearAfterMs) {
    return {
      row: { ...row, state: 'cleared', quiet_since: quietSince, cleared_at: now },
      ended: true,
      change: 'cleared',
    };
  }
  return row.quiet_since === null ? { row: { ...row, quiet_since: now } } : undefined;
}

function concerns(row: AlertRow, viewer: Looker): boolean {
  if (viewer.kind === 'console' || viewer.role === 'owner') return true;
  return row.person_id === null ? kindOf(row.code).concerns === 'everybody' : row.person_id === viewer.personId;
}

function view(row: AlertRow): KeptAlert {
  const params = JSON.parse(row.params) as AlertParams;
  return {
    id: row.id,
    code: row.code,
    severity: row.severity,
    params,
    advice: { code: kindOf(row.code).advice, params },
    state: row.state === 'acknowledged' || row.state === 'cleared' ? row.state : 'raised',
    since: row.since,
    raisedAt: row.raised_at ?? row.since,
    acknowledgedAt: row.acknowledged_at,
    clearedAt: row.cleared_at,
  };
}

function nameOf(code: AlertCode, key: string): string {
  return `${code} ${key}`;
}
