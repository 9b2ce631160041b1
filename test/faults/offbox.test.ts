/** The box is killed while it copies off the box: the next run goes on, and what is there is whole. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OffboxView } from '../../src/offbox/contract.ts';
import { rounds } from '../support/counts.ts';
import { Daemon } from '../support/daemon.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { recordResult } from '../support/results.ts';

let dir = '';
let daemon: Daemon;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'njo-'));
  daemon = await Daemon.start({ dir });
  await daemon.setUp();
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

const view = async () => (await daemon.console('GET', '/api/offbox')) as OffboxView;

it('goes on after a kill, with nothing lost there', async () => {
  const target = { kind: 'folder', path: join(dir, 'there') };
  const settings = { target, enabled: true, appendOnly: false };
  await daemon.console('PUT', '/api/offbox', { ...settings, uploadKiBPerSecond: null });
  await daemon.console('POST', '/api/offbox/begin');
  const { token } = await daemon.pair('Alice', 'Pixel');
  const many = rounds(1, 20);
  for (let round = 0; round < many; round += 1) {
    await send(token, round);
    await daemon.console('PUT', '/api/offbox', { ...settings, uploadKiBPerSecond: 800 });
    await daemon.console('POST', '/api/offbox/run');
    await expect
      .poll(async () => (await view()).activity?.bytes ?? 0, { interval: 20, timeout: 60_000 })
      .toBeGreaterThan(0);
    await daemon.kill();
    await daemon.restart();
    await daemon.libraryOpen();
    await daemon.console('PUT', '/api/offbox', { ...settings, uploadKiBPerSecond: null });
    await daemon.console('POST', '/api/offbox/run');
    await expect.poll(async () => (await view()).activity, { timeout: 240_000 }).toBe(null);
    const { copy } = await view();
    expect(copy).toMatchObject({ problem: null, unread: 0, check: { ok: true }, drill: { ok: true } });
  }
  const told = 'each copied whole after its kill, checked and drilled';
  await recordResult({ suite: 'off-box copy, kills', seed: undefined, rounds: many, failures: 0, told });
});

async function send(token: string, round: number): Promise<void> {
  const bytes = exifJpeg({ seed: round, bytes: 3e6, takenLocal: '2026-06-09T18:00:00' });
  const metadata = `path ${Buffer.from(`DCIM/${round}.jpg`).toString('base64')}`;
  const reply = await fetch(`${daemon.url}/api/uploads`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'tus-resumable': '1.0.0',
      'upload-length': String(bytes.length),
      'upload-metadata': metadata,
      'content-type': 'application/offset+octet-stream',
    },
    body: bytes,
  });
  expect(reply.status, await reply.text()).toBe(201);
}
