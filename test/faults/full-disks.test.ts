/**
 * Disks with too little room: for all that comes at once, or for anything at all. Each file that fits comes in, the
 * catalogue keeps its room, and on a disk that somebody else filled the box still deletes, reads, stops and starts.
 */
import { mkdtemp, rm, stat, statfs } from 'node:fs/promises';
import type { ClientRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maySkip, say, suiteSeed } from '../support/counts.ts';
import { answerOf, DiskBox, fill, picture } from '../support/disk-box.ts';
import { contentOf, type PhoneFile, sha256 } from '../support/fault-phone.ts';
import { loopDisksMissing } from '../support/loop-disk.ts';
import { recordTests } from '../support/results.ts';
import { appendSlowly, appendTo, beginSlowly, endUpload, headOf } from '../support/tus-by-hand.ts';

const missing = await loopDisksMissing();
if (missing !== undefined) say(`full disks cannot be tested here: ${missing}`);

const MiB = 1024 * 1024;
const never = new AbortController().signal;
const poll = { timeout: 15_000, interval: 50 };
/** What receiving leaves to the catalogue, and what the catalogue itself may take of it meanwhile. */
const reserveBytes = 16 * MiB;
const catalogueBytes = 5 * MiB;
const pieceBytes = 256 * 1024;

describe.skipIf(missing !== undefined && maySkip)('a disk', () => {
  let dir = '';
  const seed = suiteSeed('full disks');
  recordTests('full disks', { seed: () => seed, told: () => 'each as expected' });
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Full disks cannot be tested here: ${missing}`);
    dir = await mkdtemp(join(tmpdir(), 'njfd-'));
  });
  afterAll(async () => {
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });

  const file = (number: number, size: number): PhoneFile => {
    return { path: `DCIM/L${number}.jpg`, kind: 'noise', seed: number, size, takenLocal: '' };
  };

  describe('with room for one of four large files that come at once', () => {
    it.each(['in one request each', 'in uploads that were begun before'])('takes one: %s', async (how) => {
      await using box = await DiskBox.make(join(dir, how === 'in one request each' ? 'one' : 'begun'), 192, seed);
      const { daemon, disk, caller } = box;
      const size = Math.floor(((await freeBytes(disk.path)) - reserveBytes) * 0.6);
      const files = [1, 2, 3, 4].map((number) => file(number, size));
      const uploads: string[] = [];
      if (how !== 'in one request each') for (const one of files) uploads.push(await box.begin(one));
      using least = new LeastFree(disk.path);
      const answers = await Promise.all(
        files.map((one, index) => {
          const upload = uploads[index];
          const sending =
            upload === undefined
              ? beginSlowly(caller, { path: one.path, length: size })
              : appendSlowly(caller, upload, 0, size);
          return sendAll(sending, contentOf(one));
        }),
      );
      expect(answers.filter(({ status }) => status === 201 || status === 204)).toHaveLength(1);
      for (const { status, problem } of answers.filter(({ status }) => status >= 300)) {
        expect({ status, problem }).toMatchObject({ status: 507, problem: { code: 'disk-full' } });
      }
      expect(least.bytes).toBeGreaterThan(reserveBytes - catalogueBytes);
      // What is kept for a disk that is full to the last byte is still there for it.
      expect((await stat(join(disk.path, '.nightjar/ballast'))).size).toBeGreaterThan(0);

      for (const [index, upload] of uploads.entries()) {
        if (answers[index]?.status === 507) expect((await endUpload(caller, upload)).status).toBe(204);
      }
      expect(await daemon.health()).toMatchObject({ disk: 'ok' });
      const taken = files.filter((_file, index) => (answers[index]?.status ?? 0) < 300);
      await box.expectReadable(taken.map((one) => ({ size, sha256: sha256(contentOf(one)) })));
      await box.expectNothingWrong();
    });
  });

  describe('that somebody else filled to the last byte', () => {
    /** With a photo that is safe and an upload of which 1 MiB is. */
    const fullBox = async (name: string) => {
      const box = await DiskBox.make(join(dir, name), 128, seed);
      await box.phone.send(box.daemon.url, picture(1), never);
      const large = file(9, 3 * MiB);
      const upload = await box.begin(large);
      const bytes = contentOf(large);
      expect((await appendTo(box.caller, upload, 0, bytes.subarray(0, MiB))).status).toBe(204);
      // Else its failing would give the kept room up before the disk is full, and the rest of that would be filled too.
      await box.check.picturesMade();
      await fill(join(box.disk.path, 'others'));
      return { box, upload, bytes };
    };

    it('ends an upload at the latest at the second try, and reads on', async () => {
      const { box, upload } = await fullBox('end');
      await using _ = box;
      await box.expectReadable([...box.phone.safe.values()]);
      const first = await endUpload(box.caller, upload);
      expect([204, 507]).toContain(first.status);
      if (first.status === 507) expect((await endUpload(box.caller, upload)).status).toBe(204);
      expect((await headOf(box.caller, upload)).status).toBe(410);
      await box.expectReadable([...box.phone.safe.values()]);
      await box.expectNothingWrong();
    });

    it.each([
      'killed',
      'stopped',
    ] as const)('is opened and read after the box was %s, and goes on with room', async (how) => {
      const { box, upload, bytes } = await fullBox(how);
      await using _ = box;
      const { daemon, disk, phone, caller } = box;
      if (how === 'killed') await daemon.kill();
      else await daemon.stop();
      await daemon.restart();
      await expect.poll(async () => (await daemon.health())['disk'], poll).toBe('ok');
      await box.expectReadable([...phone.safe.values()]);
      await expect(box.begin(picture(2))).rejects.toThrow('507');

      await rm(join(disk.path, 'others'));
      expect((await headOf(caller, upload)).headers['upload-offset']).toBe(String(MiB));
      const sent = await appendTo(caller, upload, MiB, bytes.subarray(MiB));
      expect(sent.headers['upload-offset'], sent.body.toString()).toBe(String(bytes.length));
      await phone.send(daemon.url, picture(2), never);
      await box.expectReadable([...phone.safe.values(), { size: bytes.length, sha256: sha256(bytes) }]);
      await box.expectNothingWrong();
    });
  });
});

async function freeBytes(path: string): Promise<number> {
  const facts = await statfs(path);
  return facts.bavail * facts.bsize;
}

/** Looks at a disk's free space every few milliseconds, and remembers the least. */
class LeastFree {
  bytes = Infinity;
  readonly #timer: NodeJS.Timeout;

  constructor(path: string) {
    this.#timer = setInterval(() => {
      freeBytes(path).then(
        (bytes) => {
          this.bytes = Math.min(this.bytes, bytes);
        },
        () => undefined,
      );
    }, 5);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Sends until all is sent or an answer is there, as a client does that listens meanwhile. */
async function sendAll(sending: ClientRequest, bytes: Buffer): Promise<{ status: number; problem: unknown }> {
  let answered = false;
  const answer = answerOf(sending).finally(() => {
    answered = true;
  });
  sending.once('response', () => {
    answered = true;
  });
  for (let at = 0; at < bytes.length && !answered; at += pieceBytes) {
    const room = sending.write(bytes.subarray(at, at + pieceBytes));
    if (!room) await Promise.race([new Promise((resolve) => sending.once('drain', resolve)), answer]);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  if (!answered) sending.end();
  return await answer;
}
