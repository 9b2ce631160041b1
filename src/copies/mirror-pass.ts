/**
 * What makes one mirror follow one library, a step at a time: what changed is copied, moved or taken away there, and said in
 * a row only after it read back right. Everything that it does may be done again: after a crash it goes on from its rows,
 * and what it finds done already it reads back instead of copying.
 */
import { posix } from 'node:path';
import { lineOf } from '../library/checksum-lists.ts';
import { factsOf } from '../library/file-facts.ts';
import { type OpenLibrary, trashFolder } from '../library/open-library.ts';
import { pathKey } from '../library/placement.ts';
import { systemCode } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { MirrorDisk } from './mirror-disk.ts';
import { factsOfAsset, type JournalLine } from './mirror-journal.ts';
import { MirrorListsStore } from './mirror-lists-store.ts';
import { MirrorReceived, together } from './mirror-received.ts';
import { type MirroredAsset, type MirrorRow, MirrorStore } from './mirror-store.ts';
import { type OriginalReader, unreadableCodes } from './read-original.ts';

/** The library that is followed. Not a whole open one: the last of it is followed while nobody is served from it. */
export type MirrorSource = Pick<OpenLibrary, 'disk' | 'database'>;
export type MirrorPassDeps = Readonly<{
  source: MirrorSource;
  mirror: MirrorDisk;
  reader: OriginalReader;
  beforePiece: (bytes: number) => Promise<void>;
  /** Of the library: it is not what came. Verification looks at it. */
  onDoubt: (assetId: number) => void;
  onCopied: (bytes: number) => void;
  now: () => number;
  log: Pick<Logger, 'warn'>;
}>;

/** So many files share the syncs of a step. */
const filesAtOnce = 128;
const bytesAtOnce = 128 * 1024 * 1024;
const rowsAtOnce = 1_000;
const removedAtOnce = 200;
const failedAgainMs = 20 * 3_600_000;
/** What a mirror keeps free, for its catalogue and lists. */
const reserveBytes = 64 * 1024 * 1024;
/** What one file may be to blame for; whatever else goes wrong ends the step. */
const filesOwnCodes = new Set(['ENAMETOOLONG', 'EINVAL', 'EILSEQ', 'EFBIG', 'ENOENT', 'folder-blocked', 'conflict']);

type Step = {
  readonly received: MirrorReceived;
  placed: MirroredAsset[];
  kept: MirroredAsset[];
  failed: MirroredAsset[];
  bytes: number;
};

export class MirrorPass {
  readonly #deps: MirrorPassDeps;
  readonly #rows: MirrorStore;
  readonly #lists: MirrorListsStore;
  #full = false;

  constructor(deps: MirrorPassDeps) {
    this.#deps = deps;
    this.#rows = new MirrorStore(deps.source.database);
    this.#lists = new MirrorListsStore(deps.source.database);
  }

  /** Something did not fit. What is smaller, or takes no room, went on. */
  get full(): boolean {
    return this.#full;
  }

