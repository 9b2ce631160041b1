/** How an attached disk is, on the whole box: asked through the helper when it appears, told to its owner. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { HelperDisk } from '../../src/disks/helper-protocol.ts';
import { App } from '../support/app.ts';

const poll = { timeout: 20_000, interval: 100 };
const disk: HelperDisk = {
  ...{
    key: { name: 'sdz', serial: 'Z 1', sizeBytes: 4e12, diskseq: 9 },
    model: 'Made Disk',
    printedName: 'Made Disk Z 1',
  },
  ...{ bus: 'usb', spinning: true, writeProtected: false, status: 'free', volumes: [] },
};
/** As a disk behind a bridge answers that calls itself failed. */
const report = {
  device: { type: 'sat', protocol: 'ATA' },
  ...{ model_name: 'Made Disk', serial_number: 'Z 1', rotation_rate: 5400 },
  smart_status: { passed: false },
  temperature: { current: 31 },
  power_on_time: { hours: 100 },
  ata_smart_attributes: { table: [{ id: 5, name: 'Reallocated_Sector_Ct', raw: { value: 0, string: '0' } }] },
};

it('a disk that calls itself failed is told of, under a name that lasts', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'nightjar-health-'));
  const asked: Record<string, unknown>[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    // Who asked may have gone.
    socket.on('error', () => undefined);
    socket.once('data', (line: Buffer) => {
      const request = JSON.parse(line.toString()) as Record<string, unknown>;
      asked.push(request);
      const told = request['type'] === 'sat' ? report : {};
      const reply = request['verb'] === 'list' ? { disks: [disk] } : { exitStatus: 8, report: told };
      socket.end(`${JSON.stringify({ ok: true, ...reply })}\n`);
    });
  });
  const socketPath = join(dir, 'helper.sock');
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  const clock = { ms: Date.parse('2026-11-20T12:00Z') };
  const options = { now: () => clock.ms, pollMs: 100, disks: { socketPath, watchMs: 100 } };
  const app = await App.startClaimed({}, options);
  try {
    const id = expect.stringMatching(/^Made_Disk-[0-9a-f]{16}$/);
    const listed = async () => ((await app.console('GET', '/api/disks')).json()['disks'] as { id: string }[])[0];
    await expect
      .poll(listed, poll)
      .toMatchObject({ id, health: { verdict: 'failing', advice: 'replace-now' }, volumes: [] });
    const { id: known = '' } = (await listed()) ?? {};
    const health = (await app.console('GET', `/api/disks/${known}/health`)).json();
    expect(health).toMatchObject({ id: known, now: { temperatureC: 31 }, history: [{ day: '2026-11-20' }] });
    // Through the bridge's own way, without waking it, of this very disk.
    const smart = () => asked.filter(({ verb }) => verb === 'smart');
    expect(smart()).toEqual(smart().map(({ type }) => ({ verb: 'smart', disk: disk.key, type, wake: false })));
    expect(smart().map(({ type }) => type)).toEqual(expect.arrayContaining(['auto', 'sat']));
    clock.ms += 5 * 60_000;
    const open = async () => (await app.console('GET', '/api/alerts')).json()['open'];
    const alert = { code: 'disk-replace-now', severity: 'act', params: { disk: known, name: disk.printedName } };
    await expect
      .poll(open, poll)
      .toEqual([expect.objectContaining({ ...alert, params: expect.objectContaining(alert.params) })]);
    const before = smart().length;
    clock.ms += 7 * 60 * 60_000;
    await expect.poll(() => smart().length, poll).toBeGreaterThan(before);
    // The way that was answered is remembered.
    expect(smart().at(-1)).toMatchObject({ type: 'sat' });
    expect(app.ownErrors()).toEqual([]);
  } finally {
    await app[Symbol.asyncDispose]();
    await new Promise((resolve) => server.close(resolve));
    rmSync(dir, { recursive: true });
  }
});
