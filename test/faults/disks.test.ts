/**
 * Disks that fill up, vanish, come back, or are swapped, while phones send: each a clear answer, nothing partial in
 * view, nothing on the root filesystem, and the box goes on by itself.
 */
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { CatalogueCheck } from '../support/catalogue-check.ts';
import { maySkip, say, suiteSeed, treeDir } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { contentOf, FaultPhone, type PhoneFile, sha256 } from '../support/fault-phone.ts';
import { LoopDisk, loopDisksMissing } from '../support/loop-disk.ts';
import { Random } from '../support/random.ts';
import { appendSlowly, appendTo, beginUpload, headOf, type TusCaller } from '../support/tus-by-hand.ts';

const missing = await loopDisksMissing();
if (missing !== undefined) say(`disks cannot be tested here: ${missing}`);

const MiB = 1024 * 1024;
const never = new AbortController().signal;
const poll = { timeout: 15_000, interval: 50 };

describe.skipIf(missing !== undefined && maySkip)('disks', () => {
  let dir = '';
  const seed = suiteSeed('disks');
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Disks cannot be tested here: ${missing}`);
    dir = await mkdtemp(join(tmpdir(), 'njd-'));
  });
  afterAll(async () => {
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  it('a disk filled to the last byte in the middle of uploads', async () => {
    await using box = await Box.make(join(dir, 'full'), 192, seed);
    const { phone, daemon, disk } = box;
    await phone.send(daemon.url, picture(1), never);
    const large: PhoneFile = { path: 'DCIM/large.jpg', kind: 'noise', seed: 2, size: 60 * MiB, takenLocal: '' };
    const bytes = contentOf(large);
    const upload = await box.begin(large);
    expect((await appendTo(box.caller, upload, 0, bytes.subarray(0, 10 * MiB))).status).toBe(204);
    const rest = appendSlowly(box.caller, upload, 10 * MiB, large.size - 10 * MiB);
    rest.write(bytes.subarray(10 * MiB, 20 * MiB));
    await expect.poll(() => box.receivedBytes(), poll).toBeGreaterThanOrEqual(20 * MiB);

    await fill(join(disk.path, 'somebody else’s file'));
    rest.write(bytes.subarray(20 * MiB));
    const stopped = await answerOf(rest);
    expect(stopped).toMatchObject({ status: 507, problem: { code: 'disk-full' } });
    const small = await box.begin(picture(3)).catch((error: Error) => error.message);
    expect(small).toContain('507');
    // The box lives, and what is there can be read.
    expect(await daemon.health()).toMatchObject({ disk: 'ok' });
    await box.expectReadable([...phone.safe.values()]);
    expect(await box.check.filesInView()).toHaveLength(1);

    await rm(join(disk.path, 'somebody else’s file'));
    const offset = Number((await headOf(box.caller, upload)).headers['upload-offset']);
    expect(offset).toBeGreaterThanOrEqual(10 * MiB);
    expect((await appendTo(box.caller, upload, offset, bytes.subarray(offset))).headers['upload-offset']).toBe(
      String(large.size),
    );
    await phone.send(daemon.url, picture(3), never);
    await box.expectReadable([...phone.safe.values(), { size: large.size, sha256: sha256(bytes) }]);
    await box.expectNothingWrong();
  });

  it('a disk that vanishes in the middle of uploads, and comes back', async () => {
    await using box = await Box.make(join(dir, 'gone'), 512, seed + 1);
    const { phone, daemon, disk } = box;
    await phone.send(daemon.url, picture(1), never);
    const stop = new AbortController();
    const sending = phone.run(daemon.url, stop.signal);
    await expect.poll(() => phone.safe.size, poll).toBeGreaterThanOrEqual(4);
    await disk.cut();
    await sending;
    await box.expectMissing('disk-missing');

    // The daemon holds nothing on it any more.
    await disk.unmount({ lazyAllowed: false });
    await box.expectMissing('disk-missing');
    await expect.poll(() => box.begin(picture(2)).catch((error: Error) => error.message), poll).toContain('503');
    expect(await readdir(disk.path)).toEqual([]);

    await disk.mount();
    await expect.poll(async () => (await daemon.health())['disk'], poll).toBe('ok');
    expect(await phone.checkOffsets(daemon.url)).toEqual([]);
    await phone.finishAll(daemon.url);
    await phone.send(daemon.url, picture(2), never);
    await box.expectReadable([...phone.safe.values()]);
    await box.expectNothingWrong();
  });

  it('a disk taken away between uploads, its empty place, and another disk there', async () => {
    await using box = await Box.make(join(dir, 'swapped'), 128, seed + 2);
    const { phone, daemon, disk } = box;
    await phone.send(daemon.url, picture(1), never);
    const other = await LoopDisk.make(box.dir, 'other', 64);
    try {
      // Held open while it is there: the plug is pulled, as people do.
      await disk.cut();
      await disk.unmount({ lazyAllowed: false });
      await box.expectMissing('disk-missing');
      expect(await readdir(disk.path)).toEqual([]);

      const marker = {
        format: 1,
        diskId: crypto.randomUUID(),
        boxId: crypto.randomUUID(),
        createdAt: 1,
        filesystem: null,
      };
      await mkdir(join(other.path, '.nightjar'));
      await writeFile(join(other.path, '.nightjar/disk.json'), JSON.stringify(marker));
      await other.unmount();
      await other.mount(disk.path);
      const before = await readdir(disk.path, { recursive: true });
      await box.expectMissing('disk-foreign');
      expect(await readdir(disk.path, { recursive: true })).toEqual(before);
      await other.unmount({ lazyAllowed: false, at: disk.path });
    } finally {
      await other.remove();
    }
    await disk.mount();
    await expect.poll(async () => (await daemon.health())['disk'], poll).toBe('ok');
    await phone.send(daemon.url, picture(2), never);
    await box.expectReadable([...phone.safe.values()]);
    await box.expectNothingWrong();
  });
});

/** A claimed box with its library on a loop disk and one phone that sends. */
class Box {
  readonly dir: string;
  readonly disk: LoopDisk;
  readonly daemon: Daemon;
  readonly phone: FaultPhone;
  readonly check: CatalogueCheck;

  private constructor(dir: string, disk: LoopDisk, daemon: Daemon, phone: FaultPhone) {
    this.dir = dir;
    this.disk = disk;
    this.daemon = daemon;
    this.phone = phone;
    this.check = new CatalogueCheck(disk.path);
  }

  static async make(dir: string, sizeMiB: number, seed: number): Promise<Box> {
    await mkdir(dir);
    const disk = await LoopDisk.make(dir, 'disk', sizeMiB);
    let daemon: Daemon | undefined;
    try {
      const options = treeDir === undefined ? {} : { treeDir };
      daemon = await Daemon.start({ dir, diskDir: disk.path, ...options });
      await daemon.setUp('Alice');
      const { token, phoneId } = await daemon.pair('Alice', 'phone');
      const limits = { pictureBytesMax: MiB, largeBytesMin: 4 * MiB, largeBytesMax: 12 * MiB };
      const random = new Random(seed);
      const phone = new FaultPhone({ name: 'phone', person: 'Alice', token, phoneId, random, known: [], limits });
      const box = new Box(dir, disk, daemon, phone);
      const { log } = box;
      onTestFailed(() => say(log().split('\n').slice(-40).join('\n')));
      return box;
    } catch (error) {
      await daemon?.kill();
      await disk.remove();
      throw error;
    }
  }

  get caller(): TusCaller {
    return { daemon: this.daemon, token: this.phone.token };
  }

  readonly log = (): string => this.daemon.log;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon.kill();
    await this.disk.remove();
  }

  /** @throws for any answer but 201, with its status. */
  async begin(file: PhoneFile): Promise<string> {
    const reply = await beginUpload(this.caller, { path: file.path, length: file.size });
    if (reply.status !== 201) throw new Error(`${reply.status} ${reply.body}`);
    return String(reply.headers['location']);
  }

  /** Bytes in the largest received file. */
  async receivedBytes(): Promise<number> {
    let most = 0;
    for (const name of await readdir(join(this.disk.path, '.nightjar/incoming'))) {
      const file = await open(join(this.disk.path, '.nightjar/incoming', name));
      most = Math.max(most, (await file.stat()).size);
      await file.close();
    }
    return most;
  }

  /** Every one of these is in the timeline, and its original comes back byte for byte. */
  async expectReadable(files: ReadonlyArray<{ sha256: string; size: number }>): Promise<void> {
    const { token } = this.phone;
    const reply = await this.daemon.ask('GET', '/api/timeline?limit=1000', { token });
    expect(reply.status, reply.body.toString()).toBe(200);
    const { assets } = JSON.parse(reply.body.toString()) as { assets: Array<{ id: number; sha256: string }> };
    for (const file of files) {
      const asset = assets.find((one) => one.sha256 === file.sha256);
      expect(asset, `a file of ${file.size} bytes`).toBeDefined();
      const original = await this.daemon.ask('GET', `/api/assets/${asset?.id}/original`, { token });
      expect(sha256(original.body)).toBe(file.sha256);
    }
  }

  /** Uploads and reading are both refused with this code, and nothing else happens. */
  async expectMissing(code: string): Promise<void> {
    const { token } = this.phone;
    const asked = async () => {
      const reply = await this.daemon.ask('GET', '/api/timeline', { token });
      return { status: reply.status, code: (JSON.parse(reply.body.toString()) as { code?: string }).code };
    };
    await expect.poll(asked, poll).toEqual({ status: 503, code });
    await expect(this.begin(picture(4))).rejects.toThrow(`"code":"${code}"`);
    expect((await this.daemon.health())['disk']).toBe('missing');
  }

  async expectNothingWrong(): Promise<void> {
    expect(this.phone.surprises).toEqual([]);
    await this.check.quiet();
    expect(await this.check.whatIsWrong({ everything: true })).toEqual([]);
  }
}

function picture(seed: number): PhoneFile {
  return { path: `DCIM/P${seed}.jpg`, kind: 'jpeg', seed, size: 200_000 + seed, takenLocal: '2025-07-14T09:30:00' };
}

/** Writes until not one byte more fits. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for (const size of [4 * MiB, 64 * 1024, 4_096, 512, 1]) {
      const piece = Buffer.alloc(size, 1);
      for (let full = false; !full; ) {
        full = await file.write(piece).then(
          ({ bytesWritten }) => bytesWritten < size,
          (error: NodeJS.ErrnoException) => {
            if (error.code !== 'ENOSPC') throw error;
            return true;
          },
        );
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

async function answerOf(sending: ClientRequest): Promise<{ status: number; problem: unknown }> {
  const answered = Promise.withResolvers<IncomingMessage>();
  sending.once('response', answered.resolve);
  sending.once('close', () => answered.reject(new Error('The request was closed without an answer.')));
  const response = await answered.promise;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, problem: JSON.parse(Buffer.concat(chunks).toString()) };
}
