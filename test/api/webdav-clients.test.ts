/** Real WebDAV clients against a whole box: the conformance suite litmus, and rclone with its own checks. */
import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { maySkip, rounds, say } from '../support/counts.ts';
import { DavApp } from '../support/dav-app.ts';
import type { HandPhone } from '../support/hand-phone.ts';

const run = promisify(execFile);
const isMissing = async (program: string) =>
  await run('which', [program]).then(
    () => false,
    () => true,
  );
const missing = { litmus: await isMissing('litmus'), rclone: await isMissing('rclone') };
const files = rounds(60, 2_000);
const syncMsMax = 900_000;

describe('clients of WebDAV', () => {
  let app: App;
  let phone: HandPhone;
  let dav: DavApp;
  let dir: string;
  let env: NodeJS.ProcessEnv;
  const sums = new Map<string, string>();

  beforeAll(async () => {
    app = await App.startClaimed();
    phone = await app.pair('Bob', 'Laptop');
    dav = await DavApp.on(app, phone);
    dir = await mkdtemp(join(tmpdir(), 'nightjar-webdav-'));
    env = { PATH: process.env['PATH'], HOME: dir };
    if (missing.rclone) return;
    const obscured = await run('rclone', ['obscure', dav.password], { env });
    env = {
      ...env,
      RCLONE_CONFIG_BOX_TYPE: 'webdav',
      RCLONE_CONFIG_BOX_URL: `http://127.0.0.1:${app.httpPort}${dav.file()}`,
      RCLONE_CONFIG_BOX_VENDOR: 'nextcloud',
      RCLONE_CONFIG_BOX_USER: dav.user,
      RCLONE_CONFIG_BOX_PASS: obscured.stdout.trim(),
    };
    for (let n = 0; n < files; n++) {
      const name = n % 10 === 0 ? `Screens & co/shot #${n} 100%.png` : `DCIM/10${n % 3}/IMG ${n} ü.jpg`;
      const bytes = randomBytes(2_000 + n * 100);
      await mkdir(dirname(join(dir, 'phone', name)), { recursive: true });
      await writeFile(join(dir, 'phone', name), bytes);
      sums.set(name, createHash('sha1').update(bytes).digest('hex'));
    }
  });
  afterAll(async () => {
    expect(app.ownErrors()).toEqual([]);
    await app[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  /** The box writes its checksum lists when nothing came for a while. */
  const originals = async () => (await app.filesInView()).filter((path) => !path.endsWith('/SHA256SUMS'));
  const rclone = async (...args: string[]) =>
    await run('rclone', args, { cwd: dir, env, timeout: syncMsMax, maxBuffer: 16 * 1024 * 1024 });

  it.skipIf(missing.litmus && maySkip)('litmus: its groups basic and http, whole', { timeout: 120_000 }, async () => {
    const url = `http://127.0.0.1:${app.httpPort}${dav.file()}`;
    const about = { cwd: dir, env: { ...env, TESTS: 'basic http' }, timeout: 110_000 };
    const { stdout } = await run('litmus', [url, dav.user, dav.password], about);
    expect(stdout).toContain("<- summary for `basic': of 16 tests run: 16 passed, 0 failed.");
    expect(stdout).toContain("<- summary for `http': of 4 tests run: 4 passed, 0 failed.");
  });

  it.skipIf(missing.litmus && maySkip)('litmus: of copymove all but folders that are copied', async () => {
    const url = `http://127.0.0.1:${app.httpPort}${dav.file()}`;
    const about = { cwd: dir, env: { ...env, TESTS: 'copymove' }, timeout: 60_000 };
    const { stdout } = await run('litmus', ['-k', url, dav.user, dav.password], about).catch(
      (error: { stdout: string }) => error,
    );
    const failed = [...stdout.matchAll(/(\w+)\.+ FAIL \((.*)\)/g)].map(([, name]) => name);
    expect(failed).toEqual(['copy_coll', 'copy_shallow', 'move_coll']);
  });

  it.skipIf(missing.rclone && maySkip)(
    'rclone: a sync that is killed and run again, then checked by its checksums',
    { timeout: 2 * syncMsMax },
    async () => {
      // Also what litmus left.
      const counted = async () => Number((await phone.ask('GET', '/api/phone/status')).json()['safe']);
      const [filesBefore, safeBefore] = [(await originals()).length, await counted()];
      const safe = async () => (await counted()) - safeBefore;
      const took = async (work: Promise<unknown>) => {
        const begun = performance.now();
        await work;
        return `${((performance.now() - begun) / 1_000).toFixed(1)} s`;
      };
      // Slowly: it must not be done before it is killed.
      const killed = spawn('rclone', ['sync', '--tpslimit', '20', 'phone', 'BOX:backup'], {
        cwd: dir,
        env,
        stdio: 'ignore',
      });
      const over = new Promise((resolve) => killed.once('close', resolve));
      await expect.poll(safe, { timeout: syncMsMax }).toBeGreaterThan(files / 10);
      killed.kill('SIGKILL');
      await over;
      const before = await safe();
      expect(before).toBeLessThan(files);
      const rerun = await took(rclone('sync', 'phone', 'BOX:backup'));
      expect(await safe()).toBe(files);
      const check = await rclone('check', 'phone', 'BOX:backup');
      expect(check.stderr).toContain(`${files} matching files`);
      expect(check.stderr).toContain('0 differences found');
      let stdout = '';
      const hashed = await took(rclone('hashsum', 'sha1', 'BOX:backup').then((told) => ({ stdout } = told)));
      const told = stdout
        .trim()
        .split('\n')
        .map((line) => [line.slice(42), line.slice(0, 40)] as const);
      expect(new Map(told.sort())).toEqual(new Map([...sums].sort()));
      const again = await rclone('sync', '-v', 'phone', 'BOX:backup');
      expect(again.stderr).toMatch(/Transferred:\s+0 B \/ 0 B/);
      expect(await originals()).toHaveLength(filesBefore + files);
      expect(await app.incoming()).toEqual([]);
      say(`rclone: ${files} files, killed with ${before}, the rest in ${rerun}, hashsum in ${hashed}`);
    },
  );

  it.skipIf(missing.rclone && maySkip)('rclone: a sync that removes takes names, and no file', async () => {
    const before = await originals();
    await mkdir(join(dir, 'empty'));
    await rclone('sync', 'empty', 'BOX:backup');
    expect((await rclone('lsf', '-R', 'BOX:backup')).stdout.trim()).toBe('');
    expect(await originals()).toEqual(before);
  });
});
