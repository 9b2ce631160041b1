/** The way back: which states are there, and bringing one of them to a folder; also where this box has no copy of its own. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Library } from '../library/library.ts';
import { replaceFileDurably } from '../platform/durable-files.ts';
import { CodedError } from '../platform/errors.ts';
import { normalCode, symbols } from '../platform/identifiers.ts';
import type { Logger } from '../platform/log.ts';
import type { Activities, Doing } from './activities.ts';
import type { OffboxTarget, RestoreView } from './contract.ts';
import type { Engine } from './engine.ts';
import { offboxFailed, reasonIn } from './reasons.ts';
import { newSshKey, offboxDir, type Remote, remoteFor } from './remote.ts';
import { type Asker, type Snapshot, snapshotsOf } from './snapshots.ts';

export type ReturnDeps = Readonly<{
  engine: Engine;
  activities: Activities;
  library: Pick<Library, 'state'>;
  stateDir: string;
  diskDir: string | undefined;
  ownDirs: () => readonly string[];
  log: Pick<Logger, 'info' | 'warn'>;
}>;
export type ReturnOrder = Readonly<{
  folder: string;
  /** The beginning of its id; default: the newest that is whole. */
  snapshot?: string;
  from?: Readonly<{ target: OffboxTarget; secret?: string; password: string; sshKey?: string }>;
}>;
/** `boxId` undefined: of whatever box. */
export type Place = Readonly<{ remote: Remote; boxId: string | undefined; letIn?: string | undefined }>;

const snapshotsSaidMax = 500;
const passwordSymbols = 32;

export class OffboxReturn {
  readonly #deps: ReturnDeps;
  #view: RestoreView | null = null;

  constructor(deps: ReturnDeps) {
    this.#deps = deps;
  }

  /** Of the last one since the box started. */
  get view(): RestoreView | null {
    return this.#view;
  }

  /** For what needs no library: nothing is kept between two runs. */
  aside(remote: Remote, { signal }: Pick<Doing, 'signal'>): Asker {
    const dir = offboxDir(this.#deps.stateDir);
    return { remote, cwd: dir, tmpDir: dir, signal };
  }

  /** @throws {CodedError} `conflict`, `offbox-failed` */
  async snapshots({ remote, boxId }: Place): Promise<Snapshot[]> {
    const { engine } = this.#deps;
    const found = await snapshotsOf(engine, this.aside(remote, { signal: new AbortController().signal }), boxId);
    return found.slice(0, snapshotsSaidMax);
  }

  /** In the background, once the place was opened. @throws {CodedError} as `restoreFolder`; `not-found`, `offbox-failed` */
  async begin(order: ReturnOrder, own: Place | undefined): Promise<void> {
    const { engine, activities, library, diskDir, ownDirs } = this.#deps;
    activities.requireIdle();
    const { restore, restoreFolder } = await import('./restore.ts');
    const place = own ?? (await this.#placeOf(order.from));
    const { remote, boxId } = place;
    const free = library.state === 'ok' ? undefined : diskDir;
    const folder = await restoreFolder(order.folder, ownDirs(), free);
    const opened = Promise.withResolvers<void>();
    const done = activities.run({ kind: 'restore', of: undefined }, async (doing) => {
      const asker = this.aside(remote, doing);
      const snapshot = chosen(await snapshotsOf(engine, asker, boxId), order.snapshot);
      const view: RestoreView = {
        folder,
        state: 'running',
        problem: null,
        snapshotAt: snapshot.at,
        files: 0,
        adoptable: false,
      };
      this.#view = view;
      opened.resolve();
      await this.#ended(restore(engine, asker, { snapshot, folder }, (change) => this.#note(change)));
    });
    done.catch((error: unknown) => opened.reject(withKey(error, place.letIn)));
    await opened.promise;
  }

  async #ended(restoring: Promise<void>): Promise<void> {
    const { log } = this.#deps;
    try {
      await restoring;
      this.#note({ state: 'done' });
      log.info('a copy off the box was brought back');
    } catch (error) {
      const problem =
        error instanceof CodedError
          ? error.message
          : 'The disk of that folder did not take it. Begin again with a new folder.';
      this.#note({ state: 'failed', problem });
      log.warn({ err: error }, 'bringing a copy back ended early');
    }
  }

  #note(change: Partial<RestoreView>): void {
    if (this.#view !== null) this.#view = { ...this.#view, ...change };
  }

  async #placeOf(from: ReturnOrder['from']): Promise<Place> {
    const { stateDir } = this.#deps;
    if (from === undefined) throw offboxFailed('no-copy-there');
    const { target, secret = null, sshKey = null } = from;
    // One's own place beside the box's: what that copies with stays as it is.
    const dir = join(offboxDir(stateDir), 'from');
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const own = target.kind === 'sftp' && sshKey === null ? await keyIn(dir) : undefined;
    const facts = {
      target,
      secret,
      password: passwordOf(from.password),
      sshKey: own?.sshKey ?? sshKey,
      knownHosts: '',
    };
    return { remote: await remoteFor(facts, dir), boxId: undefined, letIn: own?.sshPublicKey };
  }
}

/** A new box has no key that anybody knows: it keeps one, which is told where it is not let in. */
async function keyIn(dir: string): Promise<{ sshKey: string; sshPublicKey: string }> {
  const file = join(dir, 'own-key.json');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) return JSON.parse(kept) as { sshKey: string; sshPublicKey: string };
  const made = await newSshKey(dir, 'restore');
  await replaceFileDurably(file, JSON.stringify(made), 0o600);
  return made;
}

function withKey(error: unknown, letIn: string | undefined): unknown {
  if (letIn === undefined || reasonIn(error) !== 'refused') return error;
  return offboxFailed('refused', `let this key in there, and begin again: ${letIn}`);
}

/** @throws {CodedError} `not-found` */
function chosen(snapshots: readonly Snapshot[], asked: string | undefined): Snapshot {
  const found =
    asked === undefined
      ? (snapshots.find(({ whole }) => whole) ?? snapshots[0])
      : snapshots.find(({ id }) => id.startsWith(asked));
  if (found !== undefined) return found;
  throw new CodedError('not-found', 'There is no such state of the library there. Nothing was changed.');
}

/** As the box writes one, however it was typed; any other as it is. */
function passwordOf(text: string): string {
  const code = normalCode(text);
  const ours = code.length === passwordSymbols && [...code].every((symbol) => symbols.includes(symbol));
  return ours ? (code.match(/.{4}/g) ?? []).join('-') : text;
}
