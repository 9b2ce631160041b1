import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Certificates, makeCertificates, TestBox } from '../../test/support/test-box.ts';
import { TestPhone } from '../../test/support/test-phone.ts';
import { pair, parsePairingLink } from './pairing.ts';

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

test('keeps the root, the addresses and the token', async () => {
  await phone.pair(box);
  const pairing = await phone.config.mustBePaired();
  expect(pairing).toMatchObject({ name: 'Box', person: 'alice', phoneId: 'phone-1', token: box.token });
  expect(pairing.fingerprint).toBe(certificates.fingerprint);
  expect(pairing.addresses).toEqual([`https://127.0.0.1:${box.port}`, `https://box.invalid:${box.port}`]);
});

test('sends nothing to a box with another fingerprint', async () => {
  const link = box.link.replace(certificates.fingerprint, other.fingerprint);
  await expect(pair(link, phone.config, { clientVersion: '1', replace: false })).rejects.toMatchObject({
    code: 'wrong-box',
  });
  expect(box.requests).toEqual([]);
  expect(await phone.config.pairing()).toBeNull();
});

test('sends nothing where the certificate is of the right root but for other addresses', async () => {
  await box.kill();
  box = new TestBox(await makeCertificates(['10.1.2.3']));
  await box.start();
  await expect(phone.pair(box)).rejects.toMatchObject({ code: 'unreachable' });
  expect(box.requests).toEqual([]);
});

test('takes no link over plain http, except on loopback', () => {
  const rest = `#s=abcdef&f=${certificates.fingerprint}&a=10.0.0.1:8443`;
  expect(() => parsePairingLink(`http://192.168.1.4:8080/pair${rest}`)).toThrowError(/https only/);
  expect(() => parsePairingLink(`http://localhost.evil.test/pair${rest}`)).toThrowError(/https only/);
  expect(parsePairingLink(`http://localhost:8080/pair${rest}`).addresses).toEqual([
    { secure: false, host: 'localhost', port: 8080 },
  ]);
  expect(parsePairingLink(`https://[::1]:8443/pair${rest}`).addresses[0]?.host).toBe('::1');
  expect(() => parsePairingLink('https://box:1/pair#s=abc')).toThrowError(/not complete/);
});

test('speaks plain http with loopback, and with nothing else', async () => {
  const plain = new TestBox(null);
  await plain.start();
  await phone.pair(plain);
  expect(await phone.config.pairing()).toMatchObject({ rootPem: null, addresses: [`http://127.0.0.1:${plain.port}`] });
  await phone.file('a.jpg', 'a');
  expect((await phone.backup()).counts).toMatchObject({ safe: 1 });
  await plain.kill();
  const pairing = await phone.config.mustBePaired();
  await phone.config.savePairing({
    ...pairing,
    addresses: ['http://192.168.1.2:80'],
    lastAddress: 'http://192.168.1.2:80',
  });
  await expect(phone.backup()).rejects.toMatchObject({ code: 'https-required' });
});

test('leaves another box only when told to', async () => {
  await phone.pair(box);
  const first = box;
  box = new TestBox(other);
  await box.start();
  await expect(phone.pair(box)).rejects.toMatchObject({ code: 'already-paired' });
  expect(box.requests).toEqual([]);
  await phone.pair(box, true);
  expect((await phone.config.mustBePaired()).fingerprint).toBe(other.fingerprint);
  await first.kill();
});

test('says the box’s own sentence when the link is used up', async () => {
  box.secret = 'another-secret';
  const link = box.link.replace('another-secret', 'old-secret');
  const attempt = pair(link, phone.config, { clientVersion: '1', replace: false });
  await expect(attempt).rejects.toMatchObject({
    code: 'pairing-unknown',
    message: 'The sentence of pairing-unknown.',
  });
});
