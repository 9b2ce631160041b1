/**
 * The uploads that are in memory: who uses which, one at a time, and how many at most. An upload that somebody uses or
 * waits for is never let go, so there is never a second one over the same file.
 */
import type { OpenLibrary } from '../library/open-library.ts';
import { CodedError } from '../platform/errors.ts';
import type { Upload } from './upload.ts';

export type LiveLimits = Readonly<{
  /** Kept open between requests, with their running checksums. */
  liveMax: number;
  takeOverMs: number;
  waitingUsersMax: number;
  usedAtOnceMax: number;
  usedAtOncePerPhoneMax: number;
}>;

export type Live = {
  readonly upload: Upload;
  readonly library: OpenLibrary;
  tail: Promise<unknown>;
  users: number;
  touchedAt: number;
};

export class LiveUploads {
  readonly #limits: LiveLimits;
  readonly #live = new Map<string, Live>();

  constructor(limits: LiveLimits) {
    this.#limits = limits;
  }

  get(library: OpenLibrary, id: string): Live | undefined {
    const live = this.#live.get(id);
    return live?.library === library ? live : undefined;
  }

  /** Whether somebody sends just now. */
  inUse(): boolean {
    return [...this.#live.values()].some(({ users }) => users > 0);
  }

  /** Of these phones. */
  ofPhones(library: OpenLibrary, phoneIds: readonly string[]): Live[] {
    return [...this.#live.values()].filter(
      (live) => live.library === library && phoneIds.includes(live.upload.owner.phoneId),
    );
  }

  add(upload: Upload, library: OpenLibrary): Live {
    const live: Live = { upload, library, tail: Promise.resolve(), users: 0, touchedAt: 0 };
    this.#live.set(upload.id, live);
    return live;
  }

  /** What a person's uploads in use take, or will when they are whole. */
  claimedBytes(library: OpenLibrary, personId: string, except?: Upload): number {
    let claimed = 0;
    for (const live of this.#live.values()) {
      const { upload, users } = live;
      if (live.library !== library || upload === except || users === 0 || upload.owner.person.id !== personId) continue;
      claimed += upload.claimed;
    }
    return claimed;
  }

  /** Bytes that others were given room for and have not brought. */
  promisedBytes(library: OpenLibrary, except?: Upload): number {
    let promised = 0;
    for (const live of this.#live.values()) {
      if (live.library === library && live.upload !== except) promised += live.upload.promised;
    }
    return promised;
  }

  /**
   * Runs `work` when everybody before has finished or was stopped. @throws {CodedError} `upload-busy`, `busy`.
   */
  async alone<T>(live: Live, work: () => Promise<T>): Promise<T> {
    if (live.users > this.#limits.waitingUsersMax) throw uploadBusy();
    if (live.users === 0) this.#requireTurn(live.upload.owner.phoneId);
    const before = live.tail;
    const turn = Promise.withResolvers<void>();
    live.tail = before.then(() => turn.promise);
    live.users++;
    live.upload.stop();
    // Only now: one in use is not let go.
    this.#makeRoom();
    try {
      await this.#waitFor(before);
      // The map is in order of use, so that the longest unused is the first.
      if (this.#live.get(live.upload.id) === live) {
        this.#live.delete(live.upload.id);
        this.#live.set(live.upload.id, live);
      }
      live.upload.arm();
      return await work();
    } finally {
      live.users--;
      turn.resolve();
    }
  }

  /** Forgets an upload and lets its file go. */
  async forget(live: Live): Promise<void> {
    if (this.#live.get(live.upload.id) === live) this.#live.delete(live.upload.id);
    await live.upload.close().catch(() => undefined);
  }

  /** Ends every running `append`: what came is kept. */
  stopAll(): void {
    for (const live of this.#live.values()) live.upload.stop();
  }

  /** Lets every received file of `library` go, when its users have noticed. */
  async close(library?: OpenLibrary): Promise<void> {
    const all = [...this.#live.values()].filter((live) => library === undefined || live.library === library);
    for (const live of all) live.upload.stop();
    for (const live of all) {
      await live.tail.catch(() => undefined);
      await this.forget(live);
    }
  }

  #requireTurn(phoneId: string): void {
    let all = 0;
    let own = 0;
    for (const live of this.#live.values()) {
      if (live.users === 0) continue;
      all++;
      if (live.upload.owner.phoneId === phoneId) own++;
    }
    if (all < this.#limits.usedAtOnceMax && own < this.#limits.usedAtOncePerPhoneMax) return;
    throw new CodedError('busy', 'Too many files come in at once. What came is kept; try again in a moment.', {
      facts: { retryAfterSeconds: 1 },
    });
  }

  #makeRoom(): void {
    for (const live of this.#live.values()) {
      if (this.#live.size <= this.#limits.liveMax) return;
      if (live.users > 0) continue;
      this.#live.delete(live.upload.id);
      live.upload.close().catch(() => undefined);
    }
  }

  async #waitFor(before: Promise<unknown>): Promise<void> {
    const limit = Promise.withResolvers<never>();
    const timer = setTimeout(() => limit.reject(uploadBusy()), this.#limits.takeOverMs);
    try {
      await Promise.race([before, limit.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function uploadBusy(): CodedError {
  return new CodedError(
    'upload-busy',
    'Another request is using this upload. What came is kept; try again in a moment.',
  );
}
