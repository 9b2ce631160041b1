import { expect, test } from 'vitest';
import { checkForwarding, checkHost, checkOrigin, checkTarget, isLoopback, plainHttpAnswer } from './gate.ts';

const allowHost = (host: string) => host === 'nightjar.local';
const host = { name: 'nightjar.local', port: '8443' };

test.each([
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['::ffff:127.9.9.9', true],
  ['128.0.0.1', false],
  ['192.168.1.2', false],
  ['::ffff:192.168.1.2', false],
  ['::2', false],
  ['::', false],
  ['0.0.0.0', false],
  ['fe80::1', false],
  ['localhost', false],
  ['', false],
  [undefined, false],
])('loopback: %s is %s', (address, expected) => {
  expect(isLoopback(address)).toBe(expected);
});

test.each([
  ['nightjar.local', { name: 'nightjar.local', port: '' }],
  ['NightJar.LOCAL:8443', { name: 'nightjar.local', port: '8443' }],
  ['nightjar.local.:8080', { name: 'nightjar.local', port: '8080' }],
  ['localhost', { name: 'localhost', port: '' }],
  ['192.168.1.2:8080', { name: '192.168.1.2', port: '8080' }],
  ['[fe80::1]:8443', { name: '[fe80::1]', port: '8443' }],
  ['[::FFFF:127.0.0.1]', { name: '[::ffff:127.0.0.1]', port: '' }],
])('host %s is the box', (header, expected) => {
  expect(checkHost(header, allowHost)).toEqual(expected);
});

test.each([
  undefined,
  '',
  'evil.example',
  'nightjar.local.evil.example',
  'evil.example:8080',
  'nightjar.local@evil.example',
  'nightjar.local:8080:9',
  'nightjar.local/..',
  '[nightjar.local]',
  '[192.168.1.2]',
  '::1',
  '192.168.1.2.evil.example',
  '192.168.1',
  ' nightjar.local',
  'localhost.evil.example',
  'localhost:65536',
  '[::1]:99999',
])('host %s is not', (header) => {
  expect(() => checkHost(header, allowHost)).toThrow(expect.objectContaining({ code: 'unknown-host' }));
});

