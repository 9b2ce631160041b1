/** A real library on a real folder, with one person and two phones: what the uploads room stands on. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { choose } from '../../src/library/capture-date.ts';
import { CaptureReader } from '../../src/library/capture-reader.ts';
import { Library } from '../../src/library/library.ts';
import { mediaKind } from '../../src/library/media-kinds.ts';
import type { OpenLibrary } from '../../src/library/open-library.ts';
import { Publishing } from '../../src/library/publishing.ts';
import type { AssetRow } from '../../src/library/store.ts';
import { runCommand } from '../../src/platform/commands.ts';
import { createLog } from '../../src/platform/log.ts';
import type { UploadOwner } from '../../src/uploads/upload.ts';
import { type UploadLimits, Uploads } from '../../src/uploads/uploads.ts';

export const migrationsDir = new URL('../../src/schema/library', import.meta.url).pathname;
export const log = createLog({ level: 'silent' });

export class TestBox {
  readonly dir: string;
  readonly owner: UploadOwner;
  readonly otherPhone: UploadOwner;
  readonly stranger: UploadOwner;
  clock = Date.UTC(2026, 5, 1, 12);
  diskId: string | undefined;
  /** Where a disk is, if it is not at `disk`. */
  placeOf: (diskId: string) => string | undefined = () => undefined;
  library!: Library;
  uploads!: Uploads;
  readonly #limits: Partial<UploadLimits>;
  #reader!: CaptureReader;
  /** Told as the composition root's parts are. */
  onPublished: (library: OpenLibrary, asset: AssetRow) => void = () => undefined;
  readonly #prepare: (library: Library) => void;

  private constructor(dir: string, limits: Partial<UploadLimits>, prepare: (library: Library) => void) {
    this.dir = dir;
    this.#prepare = prepare;
    this.#limits = limits;
    const alice = { id: randomUUID(), name: 'Alice', folder: 'Alice' };
    const bob = { id: randomUUID(), name: 'Bob', folder: 'Bob' };
    this.owner = { phoneId: 'phone-1', person: alice, baseFolder: 'Photos/Alice' };
    this.otherPhone = { phoneId: 'phone-2', person: alice, baseFolder: 'Photos/Alice' };
    this.stranger = { phoneId: 'phone-3', person: bob, baseFolder: 'Photos/Bob' };
  }

  /** On a new folder under `parent`. `prepare`: what a room above does with a library before it opens. */
  static async make(
    parent: string,
    limits: Partial<UploadLimits> = {},
    prepare: (library: Library) => void = () => undefined,
  ): Promise<TestBox> {
    const box = new TestBox(await mkdtemp(join(parent, 'nightjar-test-')), limits, prepare);
    await mkdir(box.disk);
    await box.start();
    box.diskId = await box.library.create(randomUUID());
    await box.library.lookNow();
    return box;
  }

  get disk(): string {
    return join(this.dir, 'disk');
  }

  async start(): Promise<void> {
    const now = () => this.clock;
    this.#reader = new CaptureReader({ runCommand, now, log });
    await this.#reader.open();
    const owners = [this.owner, this.otherPhone, this.stranger];
    this.library = new Library({
      diskDir: this.disk,
      migrationsDir,
      adoptedDiskId: () => this.diskId,
      placeOf: (diskId) => this.placeOf(diskId),
      people: () => [this.owner.person, this.stranger.person],
      publishing: new Publishing({
        now,
        onPublished: (open, asset) => this.onPublished(open, asset),
        captureDateOf: async (file, name, mtime) =>
          choose({
            metadata: await this.#reader.read(file, mediaKind(name).kind),
            mtime,
            uploadedAt: now(),
            zone: 'Europe/Berlin',
          }),
      }),
      videoToolsMissing: () => this.#reader.videoToolsMissing(),
      log,
      now,
      watchMs: 50,
    });
    this.uploads = new Uploads({
      library: this.library,
      ownerOf: (phoneId) => owners.find((owner) => owner.phoneId === phoneId),
      now,
      randomBytes,
      log,
      limits: { idleMs: 2_000, takeOverMs: 5_000, ...this.#limits },
    });
    this.uploads.open();
    this.#prepare(this.library);
    await this.library.open();
  }

  async stop(): Promise<void> {
    await this.uploads.close();
    await this.library.close();
    await this.#reader.close();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Every file in view (not under .nightjar), relative to the disk, sorted. */
  async filesInView(): Promise<string[]> {
    const entries = await readdir(this.disk, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.disk.length + 1))
      .filter((path) => !path.startsWith('.nightjar/') && path !== 'README-NIGHTJAR.txt')
      .sort();
  }

  async incoming(): Promise<string[]> {
    return (await readdir(join(this.disk, '.nightjar/incoming'))).sort();
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.dir, { recursive: true, force: true });
  }
}
