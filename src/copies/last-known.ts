/**
 * What was last known of each mirror while the library was there, for when its disk is dead: then the rows that say so are
 * gone with it. In memory as of seconds ago; in the box's settings as of an hour ago, for after a restart.
 */
import type { Settings } from '../platform/settings.ts';
import type { Sum } from './mirror-store.ts';

export type Known = Readonly<{
  at: number;
  files: number;
  bytes: number;
  waiting: Sum;
  lastCompleteAt: number | null;
}>;

const setting = 'mirrors.last-known';
const keptEveryMs = 3_600_000;
const mirrorsMax = 16;

export class LastKnown {
  readonly #settings: Pick<Settings, 'text' | 'putText'>;
  readonly #known = new Map<string, Known>();
  readonly #keptAt = new Map<string, number>();
  #read = false;

  constructor(settings: Pick<Settings, 'text' | 'putText'>) {
    this.#settings = settings;
  }

  of(diskId: string): Known | undefined {
    this.#readOnce();
    return this.#known.get(diskId);
  }

  note(diskId: string, known: Known): void {
    this.#readOnce();
    // The last noted is the last one: who is forgotten for long goes first.
    this.#known.delete(diskId);
    this.#known.set(diskId, known);
    for (const id of this.#known.keys()) if (this.#known.size > mirrorsMax) this.#known.delete(id);
    const keptAt = this.#keptAt.get(diskId);
    if (keptAt !== undefined && Math.abs(known.at - keptAt) < keptEveryMs) return;
    this.#keptAt.set(diskId, known.at);
    // Not kept, it is known until the next restart.
    void this.#settings.putText(setting, JSON.stringify(Object.fromEntries(this.#known))).catch(() => undefined);
  }

  #readOnce(): void {
    if (this.#read) return;
    this.#read = true;
    const kept = JSON.parse(this.#settings.text(setting) ?? '{}') as Record<string, Known>;
    for (const [diskId, known] of Object.entries(kept)) this.#known.set(diskId, known);
  }
}
