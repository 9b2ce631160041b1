import { createHash } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask } from '../../test/support/asking.ts';
import { accessContract } from '../access/contract.ts';
import { libraryContract } from '../library/contract.ts';
import { phonesContract } from '../phones/contract.ts';
import { createLog } from '../platform/log.ts';
import { uploadsContract } from '../uploads/contract.ts';
import type { Contract } from './contract.ts';
import { healthContract, healthRoutes } from './health.ts';
import { openApiContract, openApiDocument, openApiRoutes } from './openapi.ts';
import { certificateRoutes, escapeHtml, staticPage } from './pages.ts';
import { HttpServer } from './server.ts';
import { groupFingerprint, welcomePage } from './welcome.ts';

const html = '<!doctype html><style>p { color: red }</style><script>let a = 1;</script><p>hello</p>';
const der = new Uint8Array([0x30, 0x03, 0x02, 0x01, 0x05]);
const health = healthRoutes(() => ({
  status: 'degraded',
  box: 'nightjar',
  version: '0.1.0',
  setUp: false,
  disk: 'none',
}));
let server: HttpServer;
let port: number;

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

test('the blocks of a page are allowed by their hash, and no others', async () => {
  const { headers } = await ask({ port, path: '/pair' });
  const hash = (block: string) => `'sha256-${createHash('sha256').update(block).digest('base64')}'`;
  expect(headers['content-security-policy']).toContain(`style-src 'self' ${hash('p { color: red }')};`);
  expect(headers['content-security-policy']).toContain(`script-src 'self' ${hash('let a = 1;')};`);
  expect(headers['content-security-policy']).not.toContain('unsafe');
});

test('the certificate is DER under the type that devices install', async () => {
  const answer = await ask({ port, path: '/nightjar-root.crt' });
  expect(answer.headers['content-type']).toBe('application/x-x509-ca-cert');
  expect(answer.headers['content-length']).toBe('5');
});

test('the welcome page has the grouped fingerprint and no script, and names are text in it', () => {
  const fingerprint = 'ab12'.repeat(16);
  const { html: page } = welcomePage({ box: 'a<b', fingerprint, host: '192.168.1.2', httpsPort: 8443 });
  expect(groupFingerprint(fingerprint)).toBe(Array(16).fill('ab12').join(' '));
  expect(page).toContain(groupFingerprint(fingerprint));
  expect(page).toContain('href="https://192.168.1.2:8443/"');
  expect(page).toContain('href="/nightjar-root.crt"');
  expect(page).not.toContain('<script');
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
