/** What the whole box tells live, over real http and https. */
import { Agent, request } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { expect, it } from 'vitest';
import { App, cookieOf } from '../support/app.ts';
import { EventStream } from '../support/event-stream.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';

/** The limit at which the box cuts off what is left is 8 s. */
const stopMsMax = 7_000;

function listen(app: App, headers: Record<string, string>): Promise<EventStream> {
  return EventStream.open({ port: app.httpPort, headers });
}

function bearer(phone: HandPhone): { authorization: string } {
  return { authorization: `Bearer ${phone.token}` };
}

function picture(seed: number): Buffer {
  return exifJpeg({ seed, bytes: 20_000, takenLocal: '2025-07-14T09:30:00' });
}

it('tells each person of their own photos, and the owner how every phone goes on, without names', async () => {
  await using app = await App.startClaimed();
  const [alices, bobs] = [await app.pair('Alice', 'Pixel'), await app.pair('Bob', 'Galaxy')];
  const owner = await listen(app, { cookie: await app.signIn() });
  const [alicesPhone, bobsPhone] = [await listen(app, bearer(alices)), await listen(app, bearer(bobs))];
  await bobs.send('DCIM/secret.jpg', picture(1));
  await alices.send('DCIM/mine.jpg', picture(2));
  await expect
    .poll(() => alicesPhone.of('arrived').map(({ data }) => data))
    .toEqual([{ type: 'arrived', asset: 2, kind: 'photo', month: '2025-07' }]);
  await expect.poll(() => bobsPhone.of('arrived').map(({ data }) => data['asset'])).toEqual([1]);
  await expect.poll(() => owner.of('arrived').map(({ data }) => data['asset'])).toEqual([2]);
  // What is told can be read: it was committed before.
  const seen = await alices.ask('GET', '/api/assets/2/original');
  expect(seen.status).toBe(200);
  const progress = (stream: EventStream) => stream.of('phone-progress').map(({ data }) => data);
  const bobsEnd = {
    type: 'phone-progress',
    phone: bobs.phoneId,
    uploads: 0,
    bytes: 0,
    length: null,
    arrived: 1,
    ended: true,
  };
  const alicesEnd = { ...bobsEnd, phone: alices.phoneId };
  const ends = (stream: EventStream) => progress(stream).filter(({ ended }) => ended === true);
  await expect
    .poll(() => ends(owner))
    .toEqual([
      { ...bobsEnd, length: 0 },
      { ...alicesEnd, length: 0 },
    ]);
  await expect.poll(() => ends(bobsPhone)).toEqual([{ ...bobsEnd, length: 0 }]);
  // A phone hears of its person's alone, also when that is the owner.
  await expect.poll(() => ends(alicesPhone)).toEqual([{ ...alicesEnd, length: 0 }]);
  expect(JSON.stringify(owner.events)).not.toMatch(/secret|Galaxy|Bob/);
  // Only what is new: it came, it is whole, it is safe, it is over.
  expect(progress(bobsPhone).length).toBeLessThanOrEqual(4);
  for (const stream of [owner, alicesPhone, bobsPhone]) stream.cut();
  expect(app.ownErrors()).toEqual([]);
});

it('tells of a file on its way: how much of it came', async () => {
  await using app = await App.startClaimed();
  const phone = await app.pair('Alice', 'Pixel');
  const stream = await listen(app, bearer(phone));
  const location = (await phone.create(3_000_000, { path: 'notes.txt' })).headers.location ?? '';
  // The box waits for the rest of the body, as it does for a slow phone.
  const agent = new Agent();
  const headers = {
    ...bearer(phone),
    'tus-resumable': '1.0.0',
    'upload-offset': '0',
    'content-type': 'application/offset+octet-stream',
    'content-length': '3000000',
  };
  const slow = request({ host: '127.0.0.1', port: app.httpPort, method: 'PATCH', path: location, headers, agent });
  slow.on('error', () => undefined);
  slow.write(Buffer.alloc(2_000_000, 'a'));
  await expect
    .poll(() => stream.of('phone-progress').at(-1)?.data)
    .toMatchObject({ uploads: 1, bytes: expect.any(Number), length: 3_000_000, arrived: 0, ended: false });
  const came = () => Number(stream.of('phone-progress').at(-1)?.data['bytes']);
  await expect.poll(came).toBeGreaterThan(1_000_000);
  expect(came()).toBeLessThanOrEqual(2_000_000);
  const answered = new Promise<number>((resolve) => slow.once('response', (one) => resolve(one.statusCode ?? 0)));
  slow.end(Buffer.alloc(1_000_000, 'b'));
  expect(await answered).toBe(204);
  await expect
    .poll(() => stream.of('phone-progress').at(-1)?.data)
    .toMatchObject({ uploads: 0, bytes: 0, arrived: 1, ended: true });
  stream.cut();
  agent.destroy();
});

