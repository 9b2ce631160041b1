/** A copy of the source with a bug planted in it on purpose, to see that a suite catches it. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const suiteMsMax = 10 * 60_000;
const projectDir = new URL('../..', import.meta.url).pathname;

export type Bug = Readonly<{
  name: string;
  /** Where the line is: its file may change. */
  folder: string;
  /** Occurs exactly once in the folder's source. */
  right: RegExp;
  /** May use `$1` and so on. */
  wrong: string;
}>;

export class PlantedTree {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** @throws when the line is not there any more: then the bug has to be planted elsewhere. */
  static async make(bug: Bug): Promise<PlantedTree> {
    const tree = new PlantedTree(await mkdtemp(join(tmpdir(), 'njb-')));
    try {
      for (const part of ['src', 'web', 'package.json']) {
        await cp(join(projectDir, part), join(tree.dir, part), { recursive: true });
      }
      await symlink(join(projectDir, 'node_modules'), join(tree.dir, 'node_modules'));
      await tree.#plant(bug);
      return tree;
    } catch (error) {
      await tree[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #plant({ name, folder, right, wrong }: Bug): Promise<void> {
    const found: Array<{ path: string; source: string }> = [];
    for (const file of await readdir(join(this.dir, folder))) {
      if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
      const path = join(this.dir, folder, file);
      const source = await readFile(path, 'utf8');
      const times = [...source.matchAll(new RegExp(right, 'g'))].length;
      for (let time = 0; time < times; time++) found.push({ path, source });
    }
    const [only] = found;
    if (only === undefined || found.length > 1)
      throw new Error(`${name}: ${folder} holds ${right} ${found.length} times.`);
    await writeFile(only.path, only.source.replace(right, wrong));
  }

  /** Runs a suite against this tree's daemon. `only`: tests of this name. */
  async run(
    suite: string,
    it: { seed: number; rounds: number; only?: string },
  ): Promise<{ failed: boolean; said: string }> {
    const env = {
      ...process.env,
      NIGHTJAR_FAULT_TREE: this.dir,
      NIGHTJAR_ROUNDS: String(it.rounds),
      NIGHTJAR_SEED: String(it.seed),
      NIGHTJAR_SOAK: '0',
    };
    const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/faults/vitest.config.ts', suite];
    if (it.only !== undefined) args.push('-t', it.only);
    const options = { cwd: projectDir, env, timeout: suiteMsMax, maxBuffer: 64 * 1024 * 1024 };
    const ran = await promisify(execFile)(process.execPath, args, options).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: unknown) => error as { code: number; stdout: string; stderr: string },
    );
    return { failed: ran.code === 1, said: `${ran.stdout}\n${ran.stderr}` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}
