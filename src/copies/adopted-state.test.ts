import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decideAdoption, finishAdoption, stagingDir } from './adopted-state.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-adopted-'));
  make();
});
function make(): void {
  rmSync(dir, { recursive: true });
  write(dir, { 'nightjar.sqlite': 'new', 'nightjar.sqlite-wal': 'new', 'nightjar.sqlite-shm': 'new' });
  write(join(dir, 'tls'), { 'authority.json': 'new', 'name-leaf.json': 'new', 'name-leaf.json.new': 'new' });
  write(stagingDir(dir), { 'nightjar.sqlite': 'old', 'box-key': 'old' });
  write(join(stagingDir(dir), 'tls'), { 'authority.json': 'old', 'name-leaf.json': 'old' });
}
afterEach(() => rmSync(dir, { recursive: true }));

function write(folder: string, files: Record<string, string>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}
const state = () =>
  Object.fromEntries(
    readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(dir.length + 1), readFileSync(path, 'utf8')]),
  );
const adopted = {
  'nightjar.sqlite': 'old',
  'box-key': 'old',
  'tls/authority.json': 'old',
  'tls/name-leaf.json': 'old',
};

test('what was not decided is nothing', async () => {
  expect(await finishAdoption(dir)).toBe(false);
  expect(new Set(Object.values(state()))).toEqual(new Set(['new']));
  expect(await finishAdoption(join(dir, 'not-there'))).toBe(false);
});

test('what was decided comes to its end, wherever it is interrupted', async () => {
  for (let cutAt = 0, ended = false; !ended; cutAt += 1) {
    expect(cutAt).toBeLessThan(40);
    make();
    await decideAdoption(dir);
    let left = cutAt;
    ended = await finishAdoption(dir, () => {
      if (left === 0) throw new Error('the plug');
      left -= 1;
    }).catch(() => false);
    const there = state();
    // Never the old box's people beside the new one's certificates or log.
    if (there['nightjar.sqlite'] === 'old') expect(there).toMatchObject(adopted);
    if (there['nightjar.sqlite'] === 'old') expect(there).not.toHaveProperty('nightjar.sqlite-wal');
    expect(await finishAdoption(dir)).toBe(!ended);
    expect(state()).toEqual(adopted);
    expect(await finishAdoption(dir)).toBe(false);
    expect(state()).toEqual(adopted);
    if (ended) expect(cutAt).toBeGreaterThan(8);
  }
});
