/** The box as the pages of the internet meet it, through a browser that one of its people uses. */
import { X509Certificate } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { App } from '../support/app.ts';
import { type Answer, ask } from '../support/asking.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import type { HandPhone } from '../support/hand-phone.ts';

/** What a browser says of a request that a page of another site makes it send. */
const loads: Readonly<Record<string, Record<string, string>>> = {
  image: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
  script: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' },
  fetch: {
    'sec-fetch-site': 'cross-site',
    'sec-fetch-mode': 'cors',
    'sec-fetch-dest': 'empty',
    origin: 'https://evil.example',
  },
  frame: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
  'another port of the box': { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
};
const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
const attack = '<script>alert(1)</script>';

describe('the web as attacker', () => {
  let app: App;
  let owner: string;
  let phone: HandPhone;
  let tls: { ca: string; servername: string };
  beforeAll(async () => {
    app = await App.start();
    owner = await app.claim();
    phone = await app.pair('Alice', 'Pixel');
    const root = await fetch(`http://127.0.0.1:${app.httpPort}/nightjar-root.der`);
    // Said by name, so that Host may be whatever it likes.
    tls = { servername: 'localhost', ca: new X509Certificate(Buffer.from(await root.arrayBuffer())).toString() };
  });
  afterAll(() => app[Symbol.asyncDispose]());

  /** Over loopback http and over https. */
  const both = (path: string, headers: Record<string, string>, method = 'GET'): Promise<Answer[]> =>
    Promise.all([
      ask({ port: app.httpPort, path, method, headers }),
      ask({ port: app.httpsPort, path, method, headers, tls }),
    ]);

  it('gives another page nothing but the probe, whatever it asks for and however', async () => {
    for (const [what, headers] of Object.entries(loads)) {
      for (const path of ['/', '/pair', '/static/nightjar.css', '/api/health', '/api/timeline', '/nightjar-root.crt']) {
        for (const answer of await both(path, { ...headers, cookie: owner })) {
          expect([answer.status, answer.json()['code']], `${what} ${path}`).toEqual([403, 'cross-origin']);
        }
      }
      for (const answer of await both('/static/probe.svg?1', headers)) {
        expect([answer.status, answer.headers['content-type']], what).toEqual([200, 'image/svg+xml']);
        expect(answer.headers['cross-origin-resource-policy']).toBe('cross-origin');
        expect(answer.headers['content-security-policy']).toMatch(/^sandbox; default-src 'none'/);
      }
    }
    for (const answer of await both('/api/uploads', loads['fetch'] ?? {}, 'OPTIONS')) expect(answer.status).toBe(403);
  });

  it('lets people follow a link, type an address, and use its own pages', async () => {
    const own = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' };
    const typed = { ...link, 'sec-fetch-site': 'none' };
    for (const headers of [link, own, typed, {}]) {
      for (const path of ['/', '/pair', '/api/health']) {
        for (const answer of await both(path, headers)) expect(answer.status, path).toBe(200);
      }
    }
  });

  it('answers only to its own names, so that no name of the internet can be bound to it', async () => {
    for (const host of ['evil.example', 'nightjar.local.evil.example', `evil.example:${app.httpPort}`]) {
      for (const path of ['/', '/api/health', '/api/people', '/static/probe.svg', '/nothing']) {
        for (const answer of await both(path, { host, cookie: owner }))
          expect([host, answer.status]).toEqual([host, 421]);
      }
    }
  });

  it('carries on every answer what keeps other pages out, and nothing that lets one in or locks its people out', async () => {
    const asked: Array<[method: string, path: string, headers?: Record<string, string>]> = [
      ['GET', '/'],
      ['GET', '/pair'],
      ['GET', '/static/pair.js'],
      ['GET', '/static/mark.svg'],
      ['GET', '/nightjar-root.crt'],
      ['GET', '/nightjar.mobileconfig'],
      ['GET', '/api/health'],
      ['GET', '/api/openapi.json'],
      ['GET', '/api/people'],
      ['GET', '/api/people', { cookie: 'x'.repeat(9_000) }],
      ['GET', '/nothing'],
      ['GET', '/api/nothing'],
      ['GET', '/%61pi/health'],
      ['GET', '/%zz'],
      ['GET', `/${'a'.repeat(5_000)}`],
      ['GET', '/api/health', { 'x-y': 'z'.repeat(20_000) }],
      ['GET', '/api/health', { host: 'evil.example' }],
      ['GET', '/api/health', { via: 'x' }],
      ['POST', '/api/sessions', { origin: 'https://evil.example' }],
      ['POST', '/api/sessions', { 'content-type': 'application/json', 'content-length': '9000000' }],
      ['PUT', '/api/health'],
      ['OPTIONS', '/api/uploads'],
      ['TRACE', '/'],
    ];
    for (const [method, path, headers = {}] of asked) {
      for (const answer of await both(path, headers, method)) checkHeaders(answer, `${method} ${path.slice(0, 40)}`);
    }
  });

  it('allows no inline script or style, and its pages have none', async () => {
    for (const path of ['/', '/pair', '/install']) {
      for (const { headers, text } of await both(path, {})) {
        const policy = String(headers['content-security-policy']);
        expect(policy).toContain("default-src 'self'; script-src 'self'; style-src 'self';");
        expect(policy).not.toMatch(/unsafe|nonce-|sha\d+-|\*|https?:/);
        expect(text).not.toMatch(/<style|<script(?![^>]* src="\/)|\sstyle="|\son[a-z]+="|javascript:/i);
      }
    }
  });

  it('hands out what people sent as a picture, a video or bytes to save, and never as a page', async () => {
    const sent: Array<[path: string, content: string | Uint8Array, type: string, disposition: RegExp]> = [
      ['DCIM/a.jpg', exifJpeg({ seed: 1, bytes: 5_000, takenLocal: '2025-06-01T10:00:00' }), 'image/jpeg', /^inline/],
      ['DCIM/a.svg', `<svg xmlns="http://www.w3.org/2000/svg">${attack}</svg>`, 'application/octet-stream', /^attach/],
      ['DCIM/a.html', attack, 'application/octet-stream', /^attach/],
      ['DCIM/a.xhtml', attack, 'application/octet-stream', /^attach/],
      ['DCIM/a.xml', attack, 'application/octet-stream', /^attach/],
      ['DCIM/a.js', 'alert(1)', 'application/octet-stream', /^attach/],
      ['DCIM/a.pdf', '%PDF-1.7', 'application/octet-stream', /^attach/],
      ['DCIM/a.jpg.AAE', `<?xml version="1.0"?>${attack}`, 'application/octet-stream', /^attach/],
      [
        'DCIM/a.xmp',
        `<x:xmpmeta xmlns:x="adobe:ns:meta/">${attack}</x:xmpmeta>`,
        'application/octet-stream',
        /^attach/,
      ],
      ['DCIM/a.jpg.json', JSON.stringify({ attack }), 'application/octet-stream', /^attach/],
      // A page under a picture's name: the type is the name's, and nosniff keeps it at that.
      ['DCIM/b.png', attack, 'image/png', /^inline/],
      ['DCIM/c"; x=y\u202e.gif', attack, 'image/gif', /^inline; filename\*=UTF-8''[\w.%-]+$/],
    ];
    // The same content would be one file: what follows it changes nothing of what a browser would make of it.
    for (const [index, [path, content]] of sent.entries())
      await phone.send(path, Buffer.concat([Buffer.from(content), Buffer.from(`<!-- ${index} -->`)]));
    const { assets } = await phone.library();
    expect(assets).toHaveLength(sent.length);
    for (const [index, { id }] of assets.entries()) {
      const [path, , type, disposition] = sent[index] ?? ['', '', '', /^$/];
      for (const method of ['GET', 'HEAD']) {
        const answer = await app.ask(method, `/api/assets/${id}/original`, { cookie: owner });
        expect([answer.status, answer.headers['content-type']], path).toEqual([200, type]);
        expect(answer.headers['content-disposition'], path).toMatch(disposition);
        expect(answer.headers['content-security-policy'], path).toMatch(/^sandbox; default-src 'none'/);
        checkHeaders(answer, path);
      }
      for (const picture of ['thumbnail', 'preview', 'motion']) {
        const answer = await app.ask('GET', `/api/assets/${id}/${picture}`, { cookie: owner });
        checkHeaders(answer, `${picture} of ${path}`);
        expect(answer.headers['content-security-policy']).toMatch(/^sandbox; default-src 'none'/);
        expect(answer.headers['content-type']).toMatch(/^(image\/webp|video\/mp4|application\/problem\+json)$/);
      }
    }
    const offered = await app.ask('POST', '/api/downloads', { cookie: owner }, { assets: assets.map(({ id }) => id) });
    const zip = await app.ask('GET', `/api/downloads/${offered.json()['id']}`, { cookie: owner });
    checkHeaders(zip, 'zip');
    expect(zip.headers['content-disposition']).toMatch(/^attachment; filename="nightjar-[\d-]+\.zip"$/);
    expect(zip.headers['content-security-policy']).toMatch(/^sandbox; default-src 'none'/);
  });

  it('takes no more of a request than it needs', async () => {
    const head = 'GET /api/health HTTP/1.1\r\nhost: localhost\r\n';
    expect(await said(`${head}x: ${'a'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 400 .*\r\nx-frame-options: DENY/is,
    );
    // Nor may a proxy's own header, which comes last, go unread.
    const many = `GET /api/health HTTP/1.1\r\nhost: localhost\r\n${'a:b\r\n'.repeat(2_500)}x-forwarded-for: 192.168.1.7\r\n\r\n`;
    expect(await said(many)).toMatch(/^HTTP\/1.1 4\d\d /);
    expect(await said(`${head}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n`)).toMatch(/^HTTP\/1.1 400 /);
    expect(await said('GET /api/health HTTP/1.1\r\nhost: localhost\r\nhost: evil.example\r\n\r\n')).toMatch(
      /^HTTP\/1.1 4/,
    );
    const json = { 'content-type': 'application/json' };
    const long = JSON.stringify({ person: 'x', password: 'x'.repeat(20_000) });
    const answer = await ask({ port: app.httpPort, method: 'POST', path: '/api/sessions', headers: json, body: long });
    expect(answer.status).toBe(413);
  });

  /** What the box answers to these bytes, until it hangs up or for a moment after the first of it. */
  function said(bytes: string): Promise<string> {
    return new Promise((resolve) => {
      let text = '';
      const socket: Socket = connect(app.httpPort, '127.0.0.1', () => socket.write(bytes));
      socket.on('data', (chunk) => {
        text += chunk.toString();
        if (text.includes('\r\n\r\n')) socket.destroy();
      });
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(text));
    });
  }
});

function checkHeaders({ headers }: Answer, what: string): void {
  const policy = String(headers['content-security-policy']);
  expect(policy, what).toContain("frame-ancestors 'none'");
  expect(policy, what).toContain("base-uri 'none'");
  expect(policy, what).not.toContain('unsafe');
  expect(headers, what).toMatchObject({
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  });
  expect(headers['permissions-policy'], what).toContain('camera=()');
  expect(headers['strict-transport-security'], what).toBeUndefined();
  expect(headers['public-key-pins'], what).toBeUndefined();
  expect(
    Object.keys(headers).filter((name) => name.startsWith('access-control-')),
    what,
  ).toEqual([]);
}
