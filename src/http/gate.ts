/**
 * Owns what is decided about a request before anybody asks who is asking: the way it came, its host, its origin.
 * Never trusts a header about the way it came, and reads no credential.
 * Only the server calls it; `transportOf` is for everybody who is given a request.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { CodedError } from '../platform/errors.ts';

/** `loopback-http` is http whose peer is this machine itself; `http` is everything else that is not encrypted. */
export type Transport = 'http' | 'loopback-http' | 'https' | 'console';
export type Host = Readonly<{ name: string; port: string }>;

const urlLengthMax = 4096;
const headersMax = 100;
const portMax = 65_535;
/** What plain http serves besides the welcome page and redirects; nothing here may carry or take a secret. */
export const plainHttpPaths: ReadonlySet<string> = new Set([
  '/',
  '/static/welcome.css',
  '/static/trust.js',
  '/nightjar-root.crt',
  '/nightjar-root.der',
  '/nightjar-root.pem',
  '/nightjar.mobileconfig',
  '/api/health',
]);
/** What any page may load over https: by it the welcome page looks whether this device trusts the box by now. */
const probePath = '/static/probe.svg';

const transports = new WeakMap<IncomingMessage, Transport>();
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4'); // Covers ::ffff:127.0.0.0/104 too.
loopback.addAddress('::1', 'ipv6');
const forwardingHeaders = /^(forwarded|via|x-real-ip|x-forwarded(-.*)?|x-client-ip|true-client-ip|cf-connecting-ip)$/;

/** How a request came in. One that no listener has marked counts as plain http, the least trusted. */
export function transportOf(request: FastifyRequest | IncomingMessage): Transport {
  return transports.get('raw' in request ? request.raw : request) ?? 'http';
}

/** Remembers how a request came in. For a request on plain http all credentials are taken away here. */
export function markTransport(
  request: IncomingMessage,
  listener: 'http' | 'https' | 'console',
  loopbackHttp: boolean,
): void {
  const own = listener === 'http' && loopbackHttp && isLoopback(request.socket.remoteAddress);
  const transport = own ? 'loopback-http' : listener;
  transports.set(request, transport);
  if (transport === 'http') {
    // Nothing later can read by mistake what is not there.
    delete request.headers.authorization;
    delete request.headers.cookie;
  }
}

/** Says whether a socket's own peer address is this machine: 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104. */
export function isLoopback(address: string | undefined): boolean {
  const version = isIP(address ?? '');
  return address !== undefined && version !== 0 && loopback.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/** Refuses loopback http that some proxy passed on: then the peer is the proxy, and not who is asking. */
export function checkForwarding(headers: IncomingHttpHeaders): void {
  if (!Object.keys(headers).some((name) => forwardingHeaders.test(name))) return;
  throw new CodedError(
    'https-required',
    'This request came through a proxy over http. Let the proxy speak https to the box, or set NIGHTJAR_LOOPBACK_HTTP=off.',
  );
}

/** @throws {CodedError} `invalid-request` for a target that is too long or no path (RFC 9112, section 3.2.1). */
export function checkTarget(url: string): void {
  if (url.length > urlLengthMax) throw new CodedError('invalid-request', 'The address of this request is too long.');
  if (!url.startsWith('/')) throw new CodedError('invalid-request', 'The address of this request is not a path.');
}

/** @throws {CodedError} `invalid-request` for too many headers, or more than one Host (RFC 9112, section 3.2). */
export function checkHeaders({ rawHeaders, headersDistinct }: IncomingMessage): void {
  if (rawHeaders.length / 2 <= headersMax && (headersDistinct.host?.length ?? 0) <= 1) return;
  throw new CodedError('invalid-request', 'The headers of this request are too many, or name more than one host.');
}

/**
 * The host that a request names, if it is one of the box's: an IP address, `localhost`, or what `allowHost` knows. A
 * page of the internet whose name was rebound to the box's address names itself here (RFC 9110, section 7.4).
 * @throws {CodedError} `unknown-host`
 */
export function checkHost(header: string | undefined, allowHost: (host: string) => boolean): Host {
  const [, bracketed, plain, port = ''] =
    /^(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9.-]{1,254}))(?::(\d{1,5}))?$/i.exec(header ?? '') ?? [];
  const isPort = Number(port) <= portMax;
  if (isPort && bracketed !== undefined && isIP(bracketed) === 6) return { name: `[${bracketed.toLowerCase()}]`, port };
  const name = plain?.toLowerCase().replace(/\.$/, '');
  if (isPort && name !== undefined && (isIP(name) === 4 || name === 'localhost' || allowHost(name))) {
    return { name, port };
  }
  throw new CodedError(
    'unknown-host',
    'The box does not go by this name. Use its own name or its address; further names are set with NIGHTJAR_HOSTS.',
  );
}

