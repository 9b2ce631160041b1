/** Phones on the whole box: their names, what each tells, and when it means to come next. */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import type { HandPhone } from '../support/hand-phone.ts';

type Phone = {
  id: string;
  name: string;
  lastSeenAt: number | null;
  nextAt: number | null;
  plannedAt: number | null;
  tells: string[];
};
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

describe('phones', () => {
  let app: App;
  let owner: string;
  let phone: HandPhone;
  beforeAll(async () => {
    app = await App.start();
    owner = await app.claim();
    phone = await app.pair('Alice', 'Pixel');
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const list = async () =>
    (await app.ask('GET', '/api/phones', { cookie: owner })).json()['phones'] as unknown as Phone[];
  const listed = async (id: string) => (await list()).find((one) => one.id === id);
  const rename = (id: string, name: unknown) => app.ask('PATCH', `/api/phones/${id}`, { cookie: owner }, { name });
  const plan = (value: object, by = phone) => by.json('POST', '/api/phone/plan', value);

  const pairAs = async (name: string, by: object) => {
    const { code } = (await app.console('POST', '/api/pairings', { person: 'Alice', phone: name })).json();
    const redeemed = await app.ask('POST', '/api/pairings/redeem', {}, { code, ...by });
    expect(redeemed.status).toBe(201);
    return String(redeemed.json()['phoneId']);
  };

  it('have the name that their people give them, and it is written down who did', async () => {
    const answer = await rename(phone.phoneId, '  Anna’s 2nd phone ');
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({ id: phone.phoneId, name: 'Anna’s 2nd phone', person: 'Alice' });
    expect((await listed(phone.phoneId))?.name).toBe('Anna’s 2nd phone');
    expect((await phone.ask('GET', '/api/phone/status')).json()['phone']).toBe('Anna’s 2nd phone');
    // The same once more changes nothing.
    expect((await rename(phone.phoneId, 'Anna’s 2nd phone')).status).toBe(200);
    using state = new DatabaseSync(join(app.stateDir, 'nightjar.sqlite'), { readOnly: true });
    const rows = state.prepare("SELECT actor, subject, detail FROM audit WHERE event = 'phone-renamed'").all();
    expect(rows).toEqual([
      {
        actor: expect.stringMatching(/^person:/),
        subject: phone.phoneId,
        detail: JSON.stringify({ from: 'Pixel', to: 'Anna’s 2nd phone' }),
      },
    ]);
  });

  it('have no name that hides or says nothing, and a revoked one gets none', async () => {
    for (const name of ['', ' ', 'a\u202eb', 'a\u0000b', 'x'.repeat(65), 7, null]) {
      const answer = await rename(phone.phoneId, name);
      expect(answer.status, JSON.stringify(name)).toBe(400);
    }
    const gone = await pairAs('Gone', {});
    await app.ask('DELETE', `/api/phones/${gone}`, { cookie: owner });
    for (const id of [gone, 'x', phone.token]) expect((await rename(id, 'Back')).status).toBe(404);
  });

  it('say what their kind of client tells, and of an unknown one nothing is claimed', async () => {
    const tells = async (by: object) => (await listed(await pairAs('x', by)))?.tells;
    expect(await tells({ client: 'nightjar-phone' })).toEqual(['waiting', 'refused', 'next-night', 'version']);
    expect(await tells({ client: 'web-page' })).toEqual(['version']);
    for (const by of [{}, { client: 'some-dav-app' }, { client: 'constructor' }, { client: '' }])
      expect(await tells(by), JSON.stringify(by)).toEqual([]);
    const { code } = (await app.console('POST', '/api/pairings', { person: 'Alice', phone: 'x' })).json();
    for (const client of ['a\u001b[2Jb', 'ä', 'x'.repeat(65)])
      expect((await app.ask('POST', '/api/pairings/redeem', {}, { code, client })).status).toBe(400);
  });

  it('tell when they come next, over a restart, until they tell otherwise', async () => {
    expect(await listed(phone.phoneId)).toMatchObject({ nextAt: null, plannedAt: null });
    const nextAt = Date.now() + 12 * hourMs;
    const told = await plan({ nextAt, client: 'nightjar-phone', clientVersion: '0.2.0' });
    expect([told.status, told.text]).toEqual([204, '']);
    const before = await listed(phone.phoneId);
    expect(before).toMatchObject({ nextAt, client: 'nightjar-phone', clientVersion: '0.2.0' });
    expect(Math.abs((before?.plannedAt ?? 0) - Date.now())).toBeLessThan(hourMs);
    await app.restart();
    owner = await app.signIn();
    expect(await listed(phone.phoneId)).toMatchObject({ nextAt, plannedAt: before?.plannedAt });
    // Without them its client and version stay as they are known.
    expect((await plan({ nextAt: null })).status).toBe(204);
    expect(await listed(phone.phoneId)).toMatchObject({ nextAt: null, clientVersion: '0.2.0' });
  });

  it('are not believed when they tell nonsense, and each tells of itself alone', async () => {
    const other = await app.pair('Alice', 'Other');
    await other.ask('GET', '/api/phone/status');
    await expect.poll(async () => (await listed(other.phoneId))?.lastSeenAt).not.toBeNull();
    const was = await list();
    for (const nextAt of [0, -1, 1.5, '1', Date.now() - dayMs - hourMs, Date.now() + 32 * dayMs + hourMs, 1e300]) {
      const answer = await plan({ nextAt }, other);
      expect([answer.status, answer.json()['code']], String(nextAt)).toEqual([400, 'invalid-request']);
    }
    for (const value of [{}, { nextAt: null, client: '\u001b[2J' }, { nextAt: null, clientVersion: 'x'.repeat(65) }])
      expect((await plan(value, other)).status, JSON.stringify(value)).toBe(400);
    expect(await list()).toEqual(was);
    const nextAt = Date.now() - dayMs + hourMs;
    expect((await plan({ nextAt }, other)).status).toBe(204);
    expect((await list()).filter((one) => one.nextAt !== null).map(({ id }) => id)).toEqual([other.phoneId]);
  });

  it('are shown with the box’s name and addresses before they pair, to whoever has the link or the code', async () => {
    const opened = (await app.console('POST', '/api/pairings', { person: 'Alice', phone: 'x' })).json();
    const seen = (await app.ask('POST', '/api/pairings/look', {}, { code: opened['code'] })).json();
    expect(seen).toMatchObject({
      box: 'nightjar',
      addresses: opened['addresses'],
      fingerprint: opened['fingerprint'],
    });
    expect((seen['addresses'] as string[])[0]).toBe(`nightjar.local:${app.httpsPort}`);
    const refused = await app.ask('POST', '/api/pairings/look', {}, { code: '0000-0000' });
    expect([refused.status, refused.text.includes('local:')]).toEqual([404, false]);
    expect(app.ownErrors()).toEqual([]);
  });

  it('have what was refused of them counted by its reason, the files named to their own person alone', async () => {
    const toms = await app.pair('Tom', 'Tablet');
    const unreadable = Array.from({ length: 120 }, (_, at) => ({ path: `DCIM/secret-${at}.jpg` }));
    for (const one of [phone, toms])
      await one.json('POST', '/api/phone/inventory/finish', { startedAt: 0, unreadable });
    const empty = await phone.create(0, { path: 'DCIM/empty.jpg' });
    expect([empty.status, empty.json()['code']]).toEqual([410, 'empty-picture']);
    const refused = async ({ phoneId }: HandPhone) => {
      const answer = await app.ask('GET', `/api/phones/${phoneId}/refused`, { cookie: owner });
      return answer.json()['refusals'] as Array<{ code: string; count: number; paths: string[]; reason: string }>;
    };
    const own = await refused(phone);
    expect(own).toMatchObject([
      { code: 'empty-picture', count: 1, reason: expect.stringMatching(/no bytes/) },
      { code: 'unreadable', count: 120 },
    ]);
    // The first hundred of all, as the phone itself is told.
    expect(own.flatMap(({ paths }) => paths)).toHaveLength(100);
    expect(own[1]?.paths[0]).toBe('DCIM/secret-0.jpg');
    expect(await refused(toms)).toMatchObject([{ code: 'unreadable', count: 120, paths: [] }]);
    expect((await app.console('GET', `/api/phones/${phone.phoneId}/refused`)).text).not.toContain('secret');
  });
});
