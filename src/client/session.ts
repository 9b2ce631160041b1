import { backUp, exitCodeOf } from './backup.ts';
import type { Box } from './box.ts';
import type { ConfigStore, Pairing } from './config-store.ts';
import { type ExitCode, Failure } from './failure.ts';
import { lock } from './lock.ts';
import { Meter } from './meter.ts';
import { type OpenBoxOptions, openBox, withAddress } from './pairing.ts';
import { Patience } from './patience.ts';
import type { Report } from './report.ts';
import { restore } from './restore.ts';

/**
 * One command's dealings with the box. Owns: opening it as it is paired now, telling it the plan, and remembering where
 * it was found. Never: decides when. For main.ts and the nightly schedule.
 */

export type SessionOptions = Readonly<{
  config: ConfigStore;
  report: Report;
  patienceMs: number;
  clientVersion: string;
  find?: OpenBoxOptions['find'];
  /** Ends what is under way: a backup then throws `stopped`. */
  signal?: AbortSignal;
}>;

/** A box that takes the plan and says nothing must not keep the photos waiting. */
const tellMs = 15_000;

export class Session {
  readonly box: Box;
  readonly patience: Patience;
  readonly #options: SessionOptions;
  readonly #pairing: Pairing;
  #reached: Pairing;
  readonly #stop = () => {
    this.patience.stop(new Failure('stopped', 'Stopped. What was sent is safe; the next backup goes on from there.'));
    this.box.close();
  };

  private constructor(options: SessionOptions, pairing: Pairing) {
    this.#options = options;
    this.#pairing = pairing;
    this.#reached = pairing;
    this.box = openBox(pairing, {
      onAddress: (address) => {
        this.#reached = withAddress(this.#reached, address);
      },
      ...(options.find === undefined ? {} : { find: options.find }),
    });
    this.patience = new Patience({
      patienceMs: options.patienceMs,
      onRetry: (retry) => options.report.event({ event: 'retry', ...retry }),
    });
    options.signal?.addEventListener('abort', this.#stop, { once: true });
    if (options.signal?.aborted) this.#stop();
  }

  /** Throws `not-paired`. */
  static async open(options: SessionOptions): Promise<Session> {
    return new Session(options, await options.config.mustBePaired());
  }

  /** Ends the connections and remembers the address, unless this phone was paired anew meanwhile. */
  async close(): Promise<void> {
    const { config, signal } = this.#options;
    signal?.removeEventListener('abort', this.#stop);
    this.box.close();
    if (JSON.stringify(this.#reached) === JSON.stringify(this.#pairing)) return;
    // A cache: when it cannot be written, the next run looks for the box again.
    const paired = await config.pairing().catch(() => null);
    if (paired?.token === this.#pairing.token) await config.savePairing(this.#reached).catch(() => {});
  }

  /** Tells the box when the next backup is to come (ms since 1970). Never fails: an older box does not want to know. */
  async tell(nextAt: number | null): Promise<void> {
    const body = Buffer.from(
      JSON.stringify({ nextAt, client: 'nightjar-phone', clientVersion: this.#options.clientVersion }),
    );
    const headers = { 'content-type': 'application/json' };
    const asked = this.box.ask({ method: 'POST', path: '/api/phone/plan', headers, body }).catch(() => {});
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, tellMs);
    });
    await Promise.race([asked, late]);
    clearTimeout(timer);
  }

  /** Tells `nextAt` and backs up, under the lock; throws `busy` when somebody else has it, and what `backUp` throws. */
  async backUp(dirs: readonly string[], nextAt: number | null): Promise<ExitCode> {
    const held = await lock(this.#options.config.dir);
    try {
      await this.tell(nextAt);
      return await this.#transfer('backup', (parts) => backUp(dirs, parts));
    } finally {
      await held.release();
    }
  }

  async restore(dir: string, own: boolean): Promise<ExitCode> {
    return await this.#transfer('restore', (parts) => restore({ dir, own }, parts));
  }

  async #transfer(
    command: 'backup' | 'restore',
    act: (parts: Parameters<typeof backUp>[1]) => ReturnType<typeof backUp>,
  ): Promise<ExitCode> {
    const { config, report } = this.#options;
    const { name: box, phone, person } = this.#pairing;
    const meter = new Meter();
    const startedMs = performance.now();
    report.event({ event: 'start', command, box, phone, person });
    report.watch(meter);
    try {
      const counts = await act({ config, box: this.box, patience: this.patience, meter, onItem: report.event });
      report.close();
      const seconds = Math.round((performance.now() - startedMs) / 100) / 10;
      const exitCode = exitCodeOf(counts);
      const { filesMoved: files, bytesMoved: bytes, leftOut, leftOutBy } = meter;
      const left = command === 'backup' ? { leftOut, leftOutBy } : {};
      report.event({ event: 'done', command, ...counts, ...left, files, bytes, seconds, exitCode });
      return exitCode;
    } finally {
      report.close();
    }
  }
}