const safeMethods = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Refuses a change that a page of another origin asks for, and (by Fetch Metadata, which every browser of today sends)
 * whatever else it asks for but to be gone to: it may link here, and may not load anything from here.
 * @throws {CodedError} `cross-origin`
 */
export function checkOrigin(
  request: Readonly<{ method: string; url: string; headers: IncomingHttpHeaders }>,
  scheme: 'http' | 'https',
  host: Host,
): void {
  const { method, headers } = request;
  const site = headers['sec-fetch-site'];
  const foreign = site !== undefined && site !== 'same-origin' && site !== 'none';
  if (safeMethods.includes(method)) {
    if (!foreign || isGoneTo(method, headers) || request.url.split('?', 1)[0] === probePath) return;
    throw new CodedError('cross-origin', 'Another web page asked for this, so it was not given. Open the box itself.');
  }
  if (!foreign && (headers.origin === undefined || isOwnOrigin(headers.origin, scheme, host))) return;
  throw new CodedError(
    'cross-origin',
    'Another web page asked for this change, so it was not made. Open the box itself.',
  );
}

/** A link that was followed in a window of its own, not in a frame (W3C Fetch Metadata, sections 2.1 and 2.2). */
function isGoneTo(method: string, headers: IncomingHttpHeaders): boolean {
  return method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
}

/** Whether this is a device that tries whether it trusts the box by now: it loads the one thing that is there for that. */
export function isProbe({ method, url }: Readonly<{ method: string; url: string }>): boolean {
  return method === 'GET' && url.split('?', 1)[0] === probePath;
}

function isOwnOrigin(origin: string, scheme: string, host: Host): boolean {
  const own = new URL(`${scheme}://${host.name}${host.port === '' ? '' : `:${host.port}`}`).origin;
  return URL.canParse(origin) && new URL(origin).origin === own;
}

export type PlainHttpAnswer = { kind: 'serve' } | { kind: 'welcome' } | { kind: 'redirect'; to: string };

/**
 * What plain http gets. `httpsPort` undefined: there is no https to send people to.
 * @throws {CodedError} `https-required`
 */
export function plainHttpAnswer(
  request: { method: string; url: string },
  host: Host,
  options: { publicRoute: boolean; httpsPort: number | undefined },
): PlainHttpAnswer {
  const path = request.url.split('?', 1)[0] ?? '';
  const reading = request.method === 'GET' || request.method === 'HEAD';
  if (reading && path === '/') return { kind: 'welcome' };
  if (reading && options.publicRoute && plainHttpPaths.has(path)) return { kind: 'serve' };
  if (!reading || path === '/api' || path.startsWith('/api/') || options.httpsPort === undefined) {
    throw new CodedError(
      'https-required',
      'The box answers this only over https, so that nobody on the way can read it.',
    );
  }
  const port = options.httpsPort === 443 ? '' : `:${options.httpsPort}`;
  return { kind: 'redirect', to: `https://${host.name}${port}${request.url}` };
}
