/** The nights as their people see them: their window, their reports, a phone that is away, alerts that are acknowledged. */
import { rename } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { NightReport } from '../../src/health/reports-contract.ts';
import { App } from '../support/app.ts';
import { Hook } from '../support/channel-servers.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';

const at = (text: string) => Date.parse(`${text}Z`);
const picture = (seed: number) => exifJpeg({ seed, bytes: 5_000, takenLocal: '2026-06-09T18:00:00' });
const machine = {
  read: async () => ({ memory: null, celsius: null }),
  room: async () => ({ totalBytes: 1e12, freeBytes: 5e11 }),
};

async function house(clock: { ms: number }): Promise<App> {
  const app = await App.startClaimed({}, { now: () => clock.ms, machine });
  expect((await app.console('PATCH', '/api/box', { timeZone: 'UTC' })).status).toBe(200);
  return app;
}
async function report(app: App, night: string): Promise<NightReport> {
  const read = () => app.console('GET', `/api/reports/${night}`);
  await expect.poll(async () => (await read()).status).toBe(200);
  return (await read()).json() as unknown as NightReport;
}

it('has a window that the owner chooses, and a report at the end of it', async () => {
  const clock = { ms: at('2026-06-10T12:00') };
  await using app = await house(clock);
  const phone = await app.pair('Alice', 'Pixel');
  expect((await phone.ask('GET', '/api/nights')).json()).toEqual({
    opensAt: '20:00',
    closesAt: '08:00',
    silentNights: 3,
    nextReportAt: at('2026-06-11T08:00'),
  });
  const change = (asked: object) => app.console('PATCH', '/api/nights', asked);
  for (const wrong of [{ closesAt: '20:30' }, { opensAt: '08:00' }, { closesAt: '07:59' }, { silentNights: 0 }]) {
    expect((await change(wrong)).status, JSON.stringify(wrong)).toBe(400);
  }
  expect((await change({ opensAt: '01:00', closesAt: '04:30', silentNights: 2 })).json()).toMatchObject({
    nextReportAt: at('2026-06-11T04:30'),
  });
  clock.ms = at('2026-06-11T02:00');
  await phone.send('DCIM/1.jpg', picture(1));
  clock.ms = at('2026-06-11T04:29');
  expect((await app.console('GET', '/api/reports')).json()).toEqual({ reports: [], next: null });
  clock.ms = at('2026-06-11T04:31');
  expect(await report(app, '2026-06-11')).toMatchObject({
    window: { from: at('2026-06-11T01:00'), to: at('2026-06-11T04:30') },
    total: { count: 1, bytes: 5_000, again: { count: 0 } },
    library: 'ok',
    disk: { freeBytes: 5e11 },
    verified: { count: 0, bytes: 0, damaged: 0, lost: { count: 0, files: [] } },
    boxCopy: { madeAt: null, lack: 'no-recovery-key' },
  });
  await app.restart();
  expect((await phone.ask('GET', '/api/nights')).json()).toMatchObject({ opensAt: '01:00', silentNights: 2 });
  // As many nights as were chosen.
  clock.ms = at('2026-06-13T05:00');
  expect((await report(app, '2026-06-13')).alerts).toMatchObject([{ code: 'phone-silent', params: { nights: 2 } }]);
  const heads = (await app.console('GET', '/api/reports?limit=1')).json();
  expect(heads).toMatchObject({
    reports: [{ night: '2026-06-13', count: 0, phones: 0, alerts: 1 }],
    next: '2026-06-13',
  });
  const older = (await app.console('GET', '/api/reports?limit=1&before=2026-06-13')).json();
  expect(older).toMatchObject({ reports: [{ night: '2026-06-11', count: 1, bytes: 5_000, phones: 1 }], next: null });
  expect((await app.console('GET', '/api/reports/2026-06-12')).status).toBe(404);
  expect(app.ownErrors()).toEqual([]);
});

