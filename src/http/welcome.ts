/**
 * Owns the one page of plain http: what this is, and how to come to trust it.
 * Never carries a secret: anybody on the way can read it and change it, which it says.
 */
import { escapeHtml, pageHeaders } from './pages.ts';

export type Welcome = Readonly<{
  /** The box's name. */
  box: string;
  /** SHA-256 of the root certificate, hexadecimal. */
  fingerprint: string;
  /** The host that was asked for, as it stands in a link. */
  host: string;
  httpsPort: number;
}>;

/** A fingerprint as people compare it: groups of four. */
export function groupFingerprint(fingerprint: string): string {
  return fingerprint.replace(/(.{4})(?=.)/g, '$1 ');
}

/** A whole HTML page without scripts, and the headers that go with it. */
export function welcomePage({ box, fingerprint, host, httpsPort }: Welcome): {
  html: string;
  headers: Record<string, string>;
} {
  const port = httpsPort === 443 ? '' : `:${httpsPort}`;
  const named = `https://${box}.local${port}/`;
  const asked = `https://${host}${port}/`;
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(box)} - Nightjar</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escapeHtml(box)}</h1>
<p>This is a Nightjar: a box in this house that backs up its phones, to disks that you own.</p>
<h2>1. Install the box's certificate</h2>
<p>So that your device knows this box and nobody can read along.</p>
<p><a class="button" href="/nightjar-root.crt">Download the certificate</a></p>
<ul>
<li><b>iPhone, iPad:</b> open the download in Settings, install the profile, then switch it on under General, About,
Certificate Trust Settings.</li>
<li><b>Android:</b> Settings, Security, More, Install a certificate, CA certificate, and choose the download.</li>
<li><b>Mac:</b> open it in Keychain Access and set it to Always Trust.</li>
<li><b>Windows:</b> open it, Install Certificate, into Trusted Root Certification Authorities.</li>
<li><b>Firefox:</b> Settings, Certificates, View, Authorities, Import.</li>
</ul>
<p>It can vouch for this box only: for names and addresses of a home network, never for a site of the internet.</p>
<h2>2. Compare its fingerprint</h2>
<p>This page came without encryption. Before you trust the certificate, compare the fingerprint that your device shows
with the one that the box shows by itself: on its console, or with every pairing.</p>
<p class="fingerprint">${groupFingerprint(escapeHtml(fingerprint))}</p>
<h2>3. Go on, encrypted</h2>
<p><a class="button" href="${escapeHtml(named)}">${escapeHtml(named)}</a></p>
<p>If that name is not found: <a href="${escapeHtml(asked)}">${escapeHtml(asked)}</a></p>
</main>
</body>
</html>
`;
  return { html, headers: pageHeaders(html) };
}

const style = `
:root { color-scheme: light dark; --ink: #1d2330; --soft: #5a6272; --paper: #f6f5f1; --card: #fff; --accent: #2f5d8a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e9e7e0; --soft: #a4a9b5; --paper: #12151c; --card: #1b202a; --accent: #8fb8e0; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.55 system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 2rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
ul { padding-left: 1.2rem; color: var(--soft); }
li { margin: .35rem 0; }
b { color: var(--ink); font-weight: 600; }
a { color: var(--accent); overflow-wrap: anywhere; }
.button { display: inline-block; padding: .7rem 1.1rem; border: 1px solid var(--accent); border-radius: .6rem;
  background: var(--card); text-decoration: none; font-weight: 600; }
.fingerprint { padding: 1rem; border-radius: .6rem; background: var(--card);
  font: 1rem/1.9 ui-monospace, monospace; word-spacing: .35em; }
`;
