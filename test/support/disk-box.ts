/** A box on a small disk that may fill up or vanish, and one phone; and how such a disk is filled. */
import { mkdir, open, readdir } from 'node:fs/promises';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFailed } from 'vitest';
import { CatalogueCheck } from './catalogue-check.ts';
import { say, treeDir } from './counts.ts';
import { Daemon } from './daemon.ts';
import { FaultPhone, type PhoneFile, sha256 } from './fault-phone.ts';
import { LoopDisk } from './loop-disk.ts';
import { Random } from './random.ts';
import { beginUpload, type TusCaller } from './tus-by-hand.ts';

const MiB = 1024 * 1024;
const poll = { timeout: 15_000, interval: 50 };

/** A claimed box with its library on a loop disk and one phone that sends. */
export class DiskBox {
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

  static async make(dir: string, sizeMiB: number, seed: number): Promise<DiskBox> {
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
      const box = new DiskBox(dir, disk, daemon, phone);
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

  /** Every one of these is in the library, and its original comes back byte for byte. */
  async expectReadable(files: ReadonlyArray<{ sha256: string; size: number }>): Promise<void> {
    const { token } = this.phone;
    const reply = await this.daemon.ask('GET', '/api/assets?limit=1000', { token });
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
      const reply = await this.daemon.ask('GET', '/api/assets', { token });
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

export function picture(seed: number): PhoneFile {
  return { path: `DCIM/P${seed}.jpg`, kind: 'jpeg', seed, size: 200_000 + seed, takenLocal: '2025-07-14T09:30:00' };
}

/** Writes until not one byte more fits. */
export async function fill(path: string): Promise<void> {
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

export async function answerOf(sending: ClientRequest): Promise<{ status: number; problem: unknown }> {
  const answered = Promise.withResolvers<IncomingMessage>();
  sending.once('response', answered.resolve);
  sending.once('close', () => answered.reject(new Error('The request was closed without an answer.')));
  const response = await answered.promise;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, problem: text === '' ? undefined : JSON.parse(text) };
}
