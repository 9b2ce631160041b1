import { createHash } from 'node:crypto';

/** So much a second on average, and so much at once. Times come from one monotonic clock. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #countedAtMs: number | undefined;

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
  }

  tryTake(nowMs: number): boolean {
    const passedMs = nowMs - (this.#countedAtMs ?? nowMs);
    this.#tokens = Math.min(this.#burst, this.#tokens + (passedMs * this.#perSecond) / 1000);
    this.#countedAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** At most `countMax` in any `windowMs`, without exception. */
export class Window {
  readonly #countMax: number;
  readonly #windowMs: number;
  readonly #atMs: number[] = [];

  constructor(countMax: number, windowMs: number) {
    this.#countMax = countMax;
    this.#windowMs = windowMs;
  }

  tryTake(nowMs: number): boolean {
    const oldest = this.#atMs[0];
    if (this.#atMs.length >= this.#countMax) {
      if (oldest !== undefined && nowMs - oldest < this.#windowMs) return false;
      this.#atMs.shift();
    }
    this.#atMs.push(nowMs);
    return true;
  }
}

const sourcePerSecond = 20;
const sourceBurst = 40;
const sourcesMax = 256;
const linkPerSecond = 200;

/**
 * Which packets of a link are looked at. One source's share is taken first, so that a flooder does not use up what the
 * others may say.
 */
export class IncomingLimit {
  readonly #bySource = new Map<string, TokenBucket>();
  readonly #link = new TokenBucket(linkPerSecond, linkPerSecond);

  tryTake(address: string, nowMs: number): boolean {
    const bucket = this.#bySource.get(address) ?? new TokenBucket(sourcePerSecond, sourceBurst);
    this.#bySource.delete(address);
    this.#bySource.set(address, bucket);
    if (this.#bySource.size > sourcesMax) {
      const [longestSilent] = this.#bySource.keys();
      if (longestSilent !== undefined) this.#bySource.delete(longestSilent);
    }
    return bucket.tryTake(nowMs) && this.#link.tryTake(nowMs);
  }
}

const sentMax = 512;

/**
 * What this box said lately, on any link: it hears itself, also by its other interface in the same network, and after
 * the address it spoke from is gone.
 */
export class SentPackets {
  readonly #digests = new Set<string>();

  add(bytes: Buffer): void {
    const digest = digestOf(bytes);
    this.#digests.delete(digest);
    this.#digests.add(digest);
    if (this.#digests.size <= sentMax) return;
    const [oldest] = this.#digests;
    if (oldest !== undefined) this.#digests.delete(oldest);
  }

  has(bytes: Buffer): boolean {
    return this.#digests.has(digestOf(bytes));
  }
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('base64');
}
