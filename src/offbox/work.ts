/**
 * What is done with the engine, one thing after the other: copying, thinning out, reading a part back. Each writes down what
 * came of it when it is over, and begins again wherever it was ended.
 */
import type { OpenLibrary } from '../library/open-library.ts';
import type { Database } from '../platform/database.ts';
import type { ActivityView } from './contract.ts';
import type { Engine } from './engine.ts';
import { offboxFailed, reasonIn } from './reasons.ts';
import type { Remote } from './remote.ts';
import { checkParts, partAfter, stageOf } from './schedule.ts';
import { type Asker, partTag, snapshotsOf, tag } from './snapshots.ts';
import type { OffboxSettings, OffboxStore } from './store.ts';
import { cacheFolder, prepareFolders, putCatalogue, putTargets, targetsPath, tmpFolder, unitsOf } from './tree.ts';

export type WorkDeps = Readonly<{
  engine: Engine;
  database: Database;
  rows: OffboxStore;
  boxId: string;
  reserveBytes: number;
  /** Of a first copy, at a time. */
  stageBytes: number;
  /** A folder that is there without the disk. */
  asideDir: string;
  now: () => number;
}>;
/** One thing that is being done, on a library that is open. */
export type Task = Readonly<{
  open: OpenLibrary;
  remote: Remote;
  settings: OffboxSettings;
  signal: AbortSignal;
  note: (progress: Partial<ActivityView>) => void;
}>;
type Progress = Partial<
  Record<'total_files' | 'files_done' | 'total_bytes' | 'bytes_done' | 'seconds_remaining', number>
>;
type Summary = Partial<Record<'total_files_processed' | 'total_bytes_processed' | 'data_added', number>> & {
  snapshot_id?: string;
};

const copyMsMax = 8 * 3_600_000;
const pruneMsMax = 4 * 3_600_000;
const checkMsMax = 8 * 3_600_000;
const statsMsMax = 3_600_000;
const takeBackMsMax = 120_000;
const repackMax = '2G';
/** For two weeks every day, for two months every week, for two years every month. */
const kept = ['--keep-last', '3', '--keep-daily', '14', '--keep-weekly', '8', '--keep-monthly', '24'];

export class OffboxWork {
  readonly #deps: WorkDeps;

  constructor(deps: WorkDeps) {
    this.#deps = deps;
  }

  asker({ open, remote, signal }: Pick<Task, 'open' | 'remote' | 'signal'>): Asker {
    return { remote, cwd: open.disk.resolve(''), cacheDir: cacheFolder, tmpDir: tmpFolder, signal };
  }

  /** Copies what there is. @throws {CodedError} `offbox-failed`, and what the disk says */
  async copy(task: Task): Promise<void> {
    const { database, rows, reserveBytes, stageBytes, now } = this.#deps;
    const { open } = task;
    await prepareFolders(open);
    await putCatalogue(open, reserveBytes);
    // Only the first: later ones find what is there without reading it.
    const first = rows.row()?.state.lastSuccessAt == null;
    const units = first ? await unitsOf(open) : [];
    for (;;) {
      const through = stageOf(units, rows.row()?.state.through ?? null, stageBytes);
      await putTargets(open, units, through);
      const { summary, unread } = await this.#backUp(task, through === undefined ? tag : partTag);
      try {
        // A disk that went away meanwhile has no files at all, which is no state to keep.
        await open.disk.check({ byReading: true });
      } catch (error) {
        await this.#takeBack(task, summary.snapshot_id);
        throw error;
      }
      const added = summary.data_added ?? 0;
      const bytesThere = (rows.row()?.state.bytesThere ?? 0) + added;
      if (through !== undefined) {
        await database.write(() => rows.note({ through, bytesThere }));
        continue;
      }
      await database.write(() =>
        rows.note({
          lastSuccessAt: now(),
          problem: null,
          triesSince: { night: 0, tries: 0 },
          files: summary.total_files_processed ?? 0,
          bytes: summary.total_bytes_processed ?? 0,
          unread,
          bytesThere,
        }),
      );
      return;
    }
  }

