import type { Timers } from './timers.ts';

export type ProberOptions = Readonly<{
  timers: Timers;
  random: () => number;
  /** False when nothing may be sent just now. */
  send: () => boolean;
  onWon: () => void;
  onLost: () => void;
}>;

const probes = 3;
/** RFC 6762, 8.1. */
const delayMsMax = 250;
const gapMs = 250;
/** RFC 6762, 8.2: what the loser of a tie waits. */
const tieWaitMs = 1_000;
/** One who wins every tie and never takes the name would hold us for ever. */
const tiesMax = 5;
const defenceProbes = 5;
/** Longer than some keep silent after an answer. */
const defenceGapMsMin = 520;
const defenceGapMsMax = 900;
/** How long after a probe something counts as its answer: radio networks hold multicasts back. */
const answerMsMax = 250;
/** Who says it more often than so, for each probe, would seem to answer all of them. */
const shoutsPerProbeMax = 2;
/**
 * So many probes that did not leave are sent again: an IPv6 address cannot be used while the kernel makes sure of it
 * (RFC 4862, 5.4), for about two seconds after a cable is in. Some interfaces can never send; they hold nobody up.
 */
const unsentMax = 12;

/**
 * Finds out whether a name is free on one link (RFC 6762, 8.1). `claim` is for a name not ours yet: one answer and it
 * is lost. `defend` is for one that was ours (9): it is lost to who answers each probe at once, and not to one who only
 * shouts. The probes come at times that cannot be known, and the first that is not answered ends it.
 */
export class Prober {
  readonly #options: ProberOptions;
  #mode: 'claim' | 'defend' = 'claim';
  #timer: unknown;
  #isRunning = false;
  #sent = 0;
  #sentAtMs = 0;
  #ties = 0;
  #unsent = 0;
  #isUnsent = false;
  #isAnswered = false;
  #shouts = 0;

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  start(mode: 'claim' | 'defend'): void {
    this.stop();
    this.#mode = mode;
    this.#ties = 0;
    this.#unsent = 0;
    this.#restart(this.#options.random() * delayMsMax);
  }

  stop(): void {
    this.#isRunning = false;
    this.#options.timers.clearTimeout(this.#timer);
  }

  /** The last probe was heard by nobody, at least of one family. */
  unsent(): void {
    this.#isUnsent = true;
  }

  /** Somebody said something else under the name. */
  conflict(): void {
    if (!this.#isRunning) return;
    if (this.#mode === 'claim') {
      this.stop();
      this.#options.onLost();
    } else if (this.#sent > 0 && this.#options.timers.nowMs() - this.#sentAtMs <= answerMsMax) this.#isAnswered = true;
    else this.#shouts += 1;
  }

  /** Somebody began at the same time, and comes before us. */
  tieLost(): void {
    if (!this.#isRunning) return;
    this.#ties += 1;
    if (this.#ties <= tiesMax) {
      this.#restart(tieWaitMs);
      return;
    }
    this.stop();
    this.#options.onLost();
  }

  #restart(delayMs: number): void {
    this.#options.timers.clearTimeout(this.#timer);
    this.#isRunning = true;
    this.#sent = 0;
    this.#isUnsent = false;
    this.#isAnswered = false;
    this.#shouts = 0;
    this.#timer = this.#options.timers.setTimeout(() => this.#step(), delayMs);
  }

  #step(): void {
    if (this.#isUnsent && this.#sent > 0 && this.#unsent < unsentMax) {
      this.#unsent += 1;
      this.#sent -= 1;
    }
    this.#isUnsent = false;
    const isEnd = this.#sent === (this.#mode === 'claim' ? probes : defenceProbes);
    if (isEnd || (this.#mode === 'defend' && this.#sent > 0 && !this.#isAnswered)) {
      this.stop();
      if (this.#isAnswered && this.#shouts <= shoutsPerProbeMax * this.#sent) this.#options.onLost();
      else this.#options.onWon();
      return;
    }
    if (this.#options.send()) {
      this.#sent += 1;
      this.#sentAtMs = this.#options.timers.nowMs();
      this.#isAnswered = false;
    }
    this.#timer = this.#options.timers.setTimeout(() => this.#step(), this.#gapMs());
  }

  #gapMs(): number {
    if (this.#mode === 'claim') return gapMs;
    return defenceGapMsMin + this.#options.random() * (defenceGapMsMax - defenceGapMsMin);
  }
}
