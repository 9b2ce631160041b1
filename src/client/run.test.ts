import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Certificates, makeCertificates, TestBox } from '../../test/support/test-box.ts';
import { TestPhone } from '../../test/support/test-phone.ts';
import { lock } from './lock.ts';
import { everyNight } from './run.ts';
import { Session, type SessionOptions } from './session.ts';

let certificates: Certificates;
let box: TestBox;
let phone: TestPhone;
let events: { event: string; code?: string; exitCode?: number; why?: string; at?: number }[];
let stop: AbortController;

beforeAll(async () => {
  certificates = await makeCertificates();
});
beforeEach(async () => {
  phone = await TestPhone.make();
  box = new TestBox(certificates);
  await box.start();
  events = [];
  stop = new AbortController();
  await phone.pair(box);
  await phone.file('a.jpg', 'a');
});
afterEach(async () => {
  stop.abort();
  await box.kill();
  await phone.remove();
});

function options(patienceMs = 300): SessionOptions & { signal: AbortSignal } {
  const report = {
    event: (event: (typeof events)[number]) => void events.push(event),
    watch: () => {},
    close: () => {},
  };
  return { config: phone.config, report, patienceMs, clientVersion: '1.2.3', signal: stop.signal };
}

const time = { hour: 2, minute: 30 };

/** Runs until `nights` backups have ended, on a clock that a sleep moves on at once; the first has been missed. */
async function nights(count: number, patienceMs?: number): Promise<number> {
  let nowMs = new Date(2026, 6, 6, 12).getTime();
  const ended = () => events.filter(({ event }) => event === 'done' || event === 'error').length;
  const sleep = async (ms: number) => {
    nowMs += ms;
    if (ended() >= count) stop.abort();
  };
  return await everyNight([phone.at('DCIM')], time, { ...options(patienceMs), now: () => nowMs, sleep });
}

test('backs up soon after its first start, then at night, and tells the box before and after', async () => {
  expect(await nights(2)).toBe(0);
  const planned = events.filter(({ event }) => event === 'planned');
  expect(planned.map(({ why }) => why)).toEqual(['missed', 'nightly', 'nightly']);
  expect(box.items.size).toBe(1);
  const second = planned[1]?.at;
  const third = planned[2]?.at;
  expect(box.plans.map(({ nextAt }) => nextAt)).toEqual([second, second, third, third]);
  expect(box.plans[0]).toMatchObject({ client: 'nightjar-phone', clientVersion: '1.2.3' });
  const schedule = await phone.config.schedule();
  expect(schedule).toMatchObject({ nextAt: third, lastGoodAt: expect.any(Number) });
  // Its own minutes stay the same.
  stop = new AbortController();
  events = [];
  await nights(1);
  expect((await phone.config.schedule())?.jitterMs).toBe(schedule?.jitterMs);
});

test('goes on after a night on which the box, an old one, failed', async () => {
  box.interfere = (request, response) => {
    if (request.url === '/api/phone/plan') response.writeHead(404).end();
    else if (events.some(({ event }) => event === 'done')) return false;
    else response.writeHead(200).end('nonsense');
    return true;
  };
  expect(await nights(2)).toBe(0);
  expect(events.filter(({ event }) => event === 'planned').map(({ why }) => why)).toEqual([
    'missed',
    'retry',
    'nightly',
  ]);
  expect(events.filter(({ event }) => event === 'done').map(({ exitCode }) => exitCode)).toEqual([1, 0]);
  expect(box.items.size).toBe(1);
});

test('ends with 3 when it is revoked, and does not begin without a pairing or a folder', async () => {
  box.token = 'revoked';
  await expect(nights(9)).rejects.toMatchObject({ code: 'revoked', exitCode: 3 });
  await expect(everyNight([phone.at('none')], time, options())).rejects.toMatchObject({ exitCode: 2 });
  const stranger = await TestPhone.make();
  const unpaired = everyNight([phone.at('DCIM')], time, { ...options(), config: stranger.config });
  await expect(unpaired).rejects.toMatchObject({ code: 'not-paired', exitCode: 3 });
  await stranger.remove();
});

test('waits its turn while a backup by hand is running', async () => {
  const held = await lock(phone.config.dir);
  expect(await nights(1)).toBe(0);
  expect(events.find(({ event }) => event === 'error')?.code).toBe('busy');
  expect(events.at(-1)).toMatchObject({ event: 'planned', why: 'retry' });
  expect(box.items.size).toBe(0);
  const told = box.plans.length;
  const session = await Session.open({ ...options(), signal: new AbortController().signal });
  await expect(session.backUp([phone.at('DCIM')], null)).rejects.toMatchObject({ code: 'busy' });
  await session.close();
  // Who does nothing calls no plan off.
  expect(box.plans.length).toBe(told);
  await held.release();
});

test('ends at once when it is told to in the middle of a backup, and goes on the next time', async () => {
  box.interfere = (request) => {
    if (request.url !== '/api/uploads') return false;
    setImmediate(() => stop.abort());
    return true;
  };
  expect(await nights(9, 60_000)).toBe(0);
  expect(events.map(({ event }) => event)).toEqual(['planned', 'start']);
  box.interfere = () => false;
  stop = new AbortController();
  expect(await nights(1)).toBe(0);
  expect(box.items.size).toBe(1);
});

test('a phone that was paired anew meanwhile keeps its new pairing', async () => {
  await box.kill();
  box.port = 0;
  await box.start();
  const moved = { secure: true, host: '127.0.0.1', port: box.port };
  const session = await Session.open({ ...options(), find: async () => moved });
  await session.tell(null);
  expect(box.plans).toEqual([{ nextAt: null, client: 'nightjar-phone', clientVersion: '1.2.3' }]);
  const anew = { ...(await phone.config.mustBePaired()), token: 'another-token-0123456789' };
  await phone.config.savePairing(anew);
  await session.close();
  expect(await phone.config.mustBePaired()).toEqual(anew);
});
