import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Certificates, makeCertificates, problem, sha256, TestBox } from '../../test/support/test-box.ts';
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

beforeEach(() => phone.pair(box));

const back = (path: string) => readFile(phone.at('back', path));

test('brings the library back, and nothing the second time', async () => {
  for (let n = 0; n < 600; n += 1) box.put(`Photos/alice/2024/${n}.jpg`, Buffer.from(`photo ${n}`));
  box.put('Photos/alice/film.mp4', noise(big));
  const first = await phone.restore();
  expect(first.counts).toEqual({ seen: 601, safe: 601, waiting: 0, refused: 0, present: 0 });
  expect(sha256(await back('Photos/alice/film.mp4'))).toBe(sha256(noise(big)));
  expect((await readdir(phone.at('back/Photos/alice/2024'))).length).toBe(600);
  const second = await phone.restore();
  expect(second.counts).toMatchObject({ safe: 601, present: 601 });
  expect(second.meter.bytesMoved).toBe(0);
});

test('brings back what this phone sent under its own names', async () => {
  await phone.file('x/a.jpg', 'mine');
  await phone.backup();
  box.put('Photos/alice/other.jpg', Buffer.from('of another phone'));
  expect((await phone.restore(true)).counts).toMatchObject({ seen: 1, safe: 1 });
  expect((await back('DCIM/x/a.jpg')).toString()).toBe('mine');
});

test('goes on in the middle of a file after the box died', async () => {
  box.put('film.mp4', noise(big));
  box.cutAfterBytes = 5_000_000;
  let killed = false;
  box.interfere = (request) => {
    if (request.headers.range === undefined || killed) return false;
    killed = true;
    void box.kill().then(() => setTimeout(() => void box.start(), 300));
    return true;
  };
  const ran = await phone.restore();
  expect(ran.counts).toMatchObject({ seen: 1, safe: 1 });
  expect(killed).toBe(true);
  expect(ran.meter.bytesMoved).toBe(big);
  expect((await back('film.mp4')).equals(noise(big))).toBe(true);
});

test('another run goes on from the part, and a wrong part costs nothing but time', async () => {
  box.put('film.mp4', noise(big));
  await mkdir(phone.at('back'));
  const part = phone.at('back/film.mp4.nightjar-part');
  await writeFile(part, noise(big).subarray(0, 12_000_000));
  expect((await phone.restore()).meter.bytesMoved).toBe(big - 12_000_000);
  await rm(phone.at('back/film.mp4'));
  await writeFile(part, Buffer.alloc(1_000_000, 7));
  expect((await phone.restore()).counts).toMatchObject({ safe: 1 });
  expect((await back('film.mp4')).equals(noise(big))).toBe(true);
  expect(await readdir(phone.at('back'))).toEqual(['film.mp4']);
});

test('overwrites nothing that differs', async () => {
  box.put('a.jpg', Buffer.from('from the box'));
  await mkdir(phone.at('back'));
  await writeFile(phone.at('back/a.jpg'), 'my own file!');
  expect((await phone.restore()).counts).toMatchObject({ safe: 1 });
  expect((await back('a.jpg')).toString()).toBe('my own file!');
  expect((await back('a (2).jpg')).toString()).toBe('from the box');
  expect((await phone.restore()).counts).toMatchObject({ safe: 1, present: 1 });
});

test('trusts no name, list or content from the box', async () => {
  const bad = ['../out.jpg', '/etc/out.jpg', 'a/../../out.jpg', 'a//b', './a', 'nul\0.jpg', '', 'x.nightjar-part'];
  for (const path of bad) box.put(path, Buffer.from(path));
  box.put('link/out.jpg', Buffer.from('through a link'));
  const forged = box.put('forged.jpg', Buffer.from('forged'));
  forged.sha256 = sha256(Buffer.from('real'));
  box.put('good.jpg', Buffer.from('good'));
  await mkdir(phone.at('back'));
  await mkdir(phone.at('elsewhere'));
  await symlink(phone.at('elsewhere'), phone.at('back/link'));
  const ran = await phone.restore();
  expect(ran.counts).toEqual({ seen: bad.length + 3, safe: 1, waiting: 0, refused: bad.length + 2, present: 0 });
  expect((await readdir(phone.at('back'))).sort()).toEqual(['good.jpg', 'link']);
  expect(await readdir(phone.at('elsewhere'))).toEqual([]);
  expect(await readdir(phone.work)).not.toContain('out.jpg');
});

test('names that differ by case alone do not share a part', async () => {
  box.put('a.jpg', noise(3_000_000));
  box.put('A.JPG', noise(2_000_000));
  expect((await phone.restore()).counts).toMatchObject({ seen: 2, safe: 2 });
});

test('what the box cannot give just now is waiting', async () => {
  box.put('a.jpg', Buffer.from('a'));
  box.put('b.jpg', Buffer.from('b'));
  box.interfere = (request, response) => {
    if (request.url !== '/api/assets/1/original') return false;
    problem(response, 503, 'disk-missing', { 'retry-after': '30' });
    return true;
  };
  expect((await phone.restore(false, 300)).counts).toMatchObject({ seen: 2, safe: 1, waiting: 1, refused: 0 });
});
