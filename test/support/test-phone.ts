import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { backUp } from '../../src/client/backup.ts';
import { ConfigStore } from '../../src/client/config-store.ts';
import { Meter } from '../../src/client/meter.ts';
import { openBox, pair } from '../../src/client/pairing.ts';
import { Patience } from '../../src/client/patience.ts';
import type { ItemEvent } from '../../src/client/report.ts';
import { restore } from '../../src/client/restore.ts';
import type { TestBox } from './test-box.ts';

export type Ran = { counts: object; meter: Meter; items: ItemEvent[]; retries: string[]; seconds: number };

/** A phone in a folder of its own, with short waits: `DCIM` is its photos, `back` is where it restores to. */
export class TestPhone {
  readonly work: string;
  readonly config: ConfigStore;

  constructor(work: string) {
    this.work = work;
    this.config = new ConfigStore(join(work, 'config'));
  }

  static async make(): Promise<TestPhone> {
    return new TestPhone(await mkdtemp(join(tmpdir(), 'nightjar-client-')));
  }

  async remove(): Promise<void> {
    await rm(this.work, { recursive: true, force: true });
  }

  at(...names: string[]): string {
    return join(this.work, ...names);
  }

  async pair(box: TestBox, replace = false): Promise<void> {
    await pair(box.link, this.config, { clientVersion: '1', replace });
  }

  backup(dirs: string[] = [this.at('DCIM')], patienceMs = 5000): Promise<Ran> {
    return this.#run(patienceMs, (parts) => backUp(dirs, parts));
  }

  restore(own = false, patienceMs = 5000): Promise<Ran> {
    return this.#run(patienceMs, (parts) => restore({ dir: this.at('back'), own }, parts));
  }

  /** Writes a photo, taken in November 2023. */
  async file(name: string, bytes: Buffer | string): Promise<string> {
    const path = this.at('DCIM', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    await utimes(path, 1_700_000_000.123, 1_700_000_000.123);
    return path;
  }

  async #run(patienceMs: number, act: (parts: Parameters<typeof backUp>[1]) => Promise<object>): Promise<Ran> {
    const retries: string[] = [];
    const patience = new Patience({
      patienceMs,
      backoffFirstMs: 20,
      backoffMaxMs: 100,
      retryAfterMaxMs: 200,
      onRetry: ({ code }) => retries.push(code),
    });
    const { config } = this;
    const client = openBox(await config.mustBePaired());
    const meter = new Meter();
    const items: ItemEvent[] = [];
    const startedMs = performance.now();
    try {
      const counts = await act({ config, box: client, patience, meter, onItem: (item) => items.push(item) });
      return { counts, meter, items, retries, seconds: (performance.now() - startedMs) / 1000 };
    } finally {
      client.close();
    }
  }
}

/** Bytes that repeat nowhere a damaged offset could hide. */
export function noise(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE((at * 2654435761) >>> 0, at);
  return bytes;
}

/** More than a file that goes in one request. */
export const big = 20 * 1024 * 1024;
