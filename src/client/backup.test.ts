import { execFile } from 'node:child_process';
import { mkdir, rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Certificates, makeCertificates, problem, TestBox } from '../../test/support/test-box.ts';
import { big, noise, TestPhone } from '../../test/support/test-phone.ts';
import { exitCodeOf } from './backup.ts';
import type { Counts } from './meter.ts';

let certificates: Certificates;
let other: Certificates;
let box: TestBox;
let phone: TestPhone;

beforeAll(async () => {
  certificates = await makeCertificates();
  other = await makeCertificates();
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

test('sends everything once, and nothing the second time', async () => {
  await phone.file('a.jpg', noise(100_000));
  await phone.file('2024/ü b.jpg', noise(3_000_000));
  await phone.file('2024/film.mp4', noise(big));
  await phone.file('empty.txt', '');
  await phone.file('copy.jpg', noise(100_000));
  await phone.file('.hidden/secret.jpg', 'x');
  await symlink('/etc', phone.at('DCIM', 'link'));
  const first = await phone.backup();
  expect(first.counts).toEqual({ seen: 5, safe: 5, waiting: 0, refused: 0 });
  expect(stored('DCIM/2024/film.mp4')?.equals(noise(big))).toBe(true);
  expect(stored('DCIM/2024/ü b.jpg')?.equals(noise(3_000_000))).toBe(true);
  expect(box.assets.get(1)?.mtime).toBe(1_700_000_000_123);
  expect(box.finished).toEqual([{ startedAt: expect.any(Number) }]);
  const sent = box.bodyBytes;
  expect(sent).toBe(first.meter.bytesMoved);
  const second = await phone.backup();
  expect(second.counts).toEqual(first.counts);
  expect(second.meter.bytesMoved).toBe(0);
  expect(box.bodyBytes).toBe(sent);
});

test('hashes instead of sending when the box may have the content', async () => {
  box.put('Photos/alice/known.jpg', noise(50_000));
  await phone.file('mine.jpg', noise(50_000));
  const ran = await phone.backup();
  expect(ran.counts).toMatchObject({ seen: 1, safe: 1 });
  expect(box.bodyBytes).toBe(0);
});

test('gives up when patience is over, and accounts for every file', async () => {
  for (let n = 0; n < 30; n += 1) await phone.file(`${n}.jpg`, `content ${n}`);
  let taken = 0;
  box.interfere = (request, response) => {
    if (request.url !== '/api/uploads') return false;
    taken += 1;
    if (taken <= 10) return false;
    problem(response, 507, 'disk-full');
    return true;
  };
  const ran = await phone.backup(undefined, 1_000);
  expect(ran.counts).toEqual({ seen: 30, safe: 10, waiting: 20, refused: 0 });
  // Twenty files that wait do not wait one after the other.
  expect(taken).toBeLessThan(10 + 4 * 200);
  expect(ran.seconds).toBeLessThan(4);
});

test('a file that one error concerns leaves its place to others', async () => {
  for (let n = 0; n < 6; n += 1) await phone.file(`${n}.mp4`, `video ${n}`);
  await phone.file('z.jpg', 'photo');
  box.interfere = (request, response) => {
    const name = Buffer.from('.mp4').toString();
    const facts = Buffer.from(
      /filename (\S+?),/.exec(`${request.headers['upload-metadata']}`)?.[1] ?? '',
      'base64',
    ).toString();
    if (request.url !== '/api/uploads' || !facts.endsWith(name)) return false;
    problem(response, 503, 'video-tools-missing');
    return true;
  };
  const ran = await phone.backup(undefined, 60_000);
  expect(ran.counts).toEqual({ seen: 7, safe: 1, waiting: 6, refused: 0 });
});

test('stops at once when the phone was revoked', async () => {
  for (let n = 0; n < 8; n += 1) await phone.file(`${n}.jpg`, `content ${n}`);
  box.interfere = (request) => {
    if (request.url === '/api/uploads') box.token = 'another';
    return false;
  };
  await expect(phone.backup()).rejects.toMatchObject({ code: 'revoked', exitCode: 3 });
  expect(box.items.size).toBe(0);
});

test('folders of one name keep their own labels', async () => {
  const dirs = ['one/Camera', 'two/Camera'].map((name) => phone.at(name));
  for (const [n, dir] of dirs.entries()) {
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'a.jpg'), `${n}`);
  }
  await phone.backup(dirs);
  await phone.backup([dirs[1] as string]);
  expect([...box.items.keys()].sort()).toEqual(['Camera (2)/a.jpg', 'Camera/a.jpg']);
});

