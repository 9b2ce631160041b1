/** Which phones are bringing files at this moment, by what the uploads tell; kept in memory, and over by itself. */
import type { UploadsEvent } from '../uploads/contract.ts';

/** Without anything new of it for so long, a phone is not arriving any more. */
const restMs = 60_000;
/** More than a box has phones. */
const phonesMax = 200;

type Coming = { before: number; burst: number; movedAt: number };

export class Arriving {
  readonly #now: () => number;
  readonly #phones = new Map<string, Coming>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** A burst ends after seconds; several of them make one arriving. */
  note({ phone, uploads, arrived, ended }: UploadsEvent): void {
    const known = this.#living(phone);
    // What moved was told before: an end begins nothing, nor does what rests.
    if (ended && known === undefined) return;
    if (!ended && uploads === 0 && arrived === (known?.burst ?? 0)) return;
    if (this.#phones.size >= phonesMax) this.#dropEnded();
    const { before = 0, movedAt = this.#now() } = known ?? {};
    if (ended) this.#phones.set(phone, { before: before + arrived, burst: 0, movedAt });
    else this.#phones.set(phone, { before, burst: arrived, movedAt: this.#now() });
  }

  /** How many files of it are safe since it began; undefined: it is not arriving. */
  of(phone: string): { count: number } | undefined {
    const known = this.#living(phone);
    return known && { count: known.before + known.burst };
  }

  #living(phone: string): Coming | undefined {
    const known = this.#phones.get(phone);
    if (known === undefined) return undefined;
    const restedMs = this.#now() - known.movedAt;
    // A clock that was set back must not keep it here for years.
    if (restedMs >= 0 && restedMs < restMs) return known;
    this.#phones.delete(phone);
    return undefined;
  }

  #dropEnded(): void {
    for (const phone of [...this.#phones.keys()]) this.#living(phone);
    if (this.#phones.size >= phonesMax) this.#phones.clear();
  }
}
