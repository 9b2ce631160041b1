import { readFile, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Certificates, makeCertificates, problem, TestBox } from '../../test/support/test-box.ts';
import { big, noise, TestPhone } from '../../test/support/test-phone.ts';

let certificates: Certificates;
let box: TestBox;
let phone: TestPhone;

beforeAll(async () => {
  certificates = await makeCertificates();
});
beforeEach(async () => {
  phone = await TestPhone.make();
  box = new TestBox(certificates);
  await box.start();
});
afterEach(async () => {
  await box.kill();
  await phone.remove();
});

function stored(path: string): Buffer | undefined {
  return box.assets.get(box.items.get(path) ?? 0)?.bytes;
}

beforeEach(() => phone.pair(box));

test('goes on where it was when the connection breaks and the box is killed and comes back', async () => {
  await phone.file('film.mp4', noise(big));
  box.cutAfterBytes = 6_000_000;
  let killed = false;
  box.interfere = (request) => {
    if (request.method !== 'HEAD' || killed) return false;
    killed = true;
    void box.kill().then(() => setTimeout(() => void box.start(), 300));
    return true;
  };
  const ran = await phone.backup();
  expect(ran.counts).toEqual({ seen: 1, safe: 1, waiting: 0, refused: 0 });
  expect(stored('DCIM/film.mp4')?.equals(noise(big))).toBe(true);
  expect(killed).toBe(true);
  expect(box.uploads.size).toBe(1);
  expect(ran.retries).toContain('unreachable');
  const resumed = box.requests.filter(({ method }) => method === 'PATCH').at(-1);
  expect(resumed?.bytes).toBeLessThanOrEqual(big - 6_000_000);
});

test('another run goes on from the stored address of the upload', async () => {
  await phone.file('film.mp4', noise(big));
  box.cutAfterBytes = 7_000_000;
  box.interfere = (request, response) => {
    if (request.method !== 'HEAD') return false;
    problem(response, 503, 'busy');
    return true;
  };
  const first = await phone.backup(undefined, 100);
  expect(first.counts).toEqual({ seen: 1, safe: 0, waiting: 1, refused: 0 });
  expect(await readFile(join(phone.config.dir, 'uploads.json'), 'utf8')).toContain('film.mp4');
  box.interfere = () => false;
  const second = await phone.backup();
  expect(second.counts).toEqual({ seen: 1, safe: 1, waiting: 0, refused: 0 });
  expect(second.meter.bytesMoved).toBeLessThanOrEqual(big - 7_000_000);
  expect(box.uploads.size).toBe(1);
  expect(await readFile(join(phone.config.dir, 'uploads.json'), 'utf8')).not.toContain('film.mp4');
});

test('starts anew when the box has forgotten the upload', async () => {
  await phone.file('film.mp4', noise(big));
  box.cutAfterBytes = 5_000_000;
  box.interfere = (request) => {
    if (request.method === 'HEAD' && box.uploads.size === 1) {
      for (const id of box.uploads.keys()) box.uploads.delete(id);
      box.uploads.set('filler', { length: 1, bytes: [], size: 0, facts: {} });
    }
    return false;
  };
  expect((await phone.backup()).counts).toMatchObject({ safe: 1 });
  expect(stored('DCIM/film.mp4')?.equals(noise(big))).toBe(true);
});

test('a small file whose answer was lost is not sent again', async () => {
  await phone.file('a.jpg', noise(400_000));
  let lost = false;
  box.interfere = (request, response) => {
    if (request.method !== 'POST' || request.url !== '/api/uploads' || lost) return false;
    lost = true;
    response.writeHead = () => request.socket.destroy() as never;
    return false;
  };
  expect((await phone.backup()).counts).toMatchObject({ seen: 1, safe: 1 });
  expect(lost).toBe(true);
  expect(box.bodyBytes).toBe(400_000);
});

test('shows the box’s reason for a final no, also when only HEAD meets it', async () => {
  await phone.file('bad.mp4', noise(big));
  await phone.file('no.refused', 'x');
  await phone.file('good.jpg', 'good');
  box.cutAfterBytes = 1_000_000;
  box.interfere = () => {
    for (const upload of box.uploads.values()) {
      if (upload.facts.filename === 'bad.mp4' && upload.size > 0) upload.gone = { status: 410, code: 'empty-picture' };
    }
    return false;
  };
  const ran = await phone.backup();
  expect(ran.counts).toEqual({ seen: 3, safe: 1, waiting: 0, refused: 2 });
  const refused = ran.items.filter(({ state }) => state === 'refused');
  expect(refused.map(({ path, code, reason }) => [path, code, reason])).toEqual(
    expect.arrayContaining([
      ['DCIM/bad.mp4', 'empty-picture', 'The sentence of empty-picture.'],
      ['DCIM/no.refused', 'invalid-name', 'The sentence of invalid-name.'],
    ]),
  );
});