  async #backUp(task: Task, asTag: string): Promise<{ summary: Summary; unread: number }> {
    const { engine, boxId } = this.#deps;
    const asker = this.asker(task);
    // Named, since the engine looks for it by the disk's place, which changes from plug to plug.
    const [parent] = await snapshotsOf(engine, asker, boxId);
    let summary: Summary = {};
    let unread = 0;
    const onLine = (line: string) => {
      const said = parsed(line);
      if (said?.['message_type'] === 'summary') summary = said as Summary;
      if (said?.['message_type'] === 'status') task.note(progressOf(said as Progress));
    };
    const { status, stderr } = await engine.run({
      ...asker,
      // What a camera made does not compress; what the engine keeps of its own is compressed anyway.
      args: [
        ...['backup', '--json', '--compression', 'off', '--tag', asTag, '--host', boxId],
        ...(parent === undefined ? [] : ['--parent', parent.id]),
        ...['--files-from-raw', targetsPath],
      ],
      uploadKiBPerSecond: task.settings.uploadKiBPerSecond,
      timeoutMs: copyMsMax,
      onLine,
      rests: true,
      // 3: some files could not be read: what went to the trash meanwhile is one of them.
      accept: [3],
    });
    if (status === 3) unread = stderr.split('\n').filter((line) => line.includes('"error"')).length;
    return { summary, unread };
  }

  /** What was kept of a disk that went away is not to be taken for the newest whole state. As far as the place allows. */
  async #takeBack({ remote }: Task, snapshot: string | undefined): Promise<void> {
    const { engine, asideDir } = this.#deps;
    if (snapshot === undefined || !/^[0-9a-f]{8,64}$/.test(snapshot)) return;
    const signal = AbortSignal.timeout(takeBackMsMax);
    const asker: Asker = { remote, cwd: asideDir, tmpDir: asideDir, signal };
    const args = ['forget', snapshot];
    await engine.run({ ...asker, args, timeoutMs: takeBackMsMax, rests: false }).catch(() => undefined);
  }

  /** Old states go, by the rule; now and then also the room that they took. */
  async thinOut(task: Task, prune: boolean): Promise<void> {
    const { engine, database, rows, boxId, now } = this.#deps;
    const asker = this.asker(task);
    if (rows.row()?.state.through != null) {
      const parts = (await snapshotsOf(engine, asker, boxId)).filter(({ whole }) => !whole);
      const args = ['forget', ...parts.map(({ id }) => id)];
      if (parts.length > 0) await engine.run({ ...asker, args, timeoutMs: pruneMsMax, rests: false });
      await database.write(() => rows.note({ through: null }));
    }
    const pruning = prune ? ['--prune', '--max-repack-size', repackMax, '--max-unused', '10%'] : [];
    await engine.run({
      ...asker,
      args: ['forget', '--tag', tag, '--host', boxId, '--group-by', 'host,tags', ...kept, ...pruning],
      uploadKiBPerSecond: task.settings.uploadKiBPerSecond,
      timeoutMs: pruneMsMax,
      rests: true,
    });
    if (!prune) return;
    const bytesThere = await this.#bytesThere(asker);
    await database.write(() => rows.note({ prunedAt: now(), ...(bytesThere !== undefined && { bytesThere }) }));
  }

  /** Reads the next part back, and looks whether everything hangs together. @throws {CodedError} `offbox-failed` */
  async check(task: Task): Promise<void> {
    const { engine, database, rows, now } = this.#deps;
    await prepareFolders(task.open);
    const part = partAfter(rows.row()?.state.check?.part);
    const note = async (ok: boolean) => {
      await database.write(() => rows.note({ check: { at: now(), ok, part, parts: checkParts } }));
    };
    try {
      const args = ['check', '--with-cache', `--read-data-subset=${part}/${checkParts}`];
      await engine.run({ ...this.asker(task), args, timeoutMs: checkMsMax, rests: true });
      await note(true);
    } catch (error) {
      if (reasonIn(error) === 'damaged') await note(false);
      throw error;
    }
  }

  async #bytesThere(asker: Asker): Promise<number | undefined> {
    const args = ['stats', '--json', '--mode', 'raw-data', '--no-lock'];
    const { stdout } = await this.#deps.engine.run({ ...asker, args, timeoutMs: statsMsMax, rests: true });
    const bytes = parsed(stdout)?.['total_size'];
    return typeof bytes === 'number' ? bytes : undefined;
  }
}

/** Makes the place there, or opens what is there. @throws {CodedError} `offbox-failed` */
export async function makeReady(engine: Engine, asker: Asker, isNew: boolean): Promise<void> {
  try {
    await engine.run({ ...asker, args: ['cat', 'config', '--no-lock'], timeoutMs: 120_000, rests: false });
  } catch (error) {
    if (reasonIn(error) !== 'no-copy-there') {
      // A password that the box has just made opens nothing that was there before.
      throw isNew && reasonIn(error) === 'wrong-password' ? offboxFailed('taken') : error;
    }
    await engine.run({ ...asker, args: ['init'], timeoutMs: 120_000, rests: false });
  }
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function progressOf(said: Progress): Partial<ActivityView> {
  const whole = (value: number | undefined) => Math.max(0, Math.round(value ?? 0));
  return {
    files: whole(said.files_done),
    ofFiles: whole(said.total_files),
    bytes: whole(said.bytes_done),
    ofBytes: whole(said.total_bytes),
    secondsLeft: said.seconds_remaining === undefined ? null : whole(said.seconds_remaining),
  };
}
