import fc from 'fast-check';
import { expect, test } from 'vitest';
import { qrSvg } from '../platform/qr.ts';
import { buildPairingLink, parsePairingLink } from './pairing-link.ts';

const link = {
  host: 'nightjar.local:8443',
  secret: '0123456789abcdef0123456789abcdef',
  fingerprint: 'ab'.repeat(32),
  addresses: ['nightjar.local:8443', '192.168.1.5:8443', '[fe80::1]:8443'],
  box: 'nightjar',
};

test('everything secret is in the fragment, and is read back', () => {
  const text = buildPairingLink(link);
  expect(new URL(text).href.split('#')[0]).toBe('https://nightjar.local:8443/pair');
  expect(parsePairingLink(text)).toEqual(link);
  expect(parsePairingLink(buildPairingLink({ ...link, host: '[fe80::1]:8443', box: 'Søren & co #1' }))).toEqual({
    ...link,
    host: '[fe80::1]:8443',
    box: 'Søren & co #1',
  });
  expect(parsePairingLink(buildPairingLink({ ...link, host: 'box.internal:443' }))?.host).toBe('box.internal:443');
});

test('anything else is no pairing link', () => {
  const text = buildPairingLink(link);
  const bad = [
    '',
    'nightjar',
    text.replace('https', 'http'),
    text.replace('/pair', '/other'),
    text.replace('abab', 'xyxy'),
    text.replace('s=0123', 's=%2F..'),
    text.replace('8443%2C', '8443%2Cevil%0Ahost%3A1%2C'),
    `${text}${'x'.repeat(5_000)}`,
  ];
  for (const other of bad) expect(parsePairingLink(other)).toBeUndefined();
  fc.assert(fc.property(fc.string(), (other) => parsePairingLink(other) === undefined));
});

test('the picture is an SVG without script', async () => {
  const svg = await qrSvg(buildPairingLink(link));
  expect(svg).toMatch(/^<svg /);
  expect(svg).not.toContain('<script');
});
