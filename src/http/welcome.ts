/**
 * Owns the one page of plain http: what this is, and how to come to trust it.
 * Never carries a secret: anybody on the way can read it and change it, which it says.
 */
import { escapeHtml } from './pages.ts';
import { pageHeaders } from './security-headers.ts';

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
  headers: Readonly<Record<string, string>>;
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
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/welcome.css">
</head>
<body>
<main>
<h1>${escapeHtml(box)}</h1>
<p>This is a Nightjar: a box in this house that backs up its phones, to disks that you own.</p>
<h2>1. Install the box's certificate</h2>
<p>So that your device knows this box and nobody can read along.</p>
<div class="device">
<h3>iPhone, iPad</h3>
<p><a class="button" href="/nightjar.mobileconfig">Get the profile</a></p>
<ol>
<li>Tap Allow, then Close.</li>
<li>Open Settings, tap <b>Profile Downloaded</b>, then <b>Install</b>.</li>
<li>Settings, General, About, <b>Certificate Trust Settings</b>: switch this box on.</li>
</ol>
</div>
<div class="device">
<h3>Android</h3>
<p><a class="button" href="/nightjar-root.crt">Get the certificate</a></p>
<ol>
<li>Open Settings and search for <b>CA certificate</b>.</li>
<li>Tap <b>CA certificate</b>, Install anyway, and choose nightjar-root.crt.</li>
</ol>
<p>Android then says that the network may be monitored. It says so of every certificate that you add yourself.</p>
</div>
<div class="device">
<h3>Computers</h3>
<ul>
<li><b>Mac:</b> open <a href="/nightjar-root.crt">nightjar-root.crt</a> in Keychain Access and set it to Always Trust.</li>
<li><b>Windows:</b> open <a href="/nightjar-root.crt">nightjar-root.crt</a>, Install Certificate, into Trusted Root
Certification Authorities.</li>
<li><b>Firefox:</b> Settings, Certificates, View Certificates, Authorities, Import:
<a href="/nightjar-root.crt">nightjar-root.crt</a>.</li>
<li><b>Linux:</b> save <a href="/nightjar-root.pem">nightjar-root.pem</a> as
/usr/local/share/ca-certificates/nightjar.crt and run update-ca-certificates. Chrome has a list of its own: Settings,
Privacy and security, Security, Manage certificates.</li>
</ul>
<p>The same certificate under another name: <a href="/nightjar-root.der">nightjar-root.der</a>.</p>
</div>
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
  return { html, headers: pageHeaders };
}