it('counts in the next report what came in a night in which the disk was away at its end', async () => {
  const clock = { ms: at('2026-06-10T12:00') };
  await using app = await house(clock);
  await using hook = await Hook.open();
  const channel = { enabled: true, alerts: 'none', reports: true, format: 'ntfy', url: hook.url };
  expect((await app.console('PUT', '/api/channels/webhook', channel)).status).toBe(200);
  const phone = await app.pair('Alice', 'Pixel');
  clock.ms = at('2026-06-11T02:00');
  await phone.send('DCIM/1.jpg', picture(1));
  await rename(app.diskDir, `${app.diskDir}.away`);
  await expect.poll(async () => (await phone.ask('GET', '/api/phone/status')).status).toBe(503);
  clock.ms = at('2026-06-11T09:00');
  const first = await report(app, '2026-06-11');
  expect(first).toMatchObject({ library: 'missing', total: { count: 0 }, disk: null });
  // What is not known is not said to be nothing.
  await expect.poll(() => hook.taken.length).toBe(1);
  expect(hook.taken[0]?.headers['title']).toBe('The night of 2026-06-11: the disk was away');
  expect(hook.taken[0]?.body).not.toMatch(/nothing new/i);
  await rename(`${app.diskDir}.away`, app.diskDir);
  await expect.poll(async () => (await phone.ask('GET', '/api/phone/status')).status).toBe(200);
  clock.ms = at('2026-06-12T02:00');
  await phone.send('chosen.jpg', picture(2), { origin: 'browser' });
  clock.ms = at('2026-06-12T09:00');
  const second = await report(app, '2026-06-12');
  expect(second.counted.from).toBe(first.counted.from);
  expect(second).toMatchObject({
    total: { count: 2, bytes: 10_000 },
    phones: [{ came: { count: 2, fromBrowser: { count: 1, bytes: 5_000 } } }],
  });

  // The clock was years ahead for a morning: from then on nights are counted as before.
  clock.ms = at('2030-01-01T09:00');
  await report(app, '2030-01-01');
  clock.ms = at('2026-06-13T02:00');
  await phone.send('DCIM/3.jpg', picture(3));
  clock.ms = at('2026-06-13T09:00');
  expect((await report(app, '2026-06-13')).total).toMatchObject({ count: 1, bytes: 5_000 });
});

it('shows a member their own phones, misses none that is away, and lets them acknowledge', async () => {
  const clock = { ms: at('2026-06-10T12:00') };
  await using app = await house(clock);
  const bobs = await app.pair('Bob', 'Bobs-Pixel');
  const carols = await app.pair('Carol', 'Carols-Galaxy');
  const away = (phone: string, until: number | null) => app.console('PUT', `/api/phones/${phone}/away`, { until });
  expect((await away(carols.phoneId, clock.ms - 1)).status).toBe(400);
  expect((await away(carols.phoneId, clock.ms + 367 * 86_400_000)).status).toBe(400);
  const until = at('2026-06-20T12:00');
  expect((await away(carols.phoneId, until)).json()).toMatchObject({ name: 'Carols-Galaxy', awayUntil: until });

  clock.ms = at('2026-06-13T09:00');
  expect(await report(app, '2026-06-13')).toMatchObject({
    phones: [
      { name: 'Bobs-Pixel', silentNights: 3 },
      { name: 'Carols-Galaxy', silentNights: 0, awayUntil: until },
    ],
    alerts: [{ code: 'phone-silent', params: { name: 'Bobs-Pixel' } }],
  });
  const bob = await memberOf(app, 'Bob', clock);
  const carol = await memberOf(app, 'Carol', clock);
  const own = (await app.ask('GET', '/api/reports/2026-06-13', bob)).json() as unknown as NightReport;
  expect(own.phones.map(({ name }) => name)).toEqual(['Bobs-Pixel']);
  expect([own.verified, own.boxCopy]).toEqual([null, null]);
  expect(JSON.stringify((await app.ask('GET', '/api/reports/2026-06-13', carol)).json())).not.toMatch(/Bob/);
  const needs = async () => ((await app.ask('GET', '/api/home', bob)).json() as { needs: unknown[] }).needs;
  expect(await needs()).toMatchObject([{ code: 'phone-silent' }]);
  const { open } = (await app.ask('GET', '/api/alerts', bob)).json() as { open: Array<{ id: number }> };
  const path = `/api/alerts/${open[0]?.id}/acknowledge`;
  expect((await app.ask('GET', '/api/alerts', carol)).json()).toEqual({ open: [], cleared: [], next: null });
  expect((await app.ask('POST', path, carol)).status).toBe(404);
  expect((await app.ask('POST', path, bob)).json()).toMatchObject({ state: 'acknowledged', acknowledgedAt: clock.ms });
  expect(await needs()).toEqual([]);

  // Three nights after it was to be back it is missed as well.
  clock.ms = at('2026-06-22T09:00');
  expect((await report(app, '2026-06-22')).alerts.map(({ params }) => params['name'])).toEqual(['Bobs-Pixel']);
  clock.ms = at('2026-06-23T09:00');
  const names = (await report(app, '2026-06-23')).alerts.map(({ params }) => params['name']);
  expect(names).toEqual(['Carols-Galaxy', 'Bobs-Pixel']);
  expect((await bobs.ask('GET', '/api/phone/status')).status).toBe(200);
});

/** A session of theirs, by the box's clock. */
async function memberOf(app: App, person: string, clock: { ms: number }): Promise<Record<string, string>> {
  const { Callers, headersOf } = await import('../support/callers.ts');
  const callers = Callers.open(app);
  const headers = headersOf(callers.session(person));
  callers.database.prepare('UPDATE session SET last_used_at = ?').run(clock.ms);
  callers.database
    .prepare('UPDATE session SET expires_at = ?, absolute_until = ?')
    .run(clock.ms + 30 * 86_400_000, clock.ms + 30 * 86_400_000);
  callers.close();
  return headers;
}