it('loses and repeats nothing for a phone that comes and goes while another sends', async () => {
  await using app = await App.startClaimed();
  const [sends, watches] = [await app.pair('Alice', 'Pixel'), await app.pair('Alice', 'Tablet')];
  const files = 40;
  const first = await listen(app, bearer(watches));
  await expect.poll(() => first.lastId).not.toBe('');
  first.cut();
  let { lastId } = first;
  let sent = 0;
  const sending = (async () => {
    for (; sent < files; sent++) await sends.send(`Documents/${sent}.txt`, Buffer.from(`file ${sent}`));
  })();
  const arrived: unknown[] = [];
  for (let round = 0; arrived.length < files && round < 500; round++) {
    const stream = await listen(app, { ...bearer(watches), 'last-event-id': lastId });
    const wanted = round % 4;
    await expect.poll(() => stream.of('arrived').length >= wanted || sent === files).toBe(true);
    if (sent === files) await expect.poll(() => arrived.length + stream.of('arrived').length).toBe(files);
    stream.cut();
    expect(stream.of('reset')).toEqual([]);
    lastId = stream.lastId;
    arrived.push(...stream.of('arrived').map(({ data }) => data['asset']));
  }
  await sending;
  expect(arrived).toEqual(Array.from({ length: files }, (_, at) => at + 1));
});

it('ends the stream of a revoked phone and of a session that is over, and of no other', async () => {
  await using app = await App.startClaimed();
  const [lost, kept] = [await app.pair('Alice', 'Pixel'), await app.pair('Alice', 'Tablet')];
  const cookie = await app.signIn();
  const [lostStream, keptStream] = [await listen(app, bearer(lost)), await listen(app, bearer(kept))];
  const page = await listen(app, { cookie });
  expect((await app.console('DELETE', `/api/phones/${lost.phoneId}`)).status).toBe(204);
  expect((await app.ask('DELETE', '/api/sessions/current', { cookie })).status).toBe(204);
  // At the latest a second after; the next photo finds out.
  await expect
    .poll(async () => {
      await kept.send(`${Math.random()}.txt`, Buffer.from(`${Math.random()}`));
      return [lostStream.ended, page.ended];
    })
    .toEqual(['whole', 'whole']);
  expect(keptStream.ended).toBeUndefined();
  expect((await listen(app, bearer(lost))).status).toBe(401);
  expect((await listen(app, { cookie })).status).toBe(401);
  await expect.poll(() => keptStream.of('arrived').length).toBeGreaterThan(0);
  keptStream.cut();
});

it('is there over https too, for nobody without a credential, and not for the console', async () => {
  await using app = await App.startClaimed();
  const phone = await app.pair('Alice', 'Pixel');
  const agent = new TlsAgent({ rejectUnauthorized: false });
  const over = (headers: Record<string, string>) =>
    EventStream.open({ port: app.httpsPort, headers, agent, tls: { ca: '' } });
  const stream = await over(bearer(phone));
  expect(stream.status).toBe(200);
  await phone.send('a.txt', Buffer.from('a'));
  await expect.poll(() => stream.of('arrived').length).toBe(1);
  stream.cut();
  expect((await over({})).status).toBe(401);
  expect((await listen(app, {})).status).toBe(401);
  expect((await app.console('GET', '/api/events')).status).toBe(403);
  agent.destroy();
});

it('takes 4 streams of a client and 64 in all, and stops quickly with all of them open', async () => {
  await using app = await App.startClaimed();
  const streams: EventStream[] = [];
  const phones: HandPhone[] = [];
  for (let at = 0; at < 17; at++) phones.push(await app.pair('Alice', `Phone ${at}`));
  const [one, ...others] = phones;
  if (one === undefined) throw new Error('No phone was paired.');
  for (const phone of others) {
    for (let at = 0; at < 4; at++) streams.push(await listen(app, bearer(phone)));
  }
  expect(streams.filter(({ status, ended }) => status === 200 && ended === undefined)).toHaveLength(64);
  const refused = await listen(app, bearer(one));
  expect(refused.status).toBe(503);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(JSON.parse(refused.text)).toMatchObject({ code: 'busy' });
  const [first] = others;
  if (first !== undefined) streams.push(await listen(app, bearer(first)));
  await expect.poll(() => streams[0]?.events.at(-1)?.type).toBe('replaced');
  const started = performance.now();
  await app.stop();
  expect(performance.now() - started).toBeLessThan(stopMsMax);
  await expect.poll(() => streams.filter(({ ended }) => ended === undefined).length).toBe(0);
  expect(new Set(streams.map(({ ended }) => ended))).toEqual(new Set(['whole']));
  const lastId = streams.at(-1)?.lastId ?? '';
  await app.start();
  const again = await listen(app, { ...bearer(one), 'last-event-id': lastId });
  await expect.poll(() => again.events.map(({ type }) => type)).toEqual(['reset']);
  again.cut();
  expect(app.ownErrors()).toEqual([]);
});

it('is for a page that signed in, by its cookie', async () => {
  await using app = await App.start();
  const cookie = await app.claim();
  expect(cookie).not.toBe('');
  const signedIn = await app.ask('POST', '/api/sessions', {}, { person: 'Alice', password: 'wrong password here' });
  expect(() => cookieOf(signedIn)).toThrow();
  const page = await listen(app, { cookie });
  await expect.poll(() => page.events.map(({ type }) => type)).toEqual(['hello']);
  page.cut();
});
