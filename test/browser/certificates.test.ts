/**
 * The box's certificates as Chromium judges them, which has a verifier of its own: it opens the box whose root is in the
 * profile, and nothing public that a thief of the issuer's key could make. OpenSSL and Node: test/api/certificates.test.ts.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Authority, issueLeaf, type LeafNames } from '../../src/http/certificates.ts';
import { App } from '../support/app.ts';
import { maySkip, say } from '../support/counts.ts';
import { browsersMissing, LanBrowser } from '../support/lan-browser.ts';

const missing = await browsersMissing();
if (missing !== undefined) say(`certificates cannot be shown to a real browser here: ${missing}`);

const dayMs = 86_400_000;
const behindIt = 'the page behind the certificate';
/** On this machine itself, in no network of its own. */
const here = { wrapper: [] };
/** Every host that is opened is this machine. */
const names = Object.fromEntries(
  ['nightjar.local', '192.168.7.1', 'www.example.com', '8.8.8.8'].map((host) => [host, '127.0.0.1']),
);

/** What somebody with the stolen issuer's key would make, and the host that a browser would be sent to. */
const stolen: ReadonlyArray<readonly [what: string, names: LeafNames, host: string]> = [
  ['a public name', { hosts: ['www.example.com'], addresses: [] }, 'www.example.com'],
  [
    'a public name, opened by the box’s name beside it',
    { hosts: ['nightjar.local', 'example.com'], addresses: [] },
    'nightjar.local',
  ],
  ['every name', { hosts: ['*.example.com'], addresses: [] }, 'www.example.com'],
  ['a public IPv4 address', { hosts: [], addresses: ['8.8.8.8'] }, '8.8.8.8'],
];

describe.skipIf(missing !== undefined && maySkip)('Chromium with the box’s root', () => {
  let app: App;
  let authority: Authority;
  let root: string;
  let trusting: LanBrowser;
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`Browsers cannot be tested here: ${missing}`);
    app = await App.startClaimed();
    authority = JSON.parse(await readFile(join(app.stateDir, 'tls/authority.json'), 'utf8')) as Authority;
    root = join(app.dir, 'root.pem');
    await writeFile(root, authority.root);
    trusting = await LanBrowser.start(here, { root, names });
  });
  afterAll(async () => {
    await trusting?.[Symbol.asyncDispose]();
    await app?.[Symbol.asyncDispose]();
  });

  /** A server with a certificate that the box's own issuer signed. */
  const serve = async (leafNames: LeafNames) => {
    const validity = { notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + 90 * dayMs) };
    const leaf = await issueLeaf(authority.intermediate, leafNames, validity);
    const cert = leaf.certificate + authority.intermediate.certificate;
    const server = createServer({ key: leaf.key, cert }, (_, response) => response.end(behindIt));
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      port: (server.address() as AddressInfo).port,
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  };

  it('opens the box by its name and its address, and without the root neither', async () => {
    await using stranger = await LanBrowser.start(here, { names });
    for (const host of ['nightjar.local', '127.0.0.1']) {
      const url = `https://${host}:${app.httpsPort}/pair`;
      const page = await trusting.page(url);
      expect(await page.evaluate('isSecureContext')).toBe(true);
      expect(await page.evaluate('document.querySelector("#app") !== null')).toBe(true);
      await expect(stranger.page(url)).rejects.toThrow('ERR_CERT_AUTHORITY_INVALID');
    }
  });

  it.each(stolen)('opens nothing that the stolen issuer signed for %s', async (_, leafNames, host) => {
    await using thief = await serve(leafNames);
    await expect(trusting.page(`https://${host}:${thief.port}/`)).rejects.toThrow('ERR_CERT_INVALID');
  });

  it('opens what the same issuer signed for the box: it is the name that is refused above', async () => {
    await using own = await serve({ hosts: ['nightjar.local'], addresses: ['192.168.7.1'] });
    for (const host of ['nightjar.local', '192.168.7.1']) {
      const page = await trusting.page(`https://${host}:${own.port}/`);
      expect(await page.textContent('body')).toBe(behindIt);
    }
  });
});
