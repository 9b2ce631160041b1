/**
 * Owns the box's idea of now: never behind the last time that it wrote down, nor before this program was made. A box
 * without a battery for its clock starts in 1970, and codes and sessions of the past must not be good again.
 * On a device of the box's own even a machine's clock that is ahead may have stood still while the box was off: it counts
 * as right only when a clock with a battery kept it, or its network told it.
 * Never sets the machine's clock. The composition root makes one and gives its `now` to every part.
 *
 * From the time that it knows, it goes on by the machine's steady count (POSIX CLOCK_MONOTONIC); the machine's own clock
 * counts whenever it is ahead of that. A clock that jumps far ahead is believed for now, but written down only after it has
 * stayed so for a day: a wrong one that is put right must not hold the box in the future.
 */
import { existsSync, readFileSync } from 'node:fs';
import { buildDateMs } from './build-date.ts';
import type { Settings } from './settings.ts';

export type ClockOptions = Readonly<{
  /** The machine's clock, milliseconds since 1970. */
  system: () => number;
  /** Milliseconds that never go back, from any beginning. */
  steady: () => number;
  /** What was written down last; undefined: nothing. */
  saved: number | undefined;
  save: (now: number) => Promise<void>;
  /** Whether the machine's clock is right where it is not behind. Default: always. `saved` as above, or when this was made. */
  isRight?: (saved: number) => boolean;
  /** This program is not older than that. */
  madeAt?: number;
}>;

/** `used`: it is the box's time now. `not-needed`: the box's own clock is right enough. `refused`: out of bounds. */
export type Told = 'used' | 'not-needed' | 'refused';

const savedSetting = 'clock.saved';
const dayMs = 24 * 60 * 60_000;
/** So long may a box have been off without its clock being doubted. */
const jumpMsMax = 45 * dayMs;
/** Less is two clocks that do not tick alike. */
const behindMsMin = 10_000;
/** How far ahead of what the box knows a browser's word may lie. */
const toldMsMax = 400 * dayMs;

export class Clock {
  readonly #options: ClockOptions;
  readonly #startedAt: number;
  readonly #floorAtStart: number;
  /** What is known for sure at `#startedAt`. */
  #floor: number;
  /** What a browser said, as the time at `#startedAt`: believed for now. */
  #told = 0;
  #saved: number;
  #aheadSince: number | undefined;
  #right = false;

  constructor(options: ClockOptions) {
    this.#options = options;
    this.#startedAt = options.steady();
    this.#saved = Math.max(options.saved ?? 0, options.madeAt ?? buildDateMs);
    this.#floor = this.#saved;
    this.#floorAtStart = this.#saved;
  }

  /** Whole milliseconds since 1970, UTC (the steady count has fractions, and no column takes them). For every part. */
  readonly now = (): number => Math.max(this.#options.system(), Math.floor(this.#believed()));

  /** Whether the machine has the time by itself, whatever that is. */
  isRight(): boolean {
    this.#right ||= this.#options.isRight?.(this.#floorAtStart) ?? true;
    return this.#right;
  }

  /** Whether the machine's clock is behind what the box knows, or may be: then somebody should tell it the time. */
  isBehind(): boolean {
    if (this.#told === 0 && !this.isRight()) return true;
    return this.#options.system() < this.#believed() - behindMsMin;
  }

  /**
   * The time as the owner's browser has it. Used only while the machine's clock is behind, and never to go back. However
   * often it is told, it comes no further than 400 days past what is known for sure, and is written down as a jump is.
   */
  tell(now: number): Told {
    if (!this.isBehind()) return 'not-needed';
    if (!Number.isSafeInteger(now) || now < Math.floor(this.#believed()) || now > this.#known() + toldMsMax)
      return 'refused';
    this.#told = now - (this.#options.steady() - this.#startedAt);
    return 'used';
  }

  /** Writes the time down. Call it each hour, and when the box stops. */
  async save(): Promise<void> {
    const { steady, save } = this.#options;
    const now = this.now();
    const isJump = now > this.#known() + jumpMsMax;
    if (!isJump) this.#aheadSince = undefined;
    else this.#aheadSince ??= steady();
    if (this.#aheadSince !== undefined && steady() - this.#aheadSince < dayMs) return;
    if (now <= this.#saved) return;
    await save(now);
    this.#saved = now;
    this.#floor = Math.max(this.#floor, now - (steady() - this.#startedAt));
    this.#aheadSince = undefined;
  }

  #known(): number {
    return this.#floor + (this.#options.steady() - this.#startedAt);
  }

  #believed(): number {
    return Math.max(this.#floor, this.#told) + (this.#options.steady() - this.#startedAt);
  }
}

/** Of this machine, with what it wrote down before. `device`: one of the box's own. */
export function openClock(settings: Settings, { device = false }: { device?: boolean } = {}): Clock {
  return new Clock({
    ...(device && { isRight: keepsTime }),
    system: () => Date.now(),
    steady: () => performance.now(),
    saved: Number(settings.text(savedSetting)) || undefined,
    save: (ms) => settings.putText(savedSetting, String(ms)),
  });
}

/** systemd-timesyncd(8) makes it once a server of the network told the time. */
const synchronisedFile = '/run/systemd/timesync/synchronized';
/** Linux, Documentation/ABI/testing/rtc-cdev: seconds since 1970. One that lost its power begins anew, long ago. */
const batteryClockFile = '/sys/class/rtc/rtc0/since_epoch';

function keepsTime(saved: number): boolean {
  if (existsSync(synchronisedFile)) return true;
  try {
    return Number(readFileSync(batteryClockFile, 'utf8')) * 1000 > saved - dayMs;
  } catch {
    return false;
  }
}