test.each([
  ['POST', {}],
  ['POST', { origin: 'https://nightjar.local:8443' }],
  ['DELETE', { origin: 'https://NIGHTJAR.local:8443', 'sec-fetch-site': 'same-origin' }],
  ['POST', { 'sec-fetch-site': 'none' }],
  ['GET', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
  ['GET', { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
  ['GET', { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
  ['HEAD', { origin: 'null' }],
])('%s with %o may go on', (method, headers) => {
  expect(() => checkOrigin({ method, url: '/api/x', headers }, 'https', host)).not.toThrow();
});

test.each([
  ['POST', { origin: 'https://evil.example' }],
  ['POST', { origin: 'null' }],
  ['POST', { origin: '' }],
  ['PATCH', { origin: 'http://nightjar.local:8443' }],
  ['PUT', { origin: 'https://nightjar.local' }],
  ['DELETE', { origin: 'https://nightjar.local:8080' }],
  ['POST', { 'sec-fetch-site': 'cross-site' }],
  ['POST', { 'sec-fetch-site': 'same-site' }],
  ['POST', { origin: 'https://nightjar.local:8443', 'sec-fetch-site': 'cross-site' }],
])('%s with %o is refused', (method, headers) => {
  expect(() => checkOrigin({ method, url: '/static/probe.svg', headers }, 'https', host)).toThrow(
    expect.objectContaining({ code: 'cross-origin' }),
  );
});

test.each([
  ['GET', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
  ['GET', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', origin: 'https://evil.example' }],
  ['GET', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' }],
  ['GET', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'object' }],
  ['GET', {}],
  ['HEAD', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
  ['OPTIONS', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }],
])('%s of another page with %o loads nothing, but the probe', (method, more) => {
  for (const site of ['cross-site', 'same-site', 'what-comes-next']) {
    const headers = { ...more, 'sec-fetch-site': site };
    const ask = (url: string) => () => checkOrigin({ method, url, headers }, 'https', host);
    for (const url of ['/api/health', '/', '/static/probe.svg/', '/x?/static/probe.svg']) {
      expect(ask(url), url).toThrow(expect.objectContaining({ code: 'cross-origin' }));
    }
    expect(ask('/static/probe.svg?3')).not.toThrow();
  }
});

test('the port that a scheme implies is the same origin as the port said', () => {
  const bare = { name: 'nightjar.local', port: '' };
  const post = (scheme: 'http' | 'https', own: typeof bare, origin: string) =>
    checkOrigin({ method: 'POST', url: '/', headers: { origin } }, scheme, own);
  expect(() => post('https', bare, 'https://nightjar.local:443')).not.toThrow();
  expect(() => post('http', { ...bare, port: '80' }, 'http://nightjar.local')).not.toThrow();
});

test.each([
  'forwarded',
  'via',
  'x-real-ip',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-anything',
  'x-forwarded',
])('the forwarding header %s is refused', (name) => {
  expect(() => checkForwarding({ [name]: '' })).toThrow(expect.objectContaining({ code: 'https-required' }));
  expect(() => checkForwarding({ host: 'localhost', accept: '*/*' })).not.toThrow();
});

test('a target is a path of at most 4096 characters', () => {
  expect(() => checkTarget(`/${'a'.repeat(4095)}`)).not.toThrow();
  for (const bad of [`/${'a'.repeat(4096)}`, 'http://evil.example/', '*', '']) {
    expect(() => checkTarget(bad)).toThrow(expect.objectContaining({ code: 'invalid-request' }));
  }
});

test('plain http: the welcome page, the certificate, redirects for pages, and nothing else', () => {
  const answer = (method: string, url: string, publicRoute = true, httpsPort: number | undefined = 8443) =>
    plainHttpAnswer({ method, url }, { name: 'nightjar.local', port: '8080' }, { publicRoute, httpsPort });
  expect(answer('GET', '/')).toEqual({ kind: 'welcome' });
  expect(answer('HEAD', '/?x=1')).toEqual({ kind: 'welcome' });
  expect(answer('GET', '/api/health')).toEqual({ kind: 'serve' });
  for (const file of ['nightjar-root.crt', 'nightjar-root.der', 'nightjar-root.pem', 'nightjar.mobileconfig']) {
    expect(answer('GET', `/${file}`)).toEqual({ kind: 'serve' });
  }
  expect(answer('GET', '/static/welcome.css')).toEqual({ kind: 'serve' });
  expect(answer('GET', '/static/trust.js')).toEqual({ kind: 'serve' });
  expect(answer('GET', '/static/nightjar.css')).toMatchObject({ kind: 'redirect' });
  expect(answer('GET', '/pair?x=1')).toEqual({ kind: 'redirect', to: 'https://nightjar.local:8443/pair?x=1' });
  expect(answer('GET', '//evil.example/')).toEqual({
    kind: 'redirect',
    to: 'https://nightjar.local:8443//evil.example/',
  });
  expect(answer('GET', '/pair', true, 443)).toEqual({ kind: 'redirect', to: 'https://nightjar.local/pair' });
  const refused = expect.objectContaining({ code: 'https-required' });
  expect(() => answer('GET', '/api/setup')).toThrow(refused);
  expect(() => answer('GET', '/api/health', false)).toThrow(refused);
  expect(() => answer('POST', '/pair')).toThrow(refused);
  expect(() => answer('POST', '/api/health')).toThrow(refused);
  expect(() =>
    plainHttpAnswer({ method: 'GET', url: '/pair' }, host, { publicRoute: true, httpsPort: undefined }),
  ).toThrow(refused);
});
