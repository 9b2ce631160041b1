/**
 * Owns the copy on another machine: where it is, when it is made, what came of it, and the way back.
 * Never sends anything before its owner said where to, never tells a secret but to its owner, once asked and confirmed, never
 * takes anything away there but old states by the rule. Called by its own routes, the box's jobs, and the checks.
 *
 * One thing is done at a time. It goes on by itself after any end: what is there is found there, not remembered here.
 */
import { type AuditEntry, actorOf } from '../access/audit.ts';
import type { ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import type { Database } from '../platform/database.ts';
import type { Destination } from '../platform/destinations.ts';
import { CodedError, diskIsFull, diskIsGone } from '../platform/errors.ts';
import type { RandomBytes } from '../platform/identifiers.ts';
import type { JobHandler } from '../platform/jobs.ts';
import type { Logger } from '../platform/log.ts';
import { Activities, type Doing } from './activities.ts';
import type { CopyView, OffboxChange, OffboxTarget, OffboxView } from './contract.ts';
import { Engine } from './engine.ts';
import { OffboxReturn, type ReturnOrder } from './offbox-return.ts';
import { placeOf, secretFor, viewOf } from './place.ts';
import { reasonIn } from './reasons.ts';
import { destinationsOfTarget, forgetFiles, knownHostsIn, offboxDir, type Remote, remoteFor } from './remote.ts';
import { checkEveryMs, drillEveryMs, isDue, nightOf, pruneEveryMs, triesMax } from './schedule.ts';
import { newState, type OffboxRow, OffboxStore } from './store.ts';
import { prepareFolders } from './tree.ts';
import { makeReady, OffboxWork, type Task } from './work.ts';

export type OffboxDeps = Readonly<{
  library: Pick<Library, 'onOpened' | 'current' | 'state' | 'failed'>;
  database: Database;
  stateDir: string;
  boxId: string;
  /** Where the library is to be; undefined: nowhere yet. */
  diskDir: string | undefined;
  /** The box's own folders, where nothing is restored to. */
  ownDirs: () => readonly string[];
  /** When the window of the night that is open now began; undefined: it is day. */
  nightSince: () => number | undefined;
  /** Somebody sends or looks at pictures. */
  busy: () => boolean;
  /** Free space on the disk that this leaves alone. */
  reserveBytes: number;
  /** @throws {CodedError} `confirm-first` */
  requireConfirmed: (caller: PersonCaller) => void;
  /** Only inside `database.write`. */
  record: (entry: AuditEntry) => void;
  /** The place may be another; resolves when the way there is open. Never rejects. */
  onDestinations?: () => Promise<void>;
  randomBytes: RandomBytes;
  now: () => number;
  log: Pick<Logger, 'info' | 'warn'>;
  /** How much of a first copy is made at a time. */
  stageBytes?: number;
}>;
export type Asking = PersonCaller | ConsoleCaller;
/** For the checks; null: nothing is set up, or it is switched off. */
export type OffboxStanding = Readonly<{ since: number; damagedAt: number | null; drillFailedAt: number | null }> | null;

const kind = 'copy-off-the-box';
const lookMs = 5 * 60_000;
const stageBytesUsual = 16 * 1024 ** 3;

export class Offbox {
  readonly #deps: OffboxDeps;
  readonly #rows: OffboxStore;
  readonly #engine: Engine;
  readonly #work: OffboxWork;
  readonly #activities: Activities;
  readonly #return: OffboxReturn;
  #quiet = false;
  /** Where something is brought back from that this box does not copy to. */
  #from: OffboxTarget | undefined;

  constructor(deps: OffboxDeps) {
    this.#deps = deps;
    const { database, boxId, reserveBytes, now, busy, stageBytes = stageBytesUsual } = deps;
    this.#rows = new OffboxStore(database);
    this.#activities = new Activities(now);
    this.#engine = new Engine({ busy, onResting: (resting) => this.#activities.note({ resting }) });
    this.#work = new OffboxWork({
      engine: this.#engine,
      database,
      rows: this.#rows,
      boxId,
      reserveBytes,
      stageBytes,
      asideDir: offboxDir(deps.stateDir),
      now,
    });
    this.#return = new OffboxReturn({ ...deps, engine: this.#engine, activities: this.#activities });
  }

  /** Before the library is opened: what works on it ends before it closes. */
  open(): void {
    this.#deps.library.onOpened(async (open) => open.beforeClosing(() => this.#activities.endOf(open)));
  }

  async close(): Promise<void> {
    await this.#activities.close();
  }

  handlers(): Record<string, JobHandler & { everyMs: number }> {
    const run = async () => this.#look();
    return { [kind]: { version: 1, leaseMs: lookMs, attemptsMax: 3, everyMs: lookMs, run } };
  }

  async view(): Promise<OffboxView> {
    const row = this.#rows.row();
    return {
      engine: (await this.#engine.version()) ?? null,
      copy: row === undefined ? null : viewOf(row),
      activity: this.#activities.view,
      restore: this.#return.view,
    };
  }

  /** Where the copy is, on or off: what is asked for by hand goes there too. */
  destinations(): Destination[] {
    const target = this.#rows.row()?.settings.target;
    return [target, this.#from].flatMap((one) => (one === undefined ? [] : destinationsOfTarget(one)));
  }

  standing(): OffboxStanding {
    const row = this.#rows.row();
    if (row === undefined || !row.settings.enabled || !row.state.ready) return null;
    const { lastSuccessAt, check, drill } = row.state;
    return {
      since: lastSuccessAt ?? row.createdAt,
      damagedAt: check?.ok === false ? check.at : null,
      drillFailedAt: drill?.ok === false ? drill.at : null,
    };
  }

  /** @throws {CodedError} `confirm-first`, `forbidden`, `invalid-request`, `conflict` */
  async set({ secret: asked, password: told, ...settings }: OffboxChange, by: Asking): Promise<OffboxView> {
    this.#confirm(by);
    this.#activities.requireIdle();
    const { target } = settings;
    if (target.kind === 'folder' && by.kind !== 'console') {
      throw new CodedError('forbidden', 'A folder of this machine is named on its own console. Nothing was changed.');
    }
    const before = this.#rows.row();
    const same = before !== undefined && placeOf(before.settings.target) === placeOf(target);
    // Else whoever sits at an open page could have the secret sent to a server of theirs.
    const secret = await secretFor(target, this.#deps, { asked, told, before: same ? before.secret : undefined });
    if ((target.kind === 's3' || ('user' in target && target.kind === 'rest')) && secret.secret === null) {
      throw new CodedError(
        'invalid-request',
        'The password or key that belongs to the name is missing. Nothing was changed.',
      );
    }
    const anew = !same || secret.password !== before.secret.password;
    const state = anew ? { ...newState, told: told !== undefined } : before.state;
    const createdAt = anew ? this.#deps.now() : before.createdAt;
    await this.#deps.database.write(() => {
      this.#rows.put({ settings, secret, state, createdAt });
      const { enabled, appendOnly } = settings;
      this.#record('offbox-changed', by, { kind: target.kind, enabled, appendOnly });
    });
    await this.#deps.onDestinations?.();
    return await this.view();
  }

  /** @throws {CodedError} `confirm-first`, `not-found`, `conflict`, `offbox-failed` */
  async begin(by: Asking): Promise<{ password: string | null; copy: CopyView }> {
    this.#confirm(by);
    const row = this.#row();
    const { password } = row.secret;
    const told = row.state.told;
    await this.#activities.run({ kind: 'begin', of: undefined }, async (doing) => {
      const remote = await this.#remote(row);
      await makeReady(this.#engine, this.#return.aside(remote, doing), !told);
      await this.#keepKnownHosts(row);
      await this.#deps.database.write(() => {
        this.#rows.note({ ready: true, told: true, problem: null });
        this.#record('offbox-begun', by, {});
      });
    });
    return { password: told ? null : password, copy: viewOf(this.#row()) };
  }

  /** @throws {CodedError} `confirm-first`, `not-found` */
  async password(by: Asking): Promise<string> {
    this.#confirm(by);
    const { secret } = this.#row();
    await this.#deps.database.write(() => this.#record('offbox-password-shown', by, {}));
    return secret.password;
  }

  /** @throws {CodedError} `confirm-first`, `not-found` */
  async remove(by: Asking): Promise<void> {
    this.#confirm(by);
    this.#row();
    await this.#activities.stop();
    await this.#deps.database.write(() => {
      this.#rows.remove();
      this.#record('offbox-removed', by, {});
    });
    await forgetFiles(this.#deps.stateDir);
    await this.#deps.onDestinations?.();
  }

  /** In the background. @throws {CodedError} `not-found`, `conflict`, `disk-missing` */
  start(what: 'copy' | 'check' | 'drill', seed?: string): void {
    const open = this.#deps.library.current();
    const row = this.#row();
    if (!row.state.ready) {
      throw new CodedError('conflict', 'The place on the other side was not made ready yet. Begin there first.');
    }
    void this.#activities
      .run({ kind: what, of: open }, async (doing) => {
        await this.#noted(open, row, doing, async (task) => {
          if (what === 'check') await this.#work.check(task);
          else if (what === 'drill') await this.#drill(task, seed);
          else await this.#copy(task, row);
        });
      })
      .catch(() => undefined);
  }

  /** Somebody wants it to end: this night it does not begin again by itself. */
  async stop(): Promise<void> {
    await this.#activities.stop();
    const { nightSince, now, database } = this.#deps;
    const night = nightOf(nightSince(), now());
    await database.write(() => this.#rows.note({ triesSince: { night, tries: triesMax } }));
  }

  /** @throws {CodedError} `not-found`, `conflict`, `offbox-failed` */
  async snapshots() {
    return await this.#return.snapshots(await this.#placeOf(this.#row()));
  }

  /** In the background. @throws {CodedError} as `restoreFolder`; `not-found`, `conflict`, `offbox-failed` */
  async restore(order: ReturnOrder, by: Asking): Promise<void> {
    const place = order.from === undefined ? await this.#placeOf(this.#row()) : undefined;
    this.#from = order.from?.target;
    await this.#deps.onDestinations?.();
    await this.#return.begin(order, place);
    await this.#deps.database.write(() => this.#record('offbox-restored', by, {}));
  }

  #look(): void {
    const { library, nightSince, now, busy } = this.#deps;
    const wasQuiet = this.#quiet;
    this.#quiet = !busy();
    const row = this.#rows.row();
    if (row?.settings.enabled !== true || !row.state.ready || library.state !== 'ok' || this.#activities.busy) return;
    // Twice: between two files of a phone nobody sends, either.
    if (!wasQuiet || !this.#quiet) return;
    if (isDue({ now: now(), nightSince: nightSince(), createdAt: row.createdAt, ...row.state })) this.start('copy');
  }

  /** And what else its night brings. */
  async #copy(task: Task, { settings }: OffboxRow): Promise<void> {
    const { now } = this.#deps;
    await this.#work.copy(task);
    const state = this.#row().state;
    const old = (at: number | undefined | null, ms: number) => at == null || at < now() - ms;
    if (!settings.appendOnly) {
      this.#activities.note({ kind: 'thin-out' });
      await this.#work.thinOut(task, old(state.prunedAt, pruneEveryMs));
    }
    if (old(state.check?.at, checkEveryMs)) {
      this.#activities.note({ kind: 'check' });
      await this.#work.check(task);
    }
    if (old(state.drill?.at, drillEveryMs)) await this.#drill(task, undefined);
  }

  async #drill(task: Task, asked: string | undefined): Promise<void> {
    const { boxId, reserveBytes, now, randomBytes, database } = this.#deps;
    this.#activities.note({ kind: 'drill' });
    const seed = asked ?? randomBytes(8).toString('hex');
    const { drill } = await import('./drill.ts');
    await prepareFolders(task.open);
    const parts = { engine: this.#engine, asker: this.#work.asker(task), open: task.open, boxId };
    const came = await drill(parts, { seed, reserveBytes, now });
    await database.write(() => this.#rows.note({ drill: came }));
  }

  /** What came of it is written down, where it ended early. */
  async #noted(open: OpenLibrary, row: OffboxRow, doing: Doing, run: (task: Task) => Promise<void>): Promise<void> {
    const { library, database, nightSince, now, log } = this.#deps;
    const { settings } = row;
    await database.write(() => this.#rows.note({ lastTriedAt: now() }));
    try {
      const remote = await this.#remote(row);
      await run({ open, remote, settings, signal: doing.signal, note: (progress) => this.#activities.note(progress) });
      await database.write(() => this.#rows.note({ problem: null }));
      log.info({ what: doing.kind }, 'what was to be done off the box is done');
    } catch (thrown) {
      const why = this.#activities.isStopping ? thrown : await library.failed(open, thrown);
      const reason = diskIsGone(why) || diskIsFull(why) || open.closing.aborted ? 'disk' : reasonIn(why);
      const detail = why instanceof CodedError ? why.message : '';
      const night = nightOf(nightSince(), now());
      await database
        .write(() => {
          const { triesSince } = this.#rows.row()?.state ?? newState;
          const tries = triesSince.night === night ? triesSince.tries : 0;
          // Who was in the way is no fault of the other side.
          const counted = ['busy', 'disk', 'stopped'].includes(reason) ? tries : tries + 1;
          this.#rows.note({ problem: { reason, detail, at: now() }, triesSince: { night, tries: counted } });
        })
        .catch(() => undefined);
      log.warn({ what: doing.kind, reason }, 'what was to be done off the box ended early');
    }
  }

  async #remote({ settings, secret }: OffboxRow): Promise<Remote> {
    return await remoteFor({ target: settings.target, ...secret }, this.#deps.stateDir);
  }

  async #placeOf(row: OffboxRow) {
    return { remote: await this.#remote(row), boxId: this.#deps.boxId };
  }

  async #keepKnownHosts({ settings }: OffboxRow): Promise<void> {
    if (settings.target.kind !== 'sftp') return;
    const seen = await knownHostsIn(this.#deps.stateDir);
    await this.#deps.database.write(() => this.#rows.noteKnownHosts(seen));
  }

  #row(): OffboxRow {
    const row = this.#rows.row();
    if (row !== undefined) return row;
    throw new CodedError('not-found', 'No copy off the box is set up. Nothing was changed.');
  }

  #confirm(by: Asking): void {
    if (by.kind === 'person') this.#deps.requireConfirmed(by);
  }

  #record(event: string, by: Asking, detail: NonNullable<AuditEntry['detail']>): void {
    this.#deps.record({ event, actor: actorOf(by), detail });
  }
}
