/**
 * tus-js-client against the real daemon, with each step of receiving and finishing made to fail once: it never reports
 * success before the file is published and in the catalogue, never spins, and ends in success when the fault is gone.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CatalogueCheck } from '../support/catalogue-check.ts';
import { maySkip, say, treeDir } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { recordTests } from '../support/results.ts';
import { InjectedFault, onePoolThread, type SyscallFault, whyNoFaults } from '../support/syscall-faults.ts';
import { appendTo, beginUpload } from '../support/tus-by-hand.ts';
import { type TusSettings, type TusTarget, tusRun } from '../support/tus-run.ts';

const requestsMax = 12;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let year = 1970;
/** Each of another year, so that its folders have to be made anew. */
const picture = (bytes = 300_000) => exifJpeg({ seed: year, bytes, takenLocal: `${year++}-07-14T09:30:00` });

describe('tus-js-client', () => {
  let dir = '';
  let daemon: Daemon;
  let token = '';
  const noFaults = whyNoFaults();
  let sent = 0;
  let faultsMade = 0;
  recordTests('tus-js-client', { told: () => `${sent} files sent, ${faultsMade} with a call that failed` });

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'njt-'));
    daemon = await Daemon.start({ dir, env: onePoolThread, ...(treeDir === undefined ? {} : { treeDir }) });
    await daemon.setUp();
    ({ token } = await daemon.pair('Alice', 'Pixel'));
    await daemon.ask('GET', '/api/phone/status', { token });
  });
  afterAll(async () => {
    await daemon?.kill();
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  const target = (): TusTarget => ({ endpoint: `${daemon.url}/api/uploads`, token });
  const facts = (path: string) => ({ path, filename: path.split('/').at(-1) ?? path, mtime: '1700000000000' });

  /** The file is in the library: in its list, and on the disk with its bytes. */
  const isSafe = async (bytes: Buffer): Promise<boolean> => {
    let reply = await daemon.ask('GET', '/api/assets?limit=1000', { token });
    // A failed call that was not the upload's own (of a job, of the look at the disk) can close the library for a moment.
    for (let tries = 0; reply.status === 503 && tries < 100; tries++) {
      await setTimeout(100);
      reply = await daemon.ask('GET', '/api/assets?limit=1000', { token });
    }
    expect(reply.status, reply.body.toString()).toBe(200);
    const { assets } = JSON.parse(reply.body.toString()) as { assets: Array<{ sha256: string; path: string }> };
    const asset = assets.find((one) => one.sha256 === sha256(bytes));
    return asset !== undefined && (await readFile(join(daemon.diskDir, asset.path))).equals(bytes);
  };
  const send = async (
    bytes: Buffer,
    path: string,
    settings: TusSettings = {},
    metadata: Record<string, string> = {},
  ) => {
    sent++;
    let safe: boolean | undefined;
    const run = await tusRun(target(), bytes, { ...facts(path), ...metadata }, settings, async () => {
      safe = await isSafe(bytes);
    });
    const told = run.requests.join(', ');
    if (run.outcome === 'success') expect(safe, `success was reported early: ${told}`).toBe(true);
    expect(run.requests.length, told).toBeLessThanOrEqual(requestsMax);
    return run;
  };

  describe.each([true, false])('with data during creation %s', (uploadDataDuringCreation) => {
    it.each([
      ['whole', 300_000, undefined],
      ['in pieces', 300_000, 60_000],
      ['in pieces of exactly its length', 60_000, 60_000],
      ['of one byte more than a piece', 60_001, 60_000],
    ])('sends a file %s', async (_name, bytes, chunkSize) => {
      const settings = { uploadDataDuringCreation, ...(chunkSize === undefined ? {} : { chunkSize }) };
      const run = await send(picture(bytes), `DCIM/plain-${year}.jpg`, settings);
      expect(run.outcome, String(run.error)).toBe('success');
      expect(run.requests.filter((one) => !/ 20[014]$/.test(one))).toEqual([]);
    });

    it('sends an empty file, and is told that an empty picture is none', async () => {
      const kept = await send(Buffer.alloc(0), `empty-${uploadDataDuringCreation}.txt`, { uploadDataDuringCreation });
      expect(kept.outcome, String(kept.error)).toBe('success');
      const refused = await send(Buffer.alloc(0), 'empty.jpg', { uploadDataDuringCreation });
      expect([refused.outcome, refused.errorStatus, refused.requests.length]).toEqual(['error', 410, 1]);
      expect(String(refused.error)).toContain('empty-picture');
    });

    it('is told of a wrong checksum, and gives up', async () => {
      const bytes = picture();
      const run = await send(
        bytes,
        'DCIM/wrong.jpg',
        { uploadDataDuringCreation },
        { sha256: sha256(Buffer.from('no')) },
      );
      expect([run.outcome, run.errorStatus]).toEqual(['error', 410]);
      expect(String(run.error)).toContain('checksum-mismatch');
      expect(await isSafe(bytes)).toBe(false);
      expect(
        (await send(bytes, 'DCIM/wrong.jpg', { uploadDataDuringCreation }, { sha256: sha256(bytes) })).outcome,
      ).toBe('success');
    });
  });

  it('is told that parts in parallel are not offered', async () => {
    const bytes = picture();
    const run = await send(bytes, 'DCIM/parallel.jpg', {
      parallelUploads: 2,
      metadataForPartialUploads: facts('DCIM/part.jpg'),
    });
    expect([run.outcome, run.errorStatus]).toEqual(['error', 400]);
    expect(await isSafe(bytes)).toBe(false);
  });

  it('goes on where it was after the daemon was killed and started again', async () => {
    const bytes = picture(4_000_000);
    let url = '';
    let killed: Promise<void> | undefined;
    await tusRun(target(), bytes, facts('DCIM/restarted.jpg'), {
      chunkSize: 1_000_000,
      retryDelays: [],
      onUpload: (upload) => {
        upload.options.onChunkComplete = (_size, accepted) => {
          url = upload.url ?? '';
          if (accepted === 2_000_000) killed = daemon.kill();
        };
      },
    });
    expect(killed).toBeDefined();
    await killed;
    await daemon.restart();
    const uploadUrl = `${daemon.url}${new URL(url).pathname}`;
    const run = await send(bytes, 'DCIM/restarted.jpg', { uploadUrl });
    expect(run.outcome, String(run.error)).toBe('success');
    expect(run.requests).toEqual(['HEAD 200', 'PATCH 204']);
  });

  it('goes on where it was when the disk is away for a while, and begins nothing anew', async () => {
    const bytes = picture(4_000_000);
    const begun = await beginUpload({ daemon, token }, { path: 'DCIM/away.jpg', length: bytes.length });
    const location = String(begun.headers.location);
    const sent = await appendTo({ daemon, token }, location, 0, bytes.subarray(0, 2_000_000));
    expect(sent.headers['upload-offset']).toBe('2000000');
    await rename(daemon.diskDir, `${daemon.diskDir}.away`);
    await expect.poll(async () => (await daemon.health())['disk']).toBe('missing');
    const offsets: number[] = [];
    let back: Promise<void> | undefined;
    const run = await send(bytes, 'DCIM/away.jpg', {
      uploadUrl: `${daemon.url}${location}`,
      onUpload: (upload) => {
        upload.options.onShouldRetry = (error) => {
          back ??= rename(`${daemon.diskDir}.away`, daemon.diskDir);
          return error.originalResponse?.getStatus() === 423;
        };
        upload.options.onProgress = (position) => offsets.push(position);
      },
    });
    await back;
    expect(run.outcome, String(run.error)).toBe('success');
    expect(run.requests[0]).toBe('HEAD 423');
    expect(run.requests.filter((one) => one !== 'HEAD 423')).toEqual(['HEAD 200', 'PATCH 204']);
    expect(offsets[0]).toBeGreaterThanOrEqual(2_000_000);
  });

  it('finishes what two clients send to at once, and the file is whole', async () => {
    for (let times = 0; times < 3; times++) {
      const bytes = picture(3_000_000);
      const created = await daemon.ask('POST', '/api/uploads', {
        token,
        headers: {
          'tus-resumable': '1.0.0',
          'upload-length': String(bytes.length),
          'upload-metadata': `path ${Buffer.from(`DCIM/two-${times}.jpg`).toString('base64')}`,
        },
      });
      const uploadUrl = `${daemon.url}${created.headers.location}`;
      const writer = () => tusRun(target(), bytes, {}, { uploadUrl, chunkSize: 400_000 });
      const runs = await Promise.all([writer(), writer()]);
      const told = runs.map((run) => `${run.outcome}: ${run.requests.join(', ')}`).join('\n');
      expect(
        runs.map(({ outcome }) => outcome),
        told,
      ).toContain('success');
      for (const { requests } of runs) expect(requests.length, told).toBeLessThan(60);
      expect(await isSafe(bytes)).toBe(true);
    }
  });

  /** Every call that a whole upload makes is made to fail, one after the other; or every `step`th where there are many. */
  type Fault = Omit<SyscallFault, 'when'> & { step: number; inARow?: number };
  const pool = (call: string, error: string): Fault => ({ thread: 'pool', call, error, step: 1 });
  const catalogue = (call: string, error: string, step: number): Fault => {
    return { thread: 'main', call, error, step, path: '.nightjar/library.sqlite-wal' };
  };
  const faults: readonly Fault[] = [
    // The disk's marker, the received file, the folders that are synced.
    pool('openat', 'EIO'),
    pool('statx', 'EIO'),
    pool('pwritev', 'ENOSPC'),
    pool('pwritev', 'EIO'),
    pool('fdatasync', 'EIO'),
    pool('utimensat', 'EIO'),
    pool('mkdir', 'ENOSPC'),
    pool('mkdir', 'EIO'),
    pool('link', 'EIO'),
    // Also when the box tries again by itself, as it does when it is asked for the offset.
    { ...pool('link', 'ENOSPC'), inARow: 2 },
    // As on a filesystem without links: claim, then rename.
    pool('link', 'EPERM'),
    pool('fsync', 'EIO'),
    pool('unlink', 'EIO'),
    // Each of the commits: the upload, the reservation, the confirmation.
    catalogue('pwrite64', 'ENOSPC', 3),
    catalogue('pwrite64', 'EIO', 4),
    catalogue('fsync', 'EIO', 1),
  ];
  const faultsMax = 30;

  describe.skipIf(noFaults !== undefined && maySkip)('with one system call that fails', () => {
    let armed: InjectedFault | undefined;
    it('can be made to fail here', async () => {
      expect(noFaults).toBeUndefined();
      await daemon.restart();
      await daemon.ask('GET', '/api/phone/status', { token });
    });
    afterEach(async () => {
      await armed?.disarm();
      armed = undefined;
    });

    const sendWith = async (fault: SyscallFault, path: string) => {
      const bytes = picture();
      armed = await InjectedFault.arm(daemon.pid, dir, fault);
      const run = await send(bytes, path);
      const hits = await armed.disarm();
      armed = undefined;
      expect(run.outcome, `${path}: ${run.error}\n${daemon.log.slice(-4_000)}`).toBe('success');
      await expect.poll(async () => (await daemon.health())['disk']).toBe('ok');
      return { hits, run };
    };

    it.each(faults)('$thread $call $error', async ({ step, inARow = 1, path, ...fault }) => {
      const where = path === undefined ? {} : { path: join(daemon.diskDir, path) };
      let tried = 0;
      for (let first = 1; first <= faultsMax * step; first += step, tried++) {
        const when = `${first}..${first + inARow - 1}`;
        const name = `${fault.thread} ${fault.call} ${when} ${fault.error}`;
        const { hits, run } = await sendWith({ ...fault, ...where, when }, `DCIM/${name}.jpg`);
        if (hits === 0) break;
        faultsMade++;
        say(`${name}: ${run.requests.join(', ')}`);
      }
      expect(tried, 'the call that was to fail was never made').toBeGreaterThan(0);
    });
  });
  if (noFaults !== undefined) say(`tus-js-client: system calls cannot be made to fail here: ${noFaults}`);

  it('left the catalogue equal to the disk, after a restart too', async () => {
    const check = new CatalogueCheck(daemon.diskDir);
    await check.quiet();
    expect((await check.whatIsWrong({ everything: true })).filter((one) => !one.startsWith('received file'))).toEqual(
      [],
    );
    await daemon.restart();
    await check.quiet();
    expect(await check.whatIsWrong({ everything: true })).toEqual([]);
  });
});
