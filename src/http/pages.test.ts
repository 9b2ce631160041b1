import { X509Certificate } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ask } from '../../test/support/asking.ts';
import { readPlist } from '../../test/support/plist.ts';
import { accessContract } from '../access/contract.ts';
import { libraryContract } from '../library/contract.ts';
import { phonesContract } from '../phones/contract.ts';
import { createLog } from '../platform/log.ts';
import { uploadsContract } from '../uploads/contract.ts';
import { makeAuthority } from './certificates.ts';
import type { Contract } from './contract.ts';
import { healthContract, healthRoutes } from './health.ts';
import { openApiContract, openApiDocument, openApiRoutes } from './openapi.ts';
import { certificateRoutes, escapeHtml, staticPage } from './pages.ts';
import { HttpServer } from './server.ts';
import { groupFingerprint, welcomePage } from './welcome.ts';

const html = '<!doctype html><style>p { color: red }</style><script>let a = 1;</script><p>hello</p>';
let der: Buffer;
const health = healthRoutes(() => ({
  status: 'degraded',
  box: 'nightjar',
  version: '0.1.0',
  setUp: false,
  disk: 'none',
}));
let server: HttpServer;
let port: number;

beforeAll(async () => {
  const validity = { notBefore: new Date(Date.now() - 1_000), notAfter: new Date(Date.now() + 86_400_000) };
  der = new X509Certificate((await makeAuthority('test', validity)).root).raw;
});
beforeEach(async () => {
  const routes = [staticPage('/pair', 'text/html; charset=utf-8', html), certificateRoutes(der), health];
  server = new HttpServer({
    routes: [...routes, openApiRoutes(routes, '0.1.0')],
    identify: () => ({ kind: 'nobody' }),
    allowHost: () => false,
    log: createLog({ level: 'silent' }),
    loopbackHttp: true,
  });
  port = await server.listenHttp(0);
});
afterEach(() => server.close());

test('a page is served with its length and ETag, to HEAD without body, and not again when it is known', async () => {
  const page = await ask({ port, path: '/pair' });
  expect([page.status, page.text, page.headers['content-length']]).toEqual([200, html, String(html.length)]);
  const head = await ask({ port, path: '/pair', method: 'HEAD' });
  expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', String(html.length)]);
  const etag = page.headers.etag ?? '';
  const known = await ask({ port, path: '/pair', headers: { 'if-none-match': `"other", ${etag}` } });
  expect([known.status, known.text, known.headers.etag]).toEqual([304, '', etag]);
});

test('what is inline in a page does not run, and a page cannot be framed', async () => {
  const { headers } = await ask({ port, path: '/pair' });
  const policy = String(headers['content-security-policy']);
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("style-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|sha256|nonce|\*/);
  expect(headers['x-frame-options']).toBe('DENY');
});

test('the root certificate comes in the form that each device installs', async () => {
  const forms: ReadonlyArray<readonly [name: string, type: string, read: (body: Buffer) => Buffer]> = [
    ['nightjar-root.crt', 'application/x-x509-ca-cert', (body) => body],
    ['nightjar-root.der', 'application/x-x509-ca-cert', (body) => body],
    ['nightjar-root.pem', 'application/x-pem-file', (body) => new X509Certificate(body).raw],
    ['nightjar.mobileconfig', 'application/x-apple-aspen-config', (body) => certificateOf(body.toString())],
  ];
  for (const [name, type, read] of forms) {
    const answer = await fetch(`http://127.0.0.1:${port}/${name}`);
    const body = Buffer.from(await answer.arrayBuffer());
    expect(answer.headers.get('content-type'), name).toBe(type);
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="${name}"`);
    expect(answer.headers.get('content-length')).toBe(String(body.length));
    expect(read(body).equals(der), name).toBe(true);
    expect((await ask({ port, path: `/${name}`, method: 'HEAD' })).headers['content-length']).toBe(String(body.length));
  }
});

/** The certificate of the one payload, as whoever reads property lists finds it. */
function certificateOf(profile: string): Buffer {
  const { PayloadContent: payloads } = readPlist(profile) as { PayloadContent: Array<{ PayloadContent: Buffer }> };
  return payloads[0]?.PayloadContent ?? Buffer.alloc(0);
}

test('the welcome page has the grouped fingerprint, nothing inline, and names are text in it', () => {
  const fingerprint = 'ab12'.repeat(16);
  const { html: page, headers } = welcomePage({ box: 'a<b', fingerprint, host: '192.168.1.2', httpsPort: 8443 });
  expect(groupFingerprint(fingerprint)).toBe(Array(16).fill('ab12').join(' '));
  expect(page).toContain(groupFingerprint(fingerprint));
  expect(page).toContain('href="https://192.168.1.2:8443/"');
  expect(page).toContain('href="/nightjar-root.crt"');
  expect(page).toContain('href="/nightjar.mobileconfig"');
  expect(page).not.toMatch(/<script(?! src="\/static\/trust\.js" defer><)|<style| style=| on[a-z]+=/);
  // Its probes are all that it may load from elsewhere.
  expect(headers['content-security-policy']).toContain(
    "img-src 'self' data: https://a&lt;b.local:8443 https://192.168.1.2:8443; object-src 'none'",
  );
  expect(page).not.toContain('a<b');
  expect(escapeHtml(`<a href="x">'&`)).toBe('&lt;a href=&quot;x&quot;&gt;&#39;&amp;');
});

test('health is what the box says of itself', async () => {
  const answer = await ask({ port, path: '/api/health' });
  expect(answer.json()).toEqual({ status: 'degraded', box: 'nightjar', version: '0.1.0', setUp: false, disk: 'none' });
});

test('the OpenAPI document is served and holds itself', async () => {
  const document = (await ask({ port, path: '/api/openapi.json' })).json();
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths as object).sort()).toEqual([
    '/api/health',
    '/api/openapi.json',
    '/nightjar-root.crt',
    '/nightjar-root.der',
    '/nightjar-root.pem',
    '/nightjar.mobileconfig',
    '/pair',
  ]);
});

test('every route of every contract is in the OpenAPI document, as it is', () => {
  const contracts: Contract[] = [
    accessContract,
    phonesContract,
    libraryContract,
    uploadsContract,
    healthContract,
    openApiContract,
  ];
  const document = JSON.parse(JSON.stringify(openApiDocument(contracts, '1')));
  const ids = new Set<string>();
  let operations = 0;
  for (const item of Object.values<object>(document.paths)) operations += Object.keys(item).length;
  for (const [name, route] of contracts.flatMap((contract) => Object.entries(contract))) {
    const operation = document.paths[route.path.replace(/:(\w+)/g, '{$1}')][route.method.toLowerCase()];
    expect(operation).toMatchObject({ operationId: name, 'x-access': route.access, summary: route.summary });
    expect(operation.responses[route.status]).toBeDefined();
    expect(operation.responses.default.content['application/problem+json']).toBeDefined();
    expect(operation.security.length > 0).toBe(route.access !== 'public');
    expect('requestBody' in operation || route.body === undefined).toBe(true);
    const inPath = operation.parameters.filter((one: { in: string }) => one.in === 'path');
    expect(inPath.map((one: { name: string }) => `:${one.name}`)).toEqual(route.path.match(/:\w+/g) ?? []);
    ids.add(name);
    operations -= 1;
  }
  expect(operations).toBe(0);
  expect(ids.size).toBe(contracts.flatMap((contract) => Object.keys(contract)).length);
  expect(Object.keys(document.components.securitySchemes)).toEqual(['phone', 'session']);
});
