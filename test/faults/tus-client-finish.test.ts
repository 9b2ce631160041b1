/**
 * tus-js-client against a door whose finish fails in ways that no system call shows: the capture date cannot be read,
 * the tools for videos are missing for a while, the phone's owner cannot be found at that moment.
 */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HttpServer } from '../../src/http/server.ts';
import type { CaptureDate } from '../../src/library/capture-date.ts';
import { Library } from '../../src/library/library.ts';
import { Publishing } from '../../src/library/publishing.ts';
import { tusRoutes } from '../../src/uploads/tus.ts';
import { Uploads } from '../../src/uploads/uploads.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { log, migrationsDir } from '../support/open-library.ts';
import { recordTests } from '../support/results.ts';
import { retryDelays, tusRun } from '../support/tus-run.ts';

const alice = { id: randomUUID(), name: 'Alice', folder: 'Alice' };
const owner = { phoneId: 'phone-1', person: alice, baseFolder: 'Photos/Alice' };

describe('tus-js-client, when finishing fails', () => {
  let sent = 0;
  recordTests('tus-js-client, failing finish', { told: () => `${sent} files sent` });
  let dir = '';
  let library: Library;
  let uploads: Uploads;
  let server: HttpServer;
  let port = 0;
  let captureDateOf: () => Promise<CaptureDate>;
  let videoToolsMissing: () => boolean;
  const captured: CaptureDate = { at: Date.UTC(2025, 6, 14), local: '2025-07-14T00:00:00', from: 'metadata' };

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'njtf-'));
    const diskDir = join(dir, 'disk');
    await mkdir(diskDir);
    captureDateOf = async () => captured;
    videoToolsMissing = () => false;
    const now = () => Date.now();
    let diskId: string | undefined;
    library = new Library({
      diskDir,
      migrationsDir,
      adoptedDiskId: () => diskId,
      people: () => [alice],
      publishing: new Publishing({ now, captureDateOf: () => captureDateOf() }),
      videoToolsMissing: () => videoToolsMissing(),
      log,
      now,
      watchMs: 50,
    });
    uploads = new Uploads({ library, ownerOf: () => owner, now, randomBytes, log });
    uploads.open();
    diskId = await library.create(randomUUID());
    await library.open();
    server = new HttpServer({
      routes: [tusRoutes(uploads)],
      identify: () => ({ kind: 'phone', phoneId: owner.phoneId, personId: alice.id, phoneName: 'Pixel' }),
      allowHost: () => false,
      log,
      loopbackHttp: true,
    });
    port = await server.listenHttp(0, '127.0.0.1');
  });
  afterEach(async () => {
    await server.close();
    await uploads.close();
    await library.close();
    await rm(dir, { recursive: true, force: true });
  });

  const send = async (bytes: Buffer, path: string, uploadDataDuringCreation: boolean, requestsMax = 12) => {
    sent++;
    const sha256 = createHash('sha256').update(bytes).digest();
    let state: string | undefined;
    const run = await tusRun(
      { endpoint: `http://127.0.0.1:${port}/api/uploads`, token: 'x'.repeat(32) },
      bytes,
      { path },
      { uploadDataDuringCreation },
      async () => {
        state = library.current().rows.assetByContent(alice.id, sha256)?.state;
      },
    );
    const told = run.requests.join(', ');
    expect(run.requests.length, told).toBeLessThanOrEqual(requestsMax);
    if (run.outcome === 'success') expect(state, `success was reported early: ${told}`).toBe('present');
    return { ...run, told, state: library.current().rows.assetByContent(alice.id, sha256)?.state };
  };
  const jpeg = () =>
    exifJpeg({ seed: randomBytes(4).readUInt32LE(), bytes: 60_000, takenLocal: '2025-07-14T09:30:00' });

  describe.each([true, false])('with data during creation %s', (early) => {
    it.each([1, 2, 3])('goes on until the date can be read: %s failures', async (failures) => {
      let left = failures;
      captureDateOf = async () => {
        if (left-- > 0) throw new Error('the reader died');
        return captured;
      };
      const run = await send(jpeg(), 'DCIM/a.jpg', early);
      expect(run.outcome, `${run.error} ${run.told}`).toBe('success');
      expect(left).toBeLessThan(0);
    });

    it('waits for a slow date', async () => {
      captureDateOf = async () => {
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        return captured;
      };
      const run = await send(jpeg(), 'DCIM/a.jpg', early);
      expect([run.outcome, run.requests.length]).toEqual(['success', early ? 1 : 2]);
    });

    it('says that videos cannot be read, and takes them once they can', async () => {
      let asked = 0;
      videoToolsMissing = () => asked++ < 2;
      const run = await send(randomBytes(50_000), 'DCIM/a.mp4', early);
      expect(run.outcome, `${run.error} ${run.told}`).toBe('success');
      expect(run.requests[0]).toBe('POST 503');
    });

    it('gives up in the end when it never works, and what is there is not lost', async () => {
      const bytes = jpeg();
      captureDateOf = () => Promise.reject(new Error('the reader is dead'));
      // Once for each of its own delays, each time asking for the offset before.
      const run = await send(bytes, 'DCIM/a.jpg', early, (retryDelays.length + 2) * 2);
      expect(run.outcome).toBe('error');
      expect(run.state).toBeUndefined();
      captureDateOf = async () => captured;
      expect((await send(bytes, 'DCIM/a.jpg', early)).outcome).toBe('success');
    });
  });
});