test('what its owner deleted on the box is refused, counted, and no failure', async () => {
  await phone.file('a.jpg', 'a');
  await phone.file('b.deleted', 'b');
  const ran = await phone.backup();
  expect(ran.counts).toEqual({ seen: 2, safe: 1, waiting: 0, refused: 1, deleted: 1 });
  expect(exitCodeOf(ran.counts as Counts)).toBe(0);
  await phone.file('c.refused', 'c');
  const again = await phone.backup();
  expect(again.counts).toEqual({ seen: 3, safe: 1, waiting: 0, refused: 2, deleted: 1 });
  expect(exitCodeOf(again.counts as Counts)).toBe(4);
  expect(exitCodeOf({ ...(again.counts as Counts), waiting: 1 })).toBe(1);
});

test('a folder that is gone is told, and the others are saved', async () => {
  await phone.file('a.jpg', 'a');
  const ran = await phone.backup([phone.at('DCIM'), phone.at('card')]);
  expect(ran.counts).toEqual({ seen: 2, safe: 1, waiting: 0, refused: 1 });
  expect(ran.items.find(({ state }) => state === 'refused')).toMatchObject({ path: 'card', code: 'unreadable' });
  await expect(phone.backup([phone.at('card')])).rejects.toMatchObject({ code: 'no-such-folder', exitCode: 2 });
});

test('a name that is no UTF-8 is told, not passed over', async () => {
  await phone.file('a.jpg', 'a');
  await writeFile(Buffer.concat([Buffer.from(phone.at('DCIM/')), Buffer.from([0x62, 0xff, 0x63])]), 'b');
  const ran = await phone.backup();
  expect(ran.counts).toEqual({ seen: 2, safe: 1, waiting: 0, refused: 1 });
  expect(ran.items.find(({ state }) => state === 'refused')?.reason).toMatch(/UTF-8/);
});

test('counts what it leaves out, with the reason, and apart from what it saw', async () => {
  await phone.file('a.jpg', 'a');
  for (const name of ['.trash/1.jpg', '.trash/2.jpg', '.nomedia', 'film.mp4.nightjar-part'])
    await phone.file(name, 'x');
  await symlink('/etc', phone.at('DCIM', 'folder'));
  await symlink('a.jpg', phone.at('DCIM', 'b.jpg'));
  await promisify(execFile)('mkfifo', [phone.at('DCIM', 'pipe')]);
  const ran = await phone.backup();
  expect(ran.counts).toEqual({ seen: 1, safe: 1, waiting: 0, refused: 0 });
  const left = ran.items.filter(({ state }) => state === 'left-out');
  expect(left.map(({ path, code }) => [path, code])).toEqual([
    ['DCIM/.nomedia', 'hidden'],
    ['DCIM/.trash', 'hidden'],
    ['DCIM/b.jpg', 'link'],
    ['DCIM/film.mp4.nightjar-part', 'unfinished'],
    ['DCIM/folder', 'link'],
    ['DCIM/pipe', 'special'],
  ]);
  expect(left.every(({ reason }) => reason?.endsWith('.'))).toBe(true);
  expect(ran.meter.leftOut).toBe(6);
  expect(ran.meter.leftOutBy).toEqual({ hidden: 2, link: 2, unfinished: 1, special: 1 });
});

test('tells of the first hundred that it leaves out, and counts all', async () => {
  for (let n = 0; n < 130; n += 1) await phone.file(`.${n}`, '');
  const ran = await phone.backup();
  expect(ran.items.filter(({ state }) => state === 'left-out')).toHaveLength(100);
  expect(ran.meter.leftOut).toBe(130);
  expect(ran.counts).toMatchObject({ seen: 0 });
});

