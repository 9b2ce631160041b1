/**
 * Two attached disks take turns as the library, by the real helper: one of them is pulled, or the box ends, in the middle of
 * each promotion. It goes on by itself, and every photo is on both.
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFailed, vi } from 'vitest';
import type { DiskView } from '../../src/disks/disks-contract.ts';
import { App } from '../support/app.ts';
import { maySkip, rounds, say, suiteSeed } from '../support/counts.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';
import { HelperBox, helperMissing } from '../support/helper-box.ts';
import { Random } from '../support/random.ts';
import { recordResult } from '../support/results.ts';

const missing = await helperMissing();
if (missing !== undefined) say(`attached disks cannot be pulled here: ${missing}`);
const poll = { timeout: 90_000, interval: 100 };
const loops = ['free', 'other'] as const;
const filesARound = 5;

type Mirrors = Readonly<{
  mirrors: ReadonlyArray<{ diskId: string; attached: boolean; waiting: { files: number } }>;
  promotion: object | null;
}>;

describe.skipIf(missing !== undefined && maySkip)('attached disks', () => {
  const seed = suiteSeed('attached disks');
  const random = new Random(seed);
  const dir = mkdtempSync(join(tmpdir(), 'njq-'));
  const sent: string[] = [];
  let box: HelperBox;
  let app: App;
  let phone: HandPhone;

  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Attached disks cannot be pulled here: ${missing}`);
    box = await HelperBox.make(join(dir, 'box'), { seen: true });
    const { socketPath, mountRoot, mountInfo } = box;
    const disks = { socketPath, mountRoot, mountInfo, watchMs: 200, replyWithinMs: 60_000 };
    app = await App.startClaimed({ NIGHTJAR_DISK_DIR: '' }, { disks });
    for (const [loop, role] of [
      ['free', 'library'],
      ['other', 'mirror'],
    ] as const) {
      await vi.waitFor(async () => expect(await seen(loop)).toMatchObject({ state: 'free' }), poll);
      await done(loop, 'erase', { name: (await seen(loop))?.name, filesystem: 'ext4' });
      await done(loop, 'use', { role });
    }
    phone = await app.pair('Bob', 'Pixel');
  }, 120_000);
  afterAll(async () => {
    await app?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  const asked = async (path: string) => (await app.console('GET', path)).json();
  const seen = async (loop: string) => {
    const { disks } = (await asked('/api/disks')) as unknown as { disks: DiskView[] };
    return disks.find(({ id }) => id.startsWith(`other-${box.device(loop).replace('/dev/', '')}-`));
  };
  const done = async (loop: string, verb: string, body: unknown) => {
    const answer = await app.console('POST', `/api/disks/${(await seen(loop))?.id}/${verb}`, body);
    expect(answer.status, `${loop}, ${verb}: ${answer.text}`).toBe(200);
  };
  const mirrors = async () => (await asked('/api/mirrors')) as unknown as Mirrors;
  /** Both are there, and hold the same. */
  const whole = async () => {
    const disk = (await asked('/api/health'))['disk'];
    const { mirrors: all, promotion } = await mirrors();
    return [disk, promotion, ...all.map(({ attached, waiting }) => [attached, waiting.files])];
  };

  async function send(): Promise<void> {
    for (let n = 0; n < filesARound; n += 1) {
      const picture = exifJpeg({ seed: seed + sent.length, bytes: 300_000, takenLocal: '2026-11-09T18:00:00' });
      await phone.send(`DCIM/${sent.length}.jpg`, picture);
      sent.push(createHash('sha256').update(picture).digest('hex'));
    }
  }

  async function trouble(): Promise<string> {
    const kind = random.whole(0, 2);
    const loop = loops[kind];
    if (loop === undefined) {
      await app.restart();
      return 'restarted';
    }
    await box.pull(loop);
    // Nothing is written where it was.
    for (const folder of await readdir(box.mountRoot)) {
      const names = await readdir(join(box.mountRoot, folder));
      if (names.length > 0) expect(names).toContain('.nightjar');
    }
    await pause(random.whole(0, 500));
    await box.plugIn(loop);
    return `pulled ${loop}`;
  }

  it('take turns as the library, whatever is pulled meanwhile', async () => {
    const told = app.logged.length;
    onTestFailed(async () => {
      const lines = app.logged.slice(told).filter((line) => !line.includes('"msg":"answered"'));
      say(`${lines.slice(-40).join('')}${JSON.stringify(await asked('/api/disks'))}`);
    });
    const many = rounds(1, 100);
    let caught = 0;
    for (let round = 1; round <= many; round += 1) {
      await expect.poll(whole, poll).toEqual(['ok', null, [true, 0]]);
      await send();
      const [mirror] = (await mirrors()).mirrors;
      const begun = await app.console('POST', `/api/mirrors/${mirror?.diskId}/promote`, {});
      expect(begun.status, begun.text).toBe(202);
      await pause(random.whole(0, 1_500));
      if ((await mirrors()).promotion !== null) caught += 1;
      const what = `round ${round} (${await trouble()})`;
      await expect.poll(whole, { ...poll, message: what }).toEqual(['ok', null, [true, 0]]);
      expect((await mirrors()).mirrors[0]?.diskId, what).not.toBe(mirror?.diskId);
    }
    const { assets } = await phone.library('?limit=1000');
    expect(assets.map(({ sha256 }) => sha256).sort()).toEqual([...sent].sort());
    for (const folder of await readdir(box.mountRoot)) {
      for (const { path, sha256 } of assets) {
        const bytes = await readFile(join(box.mountRoot, folder, path));
        expect(createHash('sha256').update(bytes).digest('hex'), path).toBe(sha256);
      }
    }
    expect(await readdir(box.mountRoot)).toHaveLength(2);
    expect(app.ownErrors()).toEqual([]);
    const result = `${sent.length} files, each on both disks; ${caught} were under way`;
    await recordResult({
      suite: 'attached disks, pulled while promoting',
      seed,
      rounds: many,
      failures: 0,
      told: result,
    });
  });
});
