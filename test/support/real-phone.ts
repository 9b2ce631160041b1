/** `nightjar-phone` as its users run it: a process of its own, with its own folder of settings. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const program = new URL('../../src/client/main.ts', import.meta.url).pathname;
const usualRunMsMax = 120_000;

export type PhoneRun = Readonly<{
  exitCode: number;
  /** The last event: `done` with the counts, or `error`. */
  last: Record<string, unknown>;
  events: ReadonlyArray<Record<string, unknown>>;
}>;

export class RealPhone {
  readonly #config: string;
  readonly #wrapper: readonly string[];
  readonly #runMsMax: number;

  /** `dir`: where it may keep its settings. `wrapper`: put before the command, to run it on another host. */
  constructor(dir: string, wrapper: readonly string[] = [], runMsMax = usualRunMsMax) {
    this.#config = join(dir, 'nightjar-phone');
    this.#wrapper = wrapper;
    this.#runMsMax = runMsMax;
  }

  async pair(link: string): Promise<void> {
    const { exitCode, last } = await this.run('pair', link);
    if (exitCode !== 0) throw new Error(`Not paired: ${JSON.stringify(last)}`);
  }

  async run(...args: string[]): Promise<PhoneRun> {
    const [command = '', ...before] = [...this.#wrapper, process.execPath];
    const child = spawn(command, [...before, program, ...args, '--json', '--config', this.#config], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#runMsMax);
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const [exitCode] = (await once(child, 'close')) as [number | null];
    clearTimeout(timer);
    const events = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    return { exitCode: exitCode ?? -1, last: events.at(-1) ?? {}, events };
  }
}
