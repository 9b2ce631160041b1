/**
 * What a step has copied to a mirror, and not named yet: made durable and read back past the page cache while the next
 * files are copied. What came meanwhile shares its syncs, as the filesystem gathers them into few writes of its journal.
 */
import { CodedError } from '../platform/errors.ts';
import type { BeforePiece } from './copy-bytes.ts';
import type { MirrorDisk } from './mirror-disk.ts';
import type { MirroredAsset } from './mirror-store.ts';
import { OriginalReader } from './read-original.ts';

export class MirrorReceived {
  readonly #mirror: MirrorDisk;
  readonly #beforePiece: BeforePiece;
  /** Its own: the step reads what is there already meanwhile. */
  readonly #reader = new OriginalReader();
  #waiting: MirroredAsset[] = [];
  #running: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(mirror: MirrorDisk, beforePiece: BeforePiece) {
    this.#mirror = mirror;
    this.#beforePiece = beforePiece;
  }

  add(asset: MirroredAsset): void {
    this.#waiting.push(asset);
    this.#running ??= this.#run();
  }

  /** Nothing is under way any more. Never rejects. */
  async ended(): Promise<void> {
    await this.#running;
    this.#reader.rest();
  }

  /** All of them are durable, and right. @throws {CodedError} `checksum-mismatch`; what the mirror says */
  async right(): Promise<void> {
    await this.ended();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    try {
      while (this.#waiting.length > 0 && this.#failure === undefined) await this.#settle(this.#waiting.splice(0));
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#running = undefined;
    }
  }

  async #settle(assets: readonly MirroredAsset[]): Promise<void> {
    await together(assets, ({ id }) => this.#mirror.syncReceived(id));
    for (const asset of assets) {
      if (await this.#mirror.holdsReceived(this.#reader, asset, this.#beforePiece)) continue;
      // Nobody's but ours, and of no use.
      await this.#mirror.forgetReceived(asset.id);
      throw new CodedError('checksum-mismatch', 'The mirror gives back other bytes than it was given.');
    }
  }
}

/** All at once; each is waited for. */
export async function together<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const ended = await Promise.allSettled(all.map(work));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}
