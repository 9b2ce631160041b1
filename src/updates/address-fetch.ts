/**
 * Owns fetching what the address offers, in the background, and handing it to who installs it: one at a time, and not for
 * ever. Never decides what is offered, and never installs. Only this room calls it.
 */
import { CodedError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { BundleFile } from './bundle-file.ts';
import type { Manifest } from './manifest.ts';
import type { UpdateReason } from './update-reasons.ts';
import type { OutcomeView } from './updates-contract.ts';

export type AddressFetchOptions = Readonly<{
  bundle: Pick<BundleFile, 'receive' | 'path'>;
  /** The one that runs. */
  version: string;
  ca: string | undefined;
  /** For all of it: who sends a byte now and then is not waited for longer. */
  fetchMsMax: number | undefined;
  now: () => number;
  log: Pick<Logger, 'warn'>;
}>;
type Running = Readonly<{ stop: AbortController; done: Promise<void> }>;

/** The largest bundle over 0.7 Mbit/s. */
const fetchMsMaxUsual = 2 * 3_600_000;

export class AddressFetch {
  readonly #options: AddressFetchOptions;
  #running: Running | undefined;
  #outcome: OutcomeView | null = null;

  constructor(options: AddressFetchOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#running !== undefined;
  }

  /** Of one that came to nothing: no helper knows of it. */
  get outcome(): OutcomeView | null {
    return this.#outcome;
  }

  /** What came of the last one is over. */
  forget(): void {
    this.#outcome = null;
  }

  /** Begins; not while one is running. `install`: of what is there then, by its path. */
  begin(offer: Manifest, install: (path: string) => Promise<unknown>): void {
    this.#outcome = null;
    const stop = new AbortController();
    const done = this.#run(offer, install, stop.signal).finally(() => {
      this.#running = undefined;
    });
    this.#running = { stop, done };
  }

  /** Nothing is fetched any more when it returns. */
  async stop(): Promise<void> {
    this.#running?.stop.abort();
    await this.#running?.done;
  }

  /** Never rejects. */
  async #run(offer: Manifest, install: (path: string) => Promise<unknown>, stopped: AbortSignal): Promise<void> {
    const { bundle, log, fetchMsMax = fetchMsMaxUsual } = this.#options;
    const late = AbortSignal.timeout(fetchMsMax);
    try {
      await this.#fetch(offer, AbortSignal.any([stopped, late]));
    } catch (err) {
      if (stopped.aborted) return;
      log.warn({ err }, 'an update could not be fetched');
      if (late.aborted) this.#refused(offer, 'not-reached', 'It took too long to come. Nothing of it was kept.');
      else this.#refused(offer, reasonOf(err), (err as Error).message);
      return;
    }
    if (stopped.aborted) return;
    try {
      await install(bundle.path);
    } catch (err) {
      log.warn({ err }, 'an update was fetched, and not taken by who installs it');
      const busy = err instanceof CodedError && err.code === 'busy';
      this.#refused(offer, busy ? 'busy' : 'other', `It was fetched whole, and is kept. ${(err as Error).message}`);
    }
  }

  async #fetch({ url, sha256, sizeBytes }: Manifest, signal: AbortSignal): Promise<void> {
    const { bundle, ca } = this.#options;
    const { fetchFile } = await import('./fetching.ts');
    const { body, lengthBytes } = await fetchFile(url, signal, ca);
    if (lengthBytes !== null && lengthBytes !== sizeBytes) {
      body.destroy();
      throw new CodedError('length-mismatch', 'Another file is there than was announced. Nothing of it was kept.');
    }
    await bundle.receive({ stream: body, lengthBytes: sizeBytes, sha256, by: 'address' });
  }

  #refused({ version }: Manifest, reason: UpdateReason, detail: string): void {
    const { version: before, now } = this.#options;
    this.#outcome = { result: 'refused', reason, version, before, at: now(), detail: detail.slice(0, 500) };
  }
}

function reasonOf(err: unknown): UpdateReason {
  if (!(err instanceof CodedError)) return 'not-reached';
  if (err.code === 'disk-full') return 'no-room';
  return /mismatch|too-large/.test(err.code) ? 'damaged' : 'other';
}
