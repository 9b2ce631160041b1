/** Pairing on the whole box: by link and by code, once, for 15 minutes; and what revoking ends. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parsePairingLink } from '../../src/phones/pairing-link.ts';
import { App } from '../support/app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { HandPhone } from '../support/hand-phone.ts';

type Opened = { link: string; code: string; phone: string; person: string; fingerprint: string; qrSvg: string };

describe('pairing', () => {
  let app: App;
  let owner: string;
  beforeAll(async () => {
    app = await App.start();
    owner = await app.claim();
    await app.console('POST', '/api/people', { person: 'Bob' });
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const open = async (phone: string, person = 'Alice') => {
    const answer = await app.ask('POST', '/api/pairings', { cookie: owner }, { person, phone });
    expect(answer.status).toBe(201);
    return answer.json() as unknown as Opened;
  };
  const look = (key: object) => app.ask('POST', '/api/pairings/look', {}, key);
  const redeem = (key: object) => app.ask('POST', '/api/pairings/redeem', {}, key);
  const secretOf = ({ link }: Opened) => parsePairingLink(link)?.secret ?? '';

  it('works by the link, whose secret is in its fragment, and once', async () => {
    const opened = await open('Pixel 8');
    expect(new URL(opened.link).search).toBe('');
    expect(parsePairingLink(opened.link)).toMatchObject({ box: 'nightjar', fingerprint: opened.fingerprint });
    expect(opened.qrSvg).toMatch(/^<svg /);
    const secret = secretOf(opened);
    // A link preview looks, and burns nothing.
    for (let times = 0; times < 3; times++) {
      const seen = await look({ secret });
      expect([seen.status, seen.json()['phone'], seen.json()['person']]).toEqual([200, 'Pixel 8', 'Alice']);
    }
    expect((await app.ask('GET', '/pair')).status).toBe(200);
    const redeemed = await redeem({ secret, client: 'test', clientVersion: '1' });
    expect(redeemed.status).toBe(201);
    const phone = new HandPhone(() => app.httpPort, redeemed.json() as { token: string; phoneId: string });
    expect((await phone.ask('GET', '/api/phone/status')).json()).toMatchObject({
      phone: 'Pixel 8',
      person: 'Alice',
      box: 'nightjar',
      seen: 0,
    });
    for (const again of [await redeem({ secret }), await redeem({ code: opened.code }), await look({ secret })]) {
      expect([again.status, again.json()['code']]).toEqual([410, 'pairing-used']);
    }
  });

  it('works by the code, however it is typed', async () => {
    const opened = await open('iPhone');
    expect(opened.code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
    const redeemed = await redeem({ code: ` ${opened.code.toLowerCase().replace('-', ' ')} ` });
    expect(redeemed.status).toBe(201);
  });

  it('gives the phone to one of two who redeem at the same moment', async () => {
    const secret = secretOf(await open('Race'));
    const answers = await Promise.all([1, 2, 3, 4].map(() => redeem({ secret })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 410, 410, 410]);
  });

  it('closes the older pairing when a newer one is opened', async () => {
    const older = await open('Old');
    const newer = await open('New');
    expect((await redeem({ secret: secretOf(older) })).status).toBe(410);
    expect((await redeem({ secret: secretOf(newer) })).status).toBe(201);
  });

  it('refuses guesses: five wrong codes end the code, and the link goes on', async () => {
    const opened = await open('Guessed');
    for (let times = 0; times < 5; times++) {
      const answer = await redeem({ code: '0000-0000' });
      expect([answer.status, answer.json()['code']]).toEqual([404, 'pairing-unknown']);
    }
    const right = await redeem({ code: opened.code });
    expect([410, 429]).toContain(right.status);
    expect((await redeem({ secret: 'f'.repeat(32) })).status).toBe(404);
    expect((await redeem({ secret: secretOf(opened) })).status).toBe(201);
  });

  it('ends a revoked phone at its next request, in the middle of an upload too', async () => {
    const lost = new HandPhone(
      () => app.httpPort,
      (await redeem({ secret: secretOf(await open('Lost')) })).json() as { token: string; phoneId: string },
    );
    const jpeg = exifJpeg({ seed: 4, bytes: 5000, takenLocal: '2025-01-01T00:00:00' });
    await lost.send('a.jpg', jpeg);
    const begun = await lost.create(100, { path: 'b.txt' }, Buffer.alloc(40, 'b'));
    const location = begun.headers.location ?? '';
    expect((await app.ask('DELETE', `/api/phones/${lost.phoneId}`, { cookie: owner })).status).toBe(204);
    for (const answer of [
      await lost.ask('GET', '/api/phone/status'),
      await lost.ask('GET', '/api/timeline'),
      await lost.patch(location, 40, Buffer.alloc(60)),
      await lost.create(1, { path: 'c.txt' }, Buffer.alloc(1)),
    ]) {
      expect([answer.status, answer.json()['code']]).toEqual([401, 'unauthenticated']);
    }
    expect(await app.filesInView()).toEqual(['Photos/Alice/2025/2025-01/a.jpg']);
    const listed = (await app.ask('GET', '/api/phones', { cookie: owner })).json()['phones'] as Array<{ name: string }>;
    expect(listed.map(({ name }) => name)).not.toContain('Lost');
    expect((await app.ask('DELETE', `/api/phones/${lost.phoneId}`, { cookie: owner })).status).toBe(404);
  });

  it('makes nothing without an owner, for nobody it knows, or with a name that says nothing', async () => {
    await using fresh = await App.start();
    expect((await fresh.console('POST', '/api/pairings', { person: 'Alice', phone: 'x' })).status).toBe(409);
    const bad = async (value: object) => (await app.console('POST', '/api/pairings', value)).status;
    expect(await bad({ person: 'Zoe', phone: 'x' })).toBe(404);
    expect(await bad({ phone: 'x' })).toBe(400);
    expect(await bad({ person: 'Alice', phone: '' })).toBe(400);
    for (const baseFolder of ['Photos/Bob', '../x', 'Photos/Alice/../Bob', '/etc', 'Photos/Alice/.hidden']) {
      expect(await bad({ person: 'Alice', phone: 'x', baseFolder }), baseFolder).toBe(400);
    }
  });

  it('puts no secret of a pairing into the log', async () => {
    const opened = await open('Logged');
    const secret = secretOf(opened);
    const token = String((await redeem({ secret })).json()['token']);
    const log = app.logged.join('');
    for (const hidden of [secret, token, opened.code]) expect(log).not.toContain(hidden);
    expect(app.ownErrors()).toEqual([]);
  });
});
