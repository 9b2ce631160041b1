/**
 * Tells how a phone's backup goes on, while it does: at most once a second, and once more when it ends. It looks at
 * the uploads under way by its own clock, so that receiving bytes costs nothing more.
 */
import type { UploadsEvent } from './contract.ts';
import type { Upload } from './upload.ts';

/** Tells a person's pages and phones, and the owners; synchronous, and never throws. */
export type TellUploads = (personId: string, event: UploadsEvent) => void;

export type ProgressLimits = Readonly<{
  progressEveryMs: number;
  /** Without an upload for so long, a burst is over. */
  burstRestMs: number;
}>;

type Burst = {
  readonly phone: string;
  readonly personId: string;
  readonly underWay: Set<Upload>;
  arrived: number;
  restedMs: number;
  told: string;
  timer: NodeJS.Timeout;
};

export class PhoneProgress {
  readonly #tell: TellUploads;
  readonly #limits: ProgressLimits;
  /** By phone; at most as many as the box has phones. */
  readonly #bursts = new Map<string, Burst>();

  constructor(tell: TellUploads, limits: ProgressLimits) {
    this.#tell = tell;
    this.#limits = limits;
  }

  /** Runs `work`, the use of `upload` by one user alone, as a part of its phone's burst. */
  async follow<T>(upload: Upload, work: () => Promise<T>): Promise<T> {
    const burst = this.#burstOf(upload);
    const before = upload.finished;
    burst.underWay.add(upload);
    try {
      return await work();
    } finally {
      burst.underWay.delete(upload);
      burst.restedMs = 0;
      if (upload.finished && !before) burst.arrived++;
    }
  }

  close(): void {
    for (const { timer } of this.#bursts.values()) clearInterval(timer);
    this.#bursts.clear();
  }

  #burstOf({ owner }: Upload): Burst {
    const known = this.#bursts.get(owner.phoneId);
    if (known !== undefined) return known;
    const timer = setInterval(() => this.#look(burst), this.#limits.progressEveryMs).unref();
    const burst: Burst = {
      phone: owner.phoneId,
      personId: owner.person.id,
      underWay: new Set(),
      arrived: 0,
      restedMs: 0,
      told: '',
      timer,
    };
    this.#bursts.set(owner.phoneId, burst);
    return burst;
  }

  #look(burst: Burst): void {
    if (burst.underWay.size === 0) burst.restedMs += this.#limits.progressEveryMs;
    const ended = burst.restedMs >= this.#limits.burstRestMs;
    if (ended) {
      clearInterval(burst.timer);
      this.#bursts.delete(burst.phone);
    }
    // A phone that only asked where an upload stands has begun nothing.
    const { told, arrived, underWay } = burst;
    if (arrived > 0 || (ended ? told !== '' : underWay.size > 0)) this.#tellOnce(burst, ended);
  }

  #tellOnce(burst: Burst, ended: boolean): void {
    const uploads = [...burst.underWay];
    const lengths = uploads.map(({ length }) => length);
    const event: UploadsEvent = {
      type: 'phone-progress',
      phone: burst.phone,
      uploads: uploads.length,
      bytes: sum(uploads.map(({ arriving }) => arriving)),
      length: lengths.includes(undefined) ? null : sum(lengths.map((length) => length ?? 0)),
      arrived: burst.arrived,
      ended,
    };
    const text = JSON.stringify(event);
    if (text === burst.told) return;
    burst.told = text;
    this.#tell(burst.personId, event);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
