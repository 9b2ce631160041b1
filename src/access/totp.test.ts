import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maySkip, say } from '../../test/support/counts.ts';
import { codeOfStep, otpauthUrl, stepMs, stepOf, stepsOfCode, stepsRecognised, textKey, typedCode } from './totp.ts';

const seed = '12345678901234567890';
const seeds = {
  sha1: Buffer.from(seed),
  sha256: Buffer.from(seed.repeat(2).slice(0, 32)),
  sha512: Buffer.from(seed.repeat(4).slice(0, 64)),
} as const;

// RFC 6238, appendix B.
const vectors = [
  [59, '94287082', '46119246', '90693936'],
  [1111111109, '07081804', '68084774', '25091201'],
  [1111111111, '14050471', '67062674', '99943326'],
  [1234567890, '89005924', '91819424', '93441116'],
  [2000000000, '69279037', '90698825', '38618901'],
  [20000000000, '65353130', '77737706', '47863826'],
] as const;

test.each(vectors)('the codes of second %i are those of RFC 6238', (second, sha1, sha256, sha512) => {
  const step = stepOf(second * 1_000);
  const code = (algorithm: keyof typeof seeds) => codeOfStep(seeds[algorithm], step, { algorithm, digits: 8 });
  expect([code('sha1'), code('sha256'), code('sha512')]).toEqual([sha1, sha256, sha512]);
  expect(codeOfStep(seeds.sha1, step)).toBe(sha1.slice(2));
});

test('oathtool computes the same codes', () => {
  if (spawnSync('oathtool', ['--version']).error !== undefined) {
    expect(maySkip, 'oathtool is not installed').toBe(true);
    say('SKIPPED: oathtool is not installed, so there is no second opinion on one-time codes');
    return;
  }
  const secret = fc.uint8Array({ minLength: 20, maxLength: 20 });
  const property = fc.property(secret, fc.integer({ min: 0, max: 4_000_000_000 }), (bytes, second) => {
    const key = textKey(bytes);
    const { stdout } = spawnSync('oathtool', ['--totp', '--base32', `--now=@${second}`, key], { encoding: 'utf8' });
    expect(stdout.trim()).toBe(codeOfStep(bytes, stepOf(second * 1_000)));
  });
  fc.assert(property, { numRuns: 25 });
});

test('a code is found at each step up to ten minutes away, and at none farther', () => {
  const anySecret = fc.uint8Array({ minLength: 20, maxLength: 20 });
  const property = fc.property(
    anySecret,
    fc.integer({ min: 0, max: 2 ** 31 }),
    fc.integer({ min: -25, max: 25 }),
    (...of) => {
      const [secret, current, away] = of;
      const step = Math.max(0, current + away);
      const found = stepsOfCode(secret, codeOfStep(secret, step), current);
      expect(found.includes(step)).toBe(Math.abs(step - current) <= stepsRecognised);
      for (const one of found) expect(codeOfStep(secret, one)).toBe(codeOfStep(secret, step));
    },
  );
  fc.assert(property, { numRuns: 60 });
  expect(stepsOfCode(seeds.sha1, codeOfStep(seeds.sha1, 0), 0)).toEqual([0]);
});

test('a step lasts 30 seconds, from its first millisecond to its last', () => {
  expect([stepOf(0), stepOf(stepMs - 1), stepOf(stepMs), stepOf(-1)]).toEqual([0, 0, 1, 0]);
});

test('what is typed with spaces, dashes or full-width digits is a code, and what is not six digits is none', () => {
  expect(['123 456', ' 123-456\n', '１２３４５６', '12–34–56'].map(typedCode)).toEqual(Array(4).fill('123456'));
  for (const text of ['', '12345', '1234567', '12345a', '1234.56', '٠١٢٣٤٥']) expect(typedCode(text)).toBeUndefined();
});

test('the text key and the link say the same secret, and names cannot break the link', () => {
  expect(textKey(seeds.sha1)).toBe('GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ');
  const url = new URL(otpauthUrl(seeds.sha1, { issuer: 'Söhne: box&a=1', account: 'Al/ice?#:%20' }));
  expect([url.protocol, url.host, url.hash]).toEqual(['otpauth:', 'totp', '']);
  expect(decodeURIComponent(url.pathname)).toBe('/Söhne  box&a=1:Al/ice?# %20');
  expect(Object.fromEntries(url.searchParams)).toEqual({
    secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
    issuer: 'Söhne  box&a=1',
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  });
});
