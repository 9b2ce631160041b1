/**
 * Owns the one page of plain http: how a device comes to trust this box. It goes on by itself once the device does.
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
  /** What the browser says of itself: which system's steps are shown first. */
  userAgent?: string;
}>;
type System = 'ios' | 'android' | 'computer';

/** A fingerprint as people compare it: groups of four. */
export function groupFingerprint(fingerprint: string): string {
  return fingerprint.replace(/(.{4})(?=.)/g, '$1 ');
}

/** A whole HTML page that works without its script, and the headers that go with it. */
export function welcomePage({ box, fingerprint, host, httpsPort, userAgent = '' }: Welcome): {
  html: string;
  headers: Readonly<Record<string, string>>;
} {
  const port = httpsPort === 443 ? '' : `:${httpsPort}`;
  const [named, asked] = [`${box}.local`, host].map((one) => escapeHtml(`https://${one}${port}`)) as [string, string];
  const shown = systemOf(userAgent);
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Trust ${escapeHtml(box)} - Nightjar</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/welcome.css">
<script src="/static/trust.js" defer></script>
</head>
<body>
<main data-named="${named}" data-asked="${asked}">
<header class="brand">${mark}<span>Nightjar</span><span class="box">${escapeHtml(box)}</span></header>
<div class="steps"><div class="pieces" aria-hidden="true"><i></i><i></i><i></i><i></i></div>
<p class="cap">Step 1 of <span class="of">${shown === 'ios' ? 4 : 3}</span></p></div>
<h1>Trust this box, once</h1>
<p class="lead">So that everything between this device and the box is private. The certificate can vouch only for
addresses inside your home.</p>
<fieldset class="systems">
<legend class="only-read">This device</legend>
${choice('ios', 'iPhone, iPad', shown)}${choice('android', 'Android', shown)}${choice('computer', 'Computer', shown)}
</fieldset>
${iosSteps}${androidSteps}${computerSteps}
<section>
<h2>Compare with the owner’s screen</h2>
<p class="fingerprint">${groupFingerprint(escapeHtml(fingerprint))}</p>
<p class="cap">This page came without encryption, so anybody on the way could have changed it. The fingerprint of the
certificate stands on the box’s console too, and with every pairing: compare it before you trust.</p>
</section>
<footer>
<p class="waiting" role="status"><span class="ring" aria-hidden="true"></span><span class="said">Goes on by itself when
it works</span></p>
<a class="button secondary done" href="${named}/">I have done this</a>
<p class="cap">It opens <a class="named" href="${named}/">${named}</a>. If that name is not found:
<a class="asked" href="${asked}/">${asked}</a></p>
</footer>
</main>
</body>
</html>
`;
  return { html, headers: { ...pageHeaders, 'content-security-policy': policy([named, asked]) } };
}

/** The page's own probes are all that it loads from elsewhere. A policy cannot name an IPv6 address (CSP 3, 2.3.1). */
function policy(origins: readonly string[]): string {
  const images = origins.filter((origin) => !origin.includes('['));
  return pageHeaders['content-security-policy'].replace(
    "img-src 'self' data: blob:",
    `img-src 'self' data: ${images.join(' ')}`,
  );
}

function systemOf(userAgent: string): System {
  if (/Android/.test(userAgent)) return 'android';
  return /iPhone|iPad|iPod/.test(userAgent) ? 'ios' : 'computer';
}

function choice(system: System, label: string, shown: System): string {
  const checked = system === shown ? ' checked' : '';
  return `<label><input type="radio" name="system" value="${system}"${checked}><span>${label}</span></label>`;
}

const mark = `<svg width="28" height="28" viewBox="0 0 32 32" aria-hidden="true"><mask id="m"><rect width="32" height="32"
fill="#fff"/><circle cx="20.6" cy="10.6" r="11.4" fill="#000"/></mask><circle class="crescent" cx="14.6" cy="17.2" r="13.4"
mask="url(#m)"/><circle class="moon" cx="21.2" cy="10.4" r="4.4"/></svg>`;

const iosSteps = `<section class="ios" aria-label="On an iPhone or iPad">
<a class="button get" href="/nightjar.mobileconfig">Get the certificate</a>
<ol class="card">
<li><b>Tap <q>Allow</q>, then <q>Close</q></b></li>
<li><b>Install it</b><span>Settings, <q>Profile Downloaded</q>, <q>Install</q>. It asks for the passcode, then for
<q>Install</q> twice more.</span></li>
<li><b>Switch it on</b><span>Settings, <q>General</q>, <q>About</q>, <q>Certificate Trust Settings</q> at the very bottom:
switch this box on, then <q>Continue</q>.</span></li>
</ol>
</section>
`;

const androidSteps = `<section class="android" aria-label="On Android">
<a class="button get" href="/nightjar-root.crt">Get the certificate</a>
<ol class="card">
<li><b>Keep nightjar-root.crt</b><span>The browser puts it into Downloads.</span></li>
<li><b>Open Settings, search <q>CA certificate</q></b><span>Pixel: <q>Security &amp; privacy</q>, <q>More security &amp;
privacy</q>, <q>Encryption &amp; credentials</q>, <q>Install a certificate</q>. Samsung: <q>Security and privacy</q>,
<q>Other security settings</q>, <q>Install from phone storage</q>.</span></li>
<li><b>Tap <q>CA certificate</q>, then <q>Install anyway</q></b><span>It asks for the PIN. Choose
nightjar-root.crt.</span></li>
</ol>
<p class="note">Android will say that the network may be monitored. It says so of every certificate that a person adds.
This one can vouch for your home’s addresses only, so nothing of the internet can be read with it.</p>
</section>
`;

const computerSteps = `<section class="computer" aria-label="On a computer">
<a class="button get" href="/nightjar-root.crt">Get the certificate</a>
<ul class="card">
<li><b>Mac</b><span>Open nightjar-root.crt in <q>Keychain Access</q> and set it to <q>Always Trust</q>.</span></li>
<li><b>Windows</b><span>Open nightjar-root.crt, <q>Install Certificate</q>, into <q>Trusted Root Certification
Authorities</q>.</span></li>
<li><b>Firefox</b><span>Settings, <q>Certificates</q>, <q>View Certificates</q>, <q>Authorities</q>, <q>Import</q>.</span></li>
<li><b>Linux</b><span>Save <a href="/nightjar-root.pem">nightjar-root.pem</a> as
/usr/local/share/ca-certificates/nightjar.crt and run update-ca-certificates. Chrome has a list of its own: Settings,
<q>Privacy and security</q>, <q>Security</q>, <q>Manage certificates</q>.</span></li>
</ul>
<p class="note">The same certificate under another name: <a href="/nightjar-root.der">nightjar-root.der</a>.</p>
</section>
`;
