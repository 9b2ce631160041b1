/** A library with everything that keeps it in order: checksum lists, trash and downloads, wired as the box wires them. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ChecksumLists } from '../../src/library/checksum-lists.ts';
import type { LibraryEvent } from '../../src/library/contract.ts';
import { Downloads } from '../../src/library/downloads.ts';
import type { Library } from '../../src/library/library.ts';
import type { AssetRow } from '../../src/library/store.ts';
import { Trash } from '../../src/library/trash.ts';
import { log, TestBox } from './open-library.ts';

export class KeepingBox {
  readonly box: TestBox;
  lists!: ChecksumLists;
  trash!: Trash;
  downloads!: Downloads;
  readonly told: LibraryEvent[] = [];
  readonly deleted: number[] = [];
  /** How long the trash keeps what goes there. */
  trashDays = 30;
  readonly #parent: string;

  private constructor(parent: string, box: TestBox) {
    this.#parent = parent;
    this.box = box;
  }

  /** `prepare`: what a room above does with the library before it opens. */
  static async make(prepare: (library: Library, now: () => number) => void = () => undefined): Promise<KeepingBox> {
    const parent = await mkdtemp(join(tmpdir(), 'nightjar-keeping-'));
    let made: KeepingBox | undefined;
    const later: Array<(it: KeepingBox) => void> = [];
    const box = await TestBox.make(parent, {}, (library) => {
      const now = () => box?.clock ?? Date.UTC(2026, 5, 1, 12);
      const lists = new ChecksumLists({ library, now, log, restMs: 0 });
      const trash = new Trash({
        library,
        lists,
        tell: (_personId, event) => made?.told.push(event),
        onDeleted: (_open, ids) => void made?.deleted.push(...ids),
        daysOf: () => made?.trashDays ?? 30,
        now,
        log,
      });
      const downloads = new Downloads({ library, now, randomBytes, log });
      lists.open();
      trash.open();
      prepare(library, now);
      const take = (it: KeepingBox) => Object.assign(it, { lists, trash, downloads });
      if (made === undefined) later.push(take);
      else take(made);
    });
    made = new KeepingBox(parent, box);
    for (const take of later) take(made);
    const it = made;
    box.onPublished = (open, asset) => {
      if (asset.state === 'trashed') it.trash.settleSoon(open);
      else it.lists.note(open);
    };
    return made;
  }

  get personId(): string {
    return this.box.owner.person.id;
  }

  get open() {
    return this.box.library.current();
  }

  /** Where something lies on the disk. */
  at(path: string): string {
    return join(this.box.disk, path);
  }

  async upload(
    path: string,
    bytes: Buffer,
    facts: { mtime?: number; pair?: string } = {},
    phoneId = this.box.owner.phoneId,
  ): Promise<AssetRow> {
    const all = { mtime: Date.UTC(2026, 4, 20, 10), ...facts, path };
    await this.box.uploads.begin(phoneId, { door: 'test', length: bytes.length, facts: all }, async (upload) => {
      await upload.openFile();
      if (bytes.length > 0) await upload.append(0, Readable.from([bytes], { objectMode: false }));
      await upload.finish();
    });
    const item = this.open.items.item(phoneId, path);
    const asset = item?.asset_id == null ? undefined : this.open.rows.asset(item.asset_id);
    if (asset === undefined) throw new Error(`${path} did not come in.`);
    return asset;
  }

  state(id: number): string | undefined {
    return this.open.rows.asset(id)?.state;
  }

  /** Nothing is on its way to or from the trash. */
  relocations(): number {
    const row = this.open.database.prepare<[], { n: number }>('SELECT count(*) AS n FROM relocation').get();
    return row?.n ?? -1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.box.stop();
    await rm(this.#parent, { recursive: true, force: true });
  }
}