test('sends a damaged file again from zero, at most twice', async () => {
  await phone.file('film.mp4', noise(big));
  let damaged = 0;
  box.interfere = (request) => {
    const last = [...box.uploads.values()].at(-1);
    if (request.method === 'PATCH' && last !== undefined) {
      damaged += 1;
      last.facts.sha256 = 'wrong';
    }
    return false;
  };
  const ran = await phone.backup();
  expect(ran.counts).toEqual({ seen: 1, safe: 0, waiting: 0, refused: 1 });
  expect(ran.items[0]).toMatchObject({ code: 'checksum-mismatch' });
  expect(damaged).toBe(3);
});

test('believes no success that does not say how far, and never spins', async () => {
  await phone.file('film.mp4', noise(9_000_000));
  const patches: number[] = [];
  box.interfere = (request, response) => {
    if (request.method !== 'PATCH') return false;
    patches.push(Date.now());
    request.resume();
    request.on('end', () => response.writeHead(204, patches.length % 2 === 0 ? { 'upload-offset': '0' } : {}).end());
    return true;
  };
  const ran = await phone.backup(undefined, 300);
  expect(ran.counts).toEqual({ seen: 1, safe: 0, waiting: 1, refused: 0 });
  expect(ran.items[0]?.code).toBe('no-progress');
  expect(patches.length).toBeLessThan(40);
});

test('takes a smaller offset as progress', async () => {
  await phone.file('film.mp4', noise(big));
  let partial = 0;
  box.interfere = async (request, response) => {
    const upload = [...box.uploads.values()][0];
    if (request.method !== 'PATCH' || upload === undefined || partial >= 4) return false;
    partial += 1;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (partial * 1_000_000 <= upload.size) continue;
      upload.bytes.push(chunk);
      upload.size += chunk.length;
    }
    response.writeHead(204, { 'upload-offset': upload.size }).end();
    return true;
  };
  const ran = await phone.backup();
  expect(ran.counts).toMatchObject({ safe: 1 });
  expect(ran.retries).toEqual([]);
  expect(stored('DCIM/film.mp4')?.equals(noise(big))).toBe(true);
});

test.each([423, 409, 503, 507])('waits and goes on after %i', async (status) => {
  await phone.file('film.mp4', noise(9_000_000));
  let times = 0;
  box.interfere = (request, response) => {
    if (request.method !== 'PATCH' || times >= 2) return false;
    times += 1;
    problem(response, status, 'passing', { connection: 'close' });
    return true;
  };
  const ran = await phone.backup();
  expect(ran.counts).toMatchObject({ safe: 1 });
  expect(ran.retries.length).toBeGreaterThanOrEqual(2);
});

test('waits as long as the box asks', async () => {
  await phone.file('a.jpg', 'a');
  let asked = false;
  box.interfere = (request, response) => {
    if (asked || request.url !== '/api/phone/items/check') return false;
    asked = true;
    problem(response, 429, 'too-many-requests', { 'retry-after': '1' });
    return true;
  };
  const before = Date.now();
  expect((await phone.backup()).counts).toMatchObject({ safe: 1 });
  // The test's patience caps it at 200 ms; the back-off alone would be 20 ms at most.
  expect(Date.now() - before).toBeGreaterThanOrEqual(195);
});

test('a file that changes while it is sent is given up and waits', async () => {
  const path = await phone.file('film.mp4', noise(big));
  box.interfere = async (request) => {
    if (request.method === 'PATCH') await utimes(path, 1_700_000_099, 1_700_000_099);
    return false;
  };
  const ran = await phone.backup();
  expect(ran.counts).toEqual({ seen: 1, safe: 0, waiting: 1, refused: 0 });
  expect(ran.items[0]?.code).toBe('changed');
  expect(box.uploads.size).toBe(0);
  box.interfere = () => false;
  expect((await phone.backup()).counts).toMatchObject({ safe: 1 });
});

test('a finish that failed is driven again by the last byte', async () => {
  await phone.file('film.mp4', noise(big));
  let failed = false;
  box.interfere = async (request, response) => {
    const upload = [...box.uploads.values()][0];
    if (request.method !== 'PATCH' || upload === undefined || failed) return false;
    failed = true;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      upload.bytes.push(chunk);
      upload.size += chunk.length;
    }
    problem(response, 503, 'busy');
    return true;
  };
  const ran = await phone.backup();
  expect(ran.counts).toMatchObject({ safe: 1 });
  expect(ran.meter.bytesMoved).toBe(big + 1);
  expect(stored('DCIM/film.mp4')?.equals(noise(big))).toBe(true);
});