  /** False: nothing is left to do, for now. @throws what either disk says; nothing that a row says is untrue then. */
  async step(): Promise<boolean> {
    const { mirror, source } = this.#deps;
    const row = this.#rows.mirror(mirror.diskId);
    if (row === undefined) return false;
    await mirror.prepare();
    await source.disk.check();
    return (
      (await this.#takeAway()) || (await this.#follow(row)) || (await this.#copyWanted()) || (await this.#writeLists())
    );
  }

  // --- what changed -------------------------------------------------------------------------------------------------

  async #follow(row: MirrorRow): Promise<boolean> {
    const changed = this.#rows.changed(row, filesAtOnce);
    return await this.#inStep(async (step) => {
      let last: MirroredAsset | undefined;
      for (const asset of changed) {
        if (step.bytes >= bytesAtOnce) break;
        await this.#followOne(row, asset, step);
        last = asset;
      }
      if (last === undefined) return false;
      await this.#settle(row, step, last);
      return true;
    });
  }

  /** Nothing of a step goes on after its end. */
  async #inStep(work: (step: Step) => Promise<boolean>): Promise<boolean> {
    const { mirror, beforePiece } = this.#deps;
    const received = new MirrorReceived(mirror, beforePiece);
    try {
      return await work({ received, placed: [], kept: [], failed: [], bytes: 0 });
    } finally {
      await received.ended();
    }
  }

  async #followOne(row: MirrorRow, asset: MirroredAsset, step: Step): Promise<void> {
    const { diskId } = row;
    const copy = this.#rows.copy(diskId, asset.id);
    if (asset.state === 'present') {
      if (copy?.path === asset.path) return;
      if (copy !== undefined && (await this.#move(row, asset, copy.path, asset.path, false))) return;
      await this.#receive(asset, step);
      return;
    }
    if (asset.state === 'damaged' || asset.state === 'missing') {
      if (copy === undefined) await this.#find(asset, step);
      return;
    }
    if (asset.state !== 'trashed' && asset.state !== 'deleted') return;
    if (copy === undefined) return await this.#tidyLeft(diskId, asset);
    await this.#leaveList(diskId, asset, copy.path);
    const kept = `${trashFolder}/${asset.id}`;
    if (copy.path !== kept || asset.state === 'deleted') {
      if (!(await this.#move(row, asset, copy.path, kept, asset.state === 'deleted')))
        await this.#drop(diskId, asset.id);
    }
  }

  async #copyWanted(): Promise<boolean> {
    const { mirror, now } = this.#deps;
    const wanted = this.#rows.wanted(mirror.diskId, now() - failedAgainMs, filesAtOnce);
    return await this.#inStep(async (step) => {
      let tried = false;
      for (const asset of wanted) {
        if (step.bytes >= bytesAtOnce) break;
        await this.#receive(asset, step);
        tried = true;
      }
      const row = this.#rows.mirror(mirror.diskId);
      if (!tried || row === undefined) return false;
      await this.#settle(row, step, undefined);
      return true;
    });
  }

  /** Under another name, to get its own with the others of this step. */
  async #receive(asset: MirroredAsset, step: Step): Promise<void> {
    const { mirror, source, beforePiece, log } = this.#deps;
    try {
      const there = await factsOf(mirror.disk.resolve(asset.path));
      if (there?.isFile() === true && there.size === asset.size && !this.#rows.isDamaged(mirror.diskId, asset.id)) {
        // Done before and interrupted, or of an earlier time: then it need only be read.
        if (await this.#isReadRight(asset)) {
          step.kept.push(asset);
          step.bytes += asset.size;
          return;
        }
      }
      // Others of this step are not all on the disk yet, as far as it says.
      if ((await mirror.disk.freeBytes()) < asset.size + step.bytes + reserveBytes) {
        this.#full = true;
        step.failed.push(asset);
        return;
      }
      if (await mirror.receive(source.disk.resolve(asset.path), asset, beforePiece)) {
        step.received.add(asset);
        step.placed.push(asset);
        step.bytes += asset.size;
        return;
      }
      // A library that is gone says the same of every file.
      await source.disk.check({ byReading: true });
      this.#deps.onDoubt(asset.id);
      step.failed.push(asset);
    } catch (error) {
      if (!filesOwnCodes.has(systemCode(error) ?? '')) throw error;
      await mirror.disk.check({ byReading: true });
      log.warn({ err: error, asset: asset.id }, 'a file cannot be copied to the mirror');
      step.failed.push(asset);
    }
  }

  /** Lost on the library: this disk may have it of an earlier time, as when it was the library itself. */
  async #find(asset: MirroredAsset, step: Step): Promise<void> {
    const there = await factsOf(this.#deps.mirror.disk.resolve(asset.path));
    if (there?.isFile() !== true || there.size !== asset.size) return;
    step.bytes += asset.size;
    if (await this.#isReadRight(asset)) step.kept.push(asset);
  }

  /** What cannot be read is no copy; the disk being there, it is no reason to copy nothing else. */
  async #isReadRight(asset: MirroredAsset): Promise<boolean> {
    return await this.#holdsNow(asset, asset.path).catch(async (error: unknown) => {
      if (!unreadableCodes.has(systemCode(error) ?? '')) throw error;
      await this.#deps.mirror.disk.check({ byReading: true });
      return false;
    });
  }

  /** Durable, read back, named, written down: in this order. `last`: everything up to it was looked at. */
  async #settle(row: MirrorRow, step: Step, last: MirroredAsset | undefined): Promise<void> {
    const { mirror, source, now } = this.#deps;
    const { diskId } = row;
    await step.received.right();
    await together(step.kept, ({ path }) => mirror.syncFile(path));
    await mirror.disk.check();
    const named: MirroredAsset[] = [];
    for (const asset of step.placed) if (await this.#name(asset, step)) named.push(asset);
    await mirror.syncFolders([...named, ...step.kept].map(({ path }) => path));
    for (const asset of named) await mirror.forgetReceived(asset.id);
    const right = [...named, ...step.kept];
    const at = now();
    const lines = right.map((asset) => this.#lineOf(row, asset.id, { ...asset, at }));
    await mirror.journal.append(lines);
    await source.database.write(() => {
      for (const asset of right) {
        this.#rows.putCopy(diskId, asset, asset.path, at);
        if (asset.kind !== 'file') this.#lists.listBehind(diskId, posix.dirname(asset.path));
      }
      for (const { id } of step.failed) this.#rows.want(diskId, id, 'failed', at);
      if (right.length > 0) this.#lists.count(diskId, at, { files: right.length, bytes: sizes(right) });
      if (last !== undefined) this.#rows.done(row, last);
    });
    this.#deps.onCopied(sizes(right));
  }

  async #name(asset: MirroredAsset, step: Step): Promise<boolean> {
    const { mirror, log } = this.#deps;
    try {
      await mirror.place(asset.id, asset.path, this.#rows.isDamaged(mirror.diskId, asset.id));
      return true;
    } catch (error) {
      if (!filesOwnCodes.has(systemCode(error) ?? '')) throw error;
      await mirror.disk.check({ byReading: true });
      log.warn({ err: error, asset: asset.id }, 'a file cannot get its name on the mirror');
      await mirror.forgetReceived(asset.id);
      step.failed.push(asset);
      return false;
    }
  }

  // --- what moved or went -------------------------------------------------------------------------------------------

  /** False: there was no such copy. */
  async #move(row: MirrorRow, asset: MirroredAsset, from: string, to: string, leaving: boolean): Promise<boolean> {
    const { mirror, source, now } = this.#deps;
    const { diskId } = row;
    if (from !== to && !(await mirror.move(asset.id, from, to)) && !(await this.#holdsNow(asset, to))) return false;
    const { size } = asset;
    await mirror.journal.append([this.#lineOf(row, asset.id, { id: asset.id, path: to, size, at: now() })]);
    await source.database.write(() => {
      this.#rows.moveCopy(diskId, asset.id, { path: to, leaving });
      if (asset.kind === 'file') return;
      for (const path of [from, to]) {
        if (!path.startsWith(`${trashFolder}/`)) this.#lists.listBehind(diskId, posix.dirname(path));
      }
    });
    return true;
  }

  /** What leaves the library without a right copy here: a damaged one goes, and one in the trash of a former library counts. */
  async #tidyLeft(diskId: string, asset: MirroredAsset): Promise<void> {
    const { mirror, source, now } = this.#deps;
    if (this.#rows.isDamaged(diskId, asset.id)) {
      await mirror.remove(asset.path);
      await source.database.write(() => this.#rows.unwant(diskId, asset.id));
    }
    const path = `${trashFolder}/${asset.id}`;
    const there = await factsOf(mirror.disk.resolve(path));
    if (there?.isFile() !== true || there.size !== asset.size || !(await this.#holdsNow(asset, path))) return;
    const at = now();
    await source.database.write(() => {
      this.#rows.putCopy(diskId, asset, path, at);
      this.#rows.moveCopy(diskId, asset.id, { path, leaving: asset.state === 'deleted' });
    });
  }

  async #holdsNow(asset: MirroredAsset, path: string): Promise<boolean> {
    const { mirror, reader, beforePiece } = this.#deps;
    return await mirror.holds(reader, path, asset, beforePiece);
  }

  async #drop(diskId: string, assetId: number): Promise<void> {
    await this.#deps.mirror.journal.append([{ left: assetId }]);
    await this.#deps.source.database.write(() => this.#rows.dropCopy(diskId, assetId));
  }

  /** What was erased, and what was deleted for good when its days are over. */
  async #takeAway(): Promise<boolean> {
    const { mirror, source, now } = this.#deps;
    const { diskId } = mirror;
    const gone = this.#rows.gone(diskId, removedAtOnce);
    const all = [...gone, ...this.#rows.over(diskId, now(), removedAtOnce)];
    if (all.length === 0) return false;
    for (const { path } of all) await mirror.remove(path);
    await mirror.journal.append(
      all.map(({ assetId }) => (gone.some((one) => one.assetId === assetId) ? { gone: assetId } : { left: assetId })),
    );
    await source.database.write(() => {
      for (const { assetId, path } of all) {
        this.#rows.dropCopy(diskId, assetId);
        if (!path.startsWith('.nightjar/')) this.#lists.listBehind(diskId, posix.dirname(path));
      }
      // What did not fit may do so now.
      this.#rows.tryAgain(diskId);
      // What was erased stands in the copy of the catalogue still: a new one is due.
      if (gone.length > 0) this.#rows.catalogueIsOld(diskId);
    });
    return true;
  }

  #lineOf(row: MirrorRow, assetId: number, copy: JournalLine['copy']): JournalLine {
    const { database } = this.#deps.source;
    const change = this.#rows.asset(assetId)?.change ?? 0;
    const { id, path, size, at } = copy ?? { id: assetId, path: '', size: 0, at: 0 };
    const facts = change > row.catalogueChange ? factsOfAsset(database, assetId) : {};
    return { ...facts, copy: { id, path, size, at } };
  }

  // --- checksum lists -----------------------------------------------------------------------------------------------

  async #writeLists(): Promise<boolean> {
    const lists = this.#lists.listsBehind(this.#deps.mirror.diskId, filesAtOnce);
    for (const list of lists) await this.#writeList(list);
    return lists.length > 0;
  }

  /** Before a file leaves its folder: a list never names what is not there. */
  async #leaveList(diskId: string, asset: MirroredAsset, from: string): Promise<void> {
    if (asset.kind === 'file' || from.startsWith('.nightjar/')) return;
    const list = this.#lists.list(diskId, posix.dirname(from));
    if (list?.written === 1) await this.#writeList(list);
  }

  async #writeList({ folder, name, written }: { folder: string; name: string; written: number }): Promise<void> {
    const { mirror, source } = this.#deps;
    const { diskId } = mirror;
    const pieces = [...this.#listPieces(folder)];
    const path = `${folder}/${name}`;
    if (pieces.length > 0) await mirror.writeList(path, pieces, written === 1);
    else if (written === 1) await mirror.remove(path);
    await mirror.journal.append([{ list: { folder, name } }]);
    await source.database.write(() => this.#lists.listRight(diskId, folder));
  }

  *#listPieces(folder: string): Generator<string, void, undefined> {
    const key = pathKey(folder);
    for (let after = `${key}/`; ; ) {
      const page = this.#lists.listed(this.#deps.mirror.diskId, after, `${key}0`, rowsAtOnce);
      const last = page.at(-1);
      if (last === undefined) return;
      const lines = page.filter(({ path }) => posix.dirname(path) === folder).map(lineOf);
      if (lines.length > 0) yield lines.join('');
      after = last.key;
    }
  }
}

function sizes(assets: readonly MirroredAsset[]): number {
  return assets.reduce((total, { size }) => total + size, 0);
}
