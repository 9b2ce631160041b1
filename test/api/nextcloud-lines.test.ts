/**
 * Every line of what the Nextcloud apps, the desktop's client and rclone ask of the box, by curl with each one's own
 * headers and quirks: how they find it and are let in, files, chunks, and what trips their readers. One test a line.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maySkip, soak } from '../support/counts.ts';
import { accountLines } from './nextcloud-lines/account.ts';
import { chunkLines } from './nextcloud-lines/chunks.ts';
import { fileLines } from './nextcloud-lines/files.ts';
import { trapLines } from './nextcloud-lines/traps.ts';
import { World } from './nextcloud-lines/world.ts';

/** Files of 100 MB and more. */
const timeout = soak ? 600_000 : 60_000;
const isMissing = (() => {
  try {
    execFileSync('curl', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
})();

describe.skipIf(isMissing && maySkip)('what the apps ask', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.start();
  });
  afterAll(async () => {
    expect(world.box.ownErrors()).toEqual([]);
    await world[Symbol.asyncDispose]();
  });

  describe.each([
    ['Requests', [...accountLines, ...fileLines]],
    ['Chunked upload', chunkLines],
    ['Readers and properties', trapLines],
  ] as const)('%s', (_table, lines) => {
    for (const { line, who, check } of lines) it(`${line} (${who})`, { timeout }, () => check(world));
  });
});