test('tells the box which files it cannot read, also those that it told of before', async () => {
  box.put('Photos/alice/known.jpg', noise(5000));
  await phone.file('hashed.jpg', noise(5000));
  await phone.file('sent.jpg', 'b');
  await phone.file('x.refused', 'the box refuses this one by itself');
  await writeFile(Buffer.concat([Buffer.from(phone.at('DCIM/')), Buffer.from([0x62, 0xff, 0x63])]), 'b');
  // Between being listed and being opened they become links to themselves, which even root cannot open.
  box.interfere = async ({ url }) => {
    if (url !== '/api/phone/items/check') return false;
    for (const name of ['hashed.jpg', 'sent.jpg']) {
      const at = phone.at('DCIM', name);
      await symlink(name, `${at}.new`);
      await rename(`${at}.new`, at);
    }
    return false;
  };
  const ran = await phone.backup();
  expect(ran.counts).toEqual({ seen: 4, safe: 0, waiting: 0, refused: 4 });
  const [finished] = box.finished as { startedAt: number; unreadable: { path: string; reason: string }[] }[];
  expect(finished?.startedAt).toBeGreaterThan(0);
  const told = finished?.unreadable.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  expect(told).toEqual([
    { path: 'DCIM/b\ufffdc', reason: expect.stringMatching(/UTF-8/) },
    { path: 'DCIM/hashed.jpg', reason: expect.stringMatching(/ELOOP/) },
    { path: 'DCIM/sent.jpg', reason: expect.stringMatching(/ELOOP/) },
  ]);
  for (const name of ['hashed.jpg', 'sent.jpg']) await unlink(phone.at('DCIM', name));
});

test('a folder that cannot be read is told to the box, which then forgets nothing', async () => {
  await phone.file('a.jpg', 'a');
  await phone.backup([phone.at('DCIM'), phone.at('card')]);
  expect(box.finished).toEqual([
    { startedAt: 0, unreadable: [{ path: 'card', reason: expect.stringMatching(/ENOENT/) }] },
  ]);
});

test('of very many unreadable files the box is told the first thousand', async () => {
  const dirs = Array.from({ length: 1100 }, (_, n) => phone.at(`card ${n}`));
  await phone.file('a.jpg', 'a');
  expect((await phone.backup([phone.at('DCIM'), ...dirs])).counts).toMatchObject({ seen: 1101, refused: 1100 });
  expect((box.finished as { unreadable: object[] }[])[0]?.unreadable).toHaveLength(1000);
});

test('takes an answer for several files in a row, and no answer for more or fewer than it asked about', async () => {
  for (let n = 0; n < 5; n += 1) await phone.file(`${n}.jpg`, `content ${n}`);
  await phone.backup();
  const had = await phone.backup();
  expect(had.counts).toMatchObject({ seen: 5, safe: 5 });
  for (const answers of [
    [{ answer: 'have', times: 4 }],
    [{ answer: 'have', times: 6 }],
    [{ answer: 'have', times: 1e15 }],
    [{ answer: 'have', times: -1 }],
    [],
  ]) {
    box.interfere = (request, response) => {
      if (request.url !== '/api/phone/items/check') return false;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ answers, at: 1 }));
      return true;
    };
    await expect(phone.backup(), JSON.stringify(answers)).rejects.toMatchObject({ code: 'invalid-answer' });
  }
});

test('says nothing to a box that another root signed, whatever the environment allows', async () => {
  await phone.file('a.jpg', 'a');
  const pairing = await phone.config.mustBePaired();
  await phone.config.savePairing({ ...pairing, rootPem: other.rootPem });
  const before = box.requests.length;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  try {
    expect((await phone.backup(undefined, 50)).counts).toMatchObject({ seen: 1, waiting: 1 });
  } finally {
    delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  }
  expect(box.requests.length).toBe(before);
});

test('finds the box at another of its addresses', async () => {
  await phone.file('a.jpg', 'a');
  const pairing = await phone.config.mustBePaired();
  await phone.config.savePairing({ ...pairing, lastAddress: `https://127.0.0.1:1` });
  expect((await phone.backup()).counts).toMatchObject({ safe: 1 });
});
