/** The panel of whoever opens a pairing, on the whole box: what it shows after a reload, and what it hears live. */
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePairingLink } from '../../src/phones/pairing-link.ts';
import { App } from '../support/app.ts';
import { ask } from '../support/asking.ts';
import { EventStream } from '../support/event-stream.ts';
import { HandPhone } from '../support/hand-phone.ts';

type Panel = Readonly<{ id: string; link: string | null; code: string | null; state: string; welcome: string }>;

describe('the pairing panel', () => {
  let app: App;
  let owner: string;
  let ca: string;
  beforeAll(async () => {
    app = await App.start();
    owner = await app.claim();
    const root = await fetch(`http://127.0.0.1:${app.httpPort}/nightjar-root.der`);
    ca = new X509Certificate(Buffer.from(await root.arrayBuffer())).toString();
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const open = async (asked: object = {}) =>
    (await app.ask('POST', '/api/pairings', { cookie: owner }, asked)).json() as unknown as Panel & { code: string };
  const current = async (cookie = owner) =>
    (await app.ask('GET', '/api/pairings/current', { cookie })).json()['pairing'] as Panel | null;
  /** By a device at this address that trusts the box. */
  const probe = (localAddress: string) =>
    ask({
      port: app.httpsPort,
      path: '/static/probe.svg',
      localAddress,
      headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
      tls: { ca, servername: 'localhost' },
    });
  const states = (stream: EventStream) => stream.of('pairing').map(({ data }) => data['state']);

  it('shows where to begin without a secret, and all of it again after a reload', async () => {
    expect(await current()).toBeNull();
    const opened = await open();
    expect(opened.welcome).toMatch(new RegExp(`^http://[^/#?]+:${app.httpPort}/$`));
    expect(opened).toMatchObject({ phone: '', qrSvg: expect.stringMatching(/^<svg/) });
    const shown = await current();
    expect(shown).toEqual({
      ...opened,
      state: 'open',
      baseFolder: 'Photos/Alice',
      replaces: null,
      replacesId: null,
      by: 'Alice',
      openedAt: expect.any(Number),
      triesLeft: 5,
      trustedAt: null,
      lookedAt: null,
      joined: null,
    });
    // Another session of the same person knows of it, and is not given what may bring a second factor.
    const elsewhere = await app.signIn();
    expect(await current(elsewhere)).toMatchObject({ id: opened.id, link: null, code: null, qrSvg: null });
    expect((await app.ask('DELETE', '/api/pairings/current', { cookie: owner })).status).toBe(204);
    expect(await current()).toMatchObject({ id: opened.id, state: 'closed', link: null });
  });

  it('hears that a new device trusts the box, looked, and joined under its own name', async () => {
    using stream = await listening(app, owner);
    const { id, code } = await open();
    // The opener’s own device, plain http, and who only asks for the head have told nothing.
    await probe('127.0.0.1');
    await ask({ port: app.httpPort, path: '/static/probe.svg', localAddress: '127.0.0.2' });
    const head = {
      method: 'HEAD',
      path: '/static/probe.svg',
      localAddress: '127.0.0.2',
      tls: { ca, servername: 'localhost' },
    };
    await ask({ ...head, port: app.httpsPort });
    expect(await current()).toMatchObject({ trustedAt: null });
    for (let times = 0; times < 3; times++) expect((await probe('127.0.0.2')).status).toBe(200);
    await app.ask('POST', '/api/pairings/look', {}, { code });
    const redeemed = await app.ask(
      'POST',
      '/api/pairings/redeem',
      {},
      {
        code,
        client: 'web-page',
        phone: 'Mia’s iPhone',
        baseFolder: 'Photos/Alice/Mia',
      },
    );
    expect([redeemed.status, redeemed.json()]).toEqual([
      201,
      expect.objectContaining({ phone: 'Mia’s iPhone', baseFolder: 'Photos/Alice/Mia' }),
    ]);
    const { phoneId } = redeemed.json();
    await expect.poll(() => states(stream)).toEqual(['trusted', 'looked-at', 'joined']);
    expect(stream.of('pairing').map(({ data }) => data)).toEqual([
      { type: 'pairing', pairing: id, state: 'trusted' },
      { type: 'pairing', pairing: id, state: 'looked-at' },
      { type: 'pairing', pairing: id, state: 'joined', phone: 'Mia’s iPhone', phoneId },
    ]);
    expect(await current()).toMatchObject({ id, state: 'joined', joined: { phoneId, phone: 'Mia’s iPhone' } });
    // “Not mine”: by whoever opened it.
    const phone = new HandPhone(() => app.httpPort, redeemed.json() as { token: string; phoneId: string });
    expect((await phone.ask('GET', '/api/phone')).json()).toMatchObject({ name: 'Mia’s iPhone', joinedRecently: true });
    expect((await app.ask('DELETE', `/api/phones/${String(phoneId)}`, { cookie: owner })).status).toBe(204);
    expect((await phone.ask('GET', '/api/phone')).status).toBe(401);
  });

  it('hears “this is not my phone”, and keeps it as a notice', async () => {
    using stream = await listening(app, owner);
    const { code, link } = await open({ phone: 'Pixel' });
    const refuse = (key: object) => app.ask('POST', '/api/pairings/refuse', {}, key);
    expect((await refuse({ code: '0000-0000' })).status).toBe(404);
    expect((await refuse({ secret: parsePairingLink(link ?? '')?.secret })).status).toBe(204);
    await expect.poll(() => states(stream)).toEqual(['refused']);
    expect((await app.ask('POST', '/api/pairings/redeem', {}, { code })).json()['code']).toBe('pairing-expired');
    const { notices } = (await app.ask('GET', '/api/notices', { cookie: owner })).json() as { notices: object[] };
    expect(notices[0]).toMatchObject({ kind: 'pairing-refused', detail: { phone: 'Pixel', person: 'Alice' } });
    expect(await current()).toMatchObject({ state: 'refused', triesLeft: 4 });
  });

  it('of a member is nothing to other members, and no way in for the owner', async () => {
    const bob = await app.pair('Bob', 'Bob’s');
    using phone = await EventStream.open({ port: app.httpPort, headers: { authorization: `Bearer ${bob.token}` } });
    using stream = await listening(app, owner);
    const { id } = await open({ person: 'Bob' });
    const newer = (await app.console('POST', '/api/pairings', { person: 'Bob' })).json();
    await expect
      .poll(() => stream.of('pairing').map(({ data }) => [data['pairing'], data['state']]))
      .toEqual([[id, 'closed']]);
    expect(await current()).toMatchObject({ id: newer['id'], state: 'open', link: null, code: null, by: null });
    expect(phone.of('pairing')).toEqual([]);
    expect((await app.ask('DELETE', '/api/pairings/current', { cookie: owner })).status).toBe(204);
    expect((await app.ask('POST', '/api/pairings/look', {}, { code: newer['code'] })).status).toBe(410);
  });

  it('lets a phone name itself and move within its person’s folder, and nowhere else', async () => {
    const phone = await app.pair('Alice', 'Galaxy');
    const change = (value: object) => phone.json('PATCH', '/api/phone', value);
    expect((await change({ name: 'Galaxy 2', baseFolder: 'Photos/Alice/Galaxy' })).json()).toMatchObject({
      id: phone.phoneId,
      name: 'Galaxy 2',
      baseFolder: 'Photos/Alice/Galaxy',
    });
    for (const baseFolder of ['Photos/Bob', 'Photos', '', 'Photos/Alice/../Bob', 'Photos/Alice/.x'])
      expect([baseFolder, (await change({ baseFolder })).status]).toEqual([baseFolder, 400]);
    await phone.send('notes.jpg', Buffer.from('not a picture, but kept'), { mtime: String(Date.UTC(2025, 3, 1)) });
    expect(await app.filesInView()).toContainEqual(expect.stringMatching(/^Photos\/Alice\/Galaxy\/2025\//));
    const { phones } = (await app.ask('GET', '/api/phones', { cookie: owner })).json() as { phones: object[] };
    expect(phones).toContainEqual(
      expect.objectContaining({
        name: 'Galaxy 2',
        approver: false,
        joinedRecently: true,
        joinedAt: expect.any(Number),
      }),
    );
    expect((await phone.ask('GET', '/api/phone')).json()['folders']).toContain('Photos/Alice/Galaxy');
  });

  it('after a restart knows the pairing, without its link; whoever has the code goes on', async () => {
    const { id, code } = await open();
    await app.restart();
    expect(await current()).toMatchObject({ id, state: 'open', link: null, code: null });
    expect((await app.ask('POST', '/api/pairings/redeem', {}, { code })).json()['phone']).toBe('Alice’s phone');
    const log = app.logged.join('');
    expect(log).not.toContain(code);
    expect(app.ownErrors()).toEqual([]);
  });
});

async function listening(app: App, cookie: string): Promise<EventStream> {
  return await EventStream.open({ port: app.httpPort, headers: { cookie } });
}
