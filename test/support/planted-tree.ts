/** A copy of the source with a bug planted in it on purpose, to see that a suite catches it. */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const projectDir = new URL('../..', import.meta.url).pathname;

export type Bug = Readonly<{
  name: string;
  file: string;
  /** Occurs exactly once in the file. */
  right: string;
  wrong: string;
}>;

export class PlantedTree {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** @throws when the line is not there any more: then the bug has to be planted elsewhere. */
  static async make({ name, file, right, wrong }: Bug): Promise<PlantedTree> {
    const tree = new PlantedTree(await mkdtemp(join(tmpdir(), 'njb-')));
    try {
      for (const part of ['src', 'web', 'package.json']) {
        await cp(join(projectDir, part), join(tree.dir, part), { recursive: true });
      }
      await symlink(join(projectDir, 'node_modules'), join(tree.dir, 'node_modules'));
      const path = join(tree.dir, file);
      const source = await readFile(path, 'utf8');
      if (source.split(right).length !== 2) throw new Error(`${name}: ${file} does not hold this once: ${right}`);
      await writeFile(
        path,
        source.replace(right, () => wrong),
      );
      return tree;
    } catch (error) {
      await tree[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }
}
