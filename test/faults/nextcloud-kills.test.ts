/**
 * The daemon is killed while an app sends a file in parts, at moments drawn from a seed; the app goes on as the Android
 * app does, by what is listed. No part that was acknowledged is missing, and no whole that was acknowledged is another.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rounds, suiteSeed } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { DavApp } from '../support/dav-app.ts';
import { HandPhone } from '../support/hand-phone.ts';
import { Random } from '../support/random.ts';

const parts = 8;
const partBytes = 250_000;
const killedWithinMs = 400;

describe('a file that comes in parts to a box that is killed', () => {
  const seed = suiteSeed('parts and kills');
  const random = new Random(seed);
  let dir: string;
  let daemon: Daemon;
  let dav: DavApp;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'nj-parts-'));
    daemon = await Daemon.start({ dir });
    await daemon.setUp();
    const port = () => Number(new URL(daemon.url).port);
    const phone = new HandPhone(port, await daemon.pair('Alice', 'Pixel'));
    const box = {
      get httpPort() {
        return port();
      },
    };
    dav = await DavApp.on(box, phone);
  }, 60_000);
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  });

  const partOf = (bytes: Buffer, number: number) => bytes.subarray((number - 1) * partBytes, number * partBytes);

  /** Sends parts from `first` on and then the whole's name; says what was acknowledged before the box died. */
  async function send(folder: string, bytes: Buffer, first: number): Promise<{ acked: number[]; done: boolean }> {
    const acked: number[] = [];
    try {
      for (let number = first; number <= parts; number++) {
        const body = partOf(bytes, number);
        const headers = { 'content-length': String(body.length) };
        const { status } = await dav.ask('PUT', dav.part(folder, String(number).padStart(6, '0')), { headers, body });
        if (status !== 201) return { acked, done: false };
        acked.push(number);
      }
      const { status } = await dav.move(dav.part(folder, '.file'), dav.file(`${folder}.bin`));
      return { acked, done: status === 201 || status === 204 };
    } catch {
      // Its connection went with the box.
      return { acked, done: false };
    }
  }

  /** The numbers of the parts that are listed, or undefined: there are no parts of this name. */
  async function listed(folder: string): Promise<number[] | undefined> {
    const answer = await dav.ask('PROPFIND', dav.part(folder), { headers: { depth: '0' } });
    if (answer.status === 404) return undefined;
    const [, ...found] = await dav.find(dav.part(folder), 1, ['d:getcontentlength']);
    expect(found.map((one) => one.found['d:getcontentlength'])).toEqual(found.map(() => String(partBytes)));
    return found.map(({ href }) => Number(href.split('/').at(-1)));
  }

  it('is whole in the end, and nothing that was acknowledged is sent again', { timeout: 600_000 }, async () => {
    for (let round = 0; round < rounds(6, 100); round++) {
      const folder = `file-${round}`;
      const bytes = randomBytes(parts * partBytes);
      const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`;
      expect((await dav.ask('MKCOL', dav.part(folder))).status).toBe(201);
      const kill = new Promise<void>((resolve, reject) => {
        setTimeout(() => daemon.kill().then(resolve, reject), random.whole(0, killedWithinMs));
      });
      const before = await send(folder, bytes, 1);
      await kill;
      await daemon.restart();
      await daemon.libraryOpen();
      const there = await listed(folder);
      if (there !== undefined) {
        expect(there, `seed ${seed}, round ${round}`).toEqual(expect.arrayContaining(before.acked));
        expect(before.done).toBe(false);
        expect((await send(folder, bytes, there.length + 1)).done, `seed ${seed}, round ${round}`).toBe(true);
      }
      const { status, headers } = await dav.ask('HEAD', dav.file(`${folder}.bin`));
      expect([status, headers.etag], `seed ${seed}, round ${round}`).toEqual([200, etag]);
    }
    expect(await readdir(join(daemon.diskDir, '.nightjar/incoming'))).toEqual([]);
  });
});
