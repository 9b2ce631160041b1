/**
 * Syncs that fail once. Linux forgets the pages of a failed sync, and the next one succeeds without them: so what a
 * failed sync was to make durable is never acknowledged before it was sent, or done, again.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CatalogueCheck } from '../support/catalogue-check.ts';
import { maySkip, say, treeDir } from '../support/counts.ts';
import { Daemon, type Reply } from '../support/daemon.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { contentOf, sha256 } from '../support/fault-phone.ts';
import { recordTests } from '../support/results.ts';
import { InjectedFault, onePoolThread, whyNoFaults } from '../support/syscall-faults.ts';
import { appendTo, beginUpload, headOf, type TusCaller } from '../support/tus-by-hand.ts';

const missing = whyNoFaults();
if (missing !== undefined) say(`failed syncs cannot be tested here: ${missing}`);

const MiB = 1024 * 1024;
const poll = { timeout: 10_000, interval: 50 };
const month = 'Photos/Alice/2025/2025-07';

describe.skipIf(missing !== undefined && maySkip)('a sync that fails once', () => {
  let dir = '';
  let daemon: Daemon;
  let caller: TusCaller;
  let check: CatalogueCheck;
  let armed: InjectedFault | undefined;
  let seed = 0;
  recordTests('failed syncs', { told: () => 'each sent or done again' });

  beforeAll(async () => {
    if (missing !== undefined) throw new Error(missing);
    dir = await mkdtemp(join(tmpdir(), 'njfs-'));
    daemon = await Daemon.start({ dir, env: onePoolThread, ...(treeDir === undefined ? {} : { treeDir }) });
    await daemon.setUp('Alice');
    caller = { daemon, token: (await daemon.pair('Alice', 'Pixel')).token };
    check = new CatalogueCheck(daemon.diskDir);
    // The pool's thread and the month's folder are there from here on.
    const first = picture();
    expect((await beginUpload(caller, { path: 'first.jpg', length: first.length, body: first })).status).toBe(201);
  });
  afterEach(async () => {
    await armed?.disarm();
    armed = undefined;
  });
  afterAll(async () => {
    await daemon?.kill();
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  const picture = () => exifJpeg({ seed: ++seed, bytes: 60_000 + seed, takenLocal: '2025-07-14T09:30:00' });
  const noise = (bytes: number) => contentOf({ path: '', kind: 'noise', seed: ++seed, size: bytes, takenLocal: '' });
  const begin = async (path: string, length: number) =>
    String((await beginUpload(caller, { path, length })).headers['location']);
  const arm = async (call: string, error: string, path: string) => {
    armed = await InjectedFault.arm(daemon.pid, dir, {
      thread: 'pool',
      call,
      error,
      when: '1',
      path: join(daemon.diskDir, path),
    });
  };
  const received = (upload: string) => `.nightjar/incoming/${upload.split('/').at(-1)}`;
  /** The call was made, and failed. */
  const disarm = async () => {
    expect(await armed?.disarm()).toBe(1);
    armed = undefined;
  };
  /** What the box says of an upload as soon as it says anything but "not now". */
  const offsetOf = async (upload: string): Promise<number> => {
    let reply: Reply | undefined;
    await expect
      .poll(async () => {
        reply = await headOf(caller, upload);
        return reply.status;
      }, poll)
      .toBe(200);
    return Number(reply?.headers['upload-offset']);
  };
  /** Exactly one file and one row have these bytes, and nothing else is left of them anywhere. */
  const expectOnce = async (bytes: Buffer) => {
    await check.quiet();
    expect(await check.whatIsWrong({ everything: true })).toEqual([]);
    const reply = await daemon.ask('GET', '/api/assets?limit=1000', { token: caller.token });
    const { assets } = JSON.parse(reply.body.toString()) as { assets: Array<{ id: number; sha256: string }> };
    const found = assets.filter((one) => one.sha256 === sha256(bytes));
    expect(found).toHaveLength(1);
    const original = await daemon.ask('GET', `/api/assets/${found[0]?.id}/original`, { token: caller.token });
    expect(original.body.equals(bytes)).toBe(true);
  };

  describe.each([
    ['EIO', 503],
    ['ENOSPC', 507],
  ])('with %s', (error, refusal) => {
    it.each([
      ['at the end of a request', 3 * MiB, 2 * MiB],
      ['while bytes come in', 50 * MiB, 40 * MiB],
    ])('of received bytes, %s: those are sent again', async (_when, size, upTo) => {
      const bytes = noise(size);
      const upload = await begin(`received-${error}-${size}.jpg`, size);
      expect((await appendTo(caller, upload, 0, bytes.subarray(0, MiB))).status).toBe(204);
      await arm('fdatasync', error, received(upload));
      // Other bytes than the file's: were any of them believed, its checksum would be another.
      // In the middle of a body its connection may break instead of bringing the answer.
      const refused = await appendTo(caller, upload, MiB, Buffer.alloc(upTo - MiB, 1)).catch(() => undefined);
      expect(refused?.status ?? refusal, refused?.body.toString()).toBe(refusal);
      await disarm();

      expect(await offsetOf(upload)).toBe(MiB);
      expect((await appendTo(caller, upload, upTo, bytes.subarray(upTo, upTo + 100))).status).toBe(409);
      const sent = await appendTo(caller, upload, MiB, bytes.subarray(MiB));
      expect(sent.headers['upload-offset'], sent.body.toString()).toBe(String(size));
      await expectOnce(bytes);
    });

    it('of bytes that were acknowledged before a restart: they still count', async () => {
      const bytes = noise(3 * MiB);
      const upload = await begin(`restarted-${error}.jpg`, bytes.length);
      expect((await appendTo(caller, upload, 0, bytes.subarray(0, 2 * MiB))).status).toBe(204);
      await daemon.restart();
      await daemon.ask('GET', '/api/assets', { token: caller.token });
      await arm('fdatasync', error, received(upload));
      expect((await headOf(caller, upload)).status).toBe(423);
      await disarm();
      expect(await offsetOf(upload)).toBe(2 * MiB);
      expect((await appendTo(caller, upload, 2 * MiB, bytes.subarray(2 * MiB))).status).toBe(204);
      await expectOnce(bytes);
    });

    it('of a whole photo, before its name is there: it is sent again', async () => {
      const bytes = picture();
      const upload = await begin(`whole-${error}.jpg`, bytes.length);
      await arm('fdatasync', error, received(upload));
      const refused = await appendTo(caller, upload, 0, Buffer.alloc(bytes.length, 1));
      expect(refused.status, refused.body.toString()).toBe(refusal);
      await disarm();
      expect(await offsetOf(upload)).toBe(0);
      const sent = await appendTo(caller, upload, 0, bytes);
      expect(sent.headers['upload-offset'], sent.body.toString()).toBe(String(bytes.length));
      await expectOnce(bytes);
    });

    it('of a name, when an upload ends: it is published once, by its phone’s next try', async () => {
      const bytes = picture();
      const upload = await begin(`name-${error}.jpg`, bytes.length);
      await arm('fsync', error, month);
      const refused = await appendTo(caller, upload, 0, bytes);
      expect(refused.status, refused.body.toString()).toBe(refusal);
      await disarm();
      // Asking drives it to its end; after a disk that went away, from what was noted before.
      const offset = await offsetOf(upload);
      if (offset < bytes.length) {
        const sent = await appendTo(caller, upload, offset, bytes.subarray(offset));
        expect(sent.headers['upload-offset'], sent.body.toString()).toBe(String(bytes.length));
      }
      await expectOnce(bytes);
    });

    it('of a name, of a photo in one request: it is sent once more', async () => {
      const bytes = picture();
      const it = { path: `one-${error}.jpg`, length: bytes.length, body: bytes };
      await arm('fsync', error, month);
      const refused = await beginUpload(caller, it);
      expect(refused.status, refused.body.toString()).toBe(refusal);
      await disarm();
      await expect.poll(async () => (await beginUpload(caller, it)).status, poll).toBe(201);
      await expectOnce(bytes);
    });
  });

  it('left nothing behind, after a restart too', async () => {
    await daemon.restart();
    await check.quiet();
    expect(await check.whatIsWrong({ everything: true })).toEqual([]);
  });
});
