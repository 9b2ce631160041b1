/**
 * What a browser holds while a person is signed in: an opaque token in a cookie. The box keeps its SHA-256 only.
 */
import { createHash } from 'node:crypto';
import type { Transport } from '../http/gate.ts';
import type { RandomBytes } from '../platform/identifiers.ts';
import { knownBrowserMs } from './known-browsers.ts';

/** A session ends when it was not used for so long... */
export const sessionIdleMs = 30 * 24 * 60 * 60_000;
/** ...and at this age whatever its use. */
export const sessionMsMax = 90 * 24 * 60 * 60_000;
export const sessionsPerPersonMax = 50;

const tokenBytes = 32;
const cookieHeaderLengthMax = 8_192;

export function newSessionToken(randomBytes: RandomBytes): string {
  return randomBytes(tokenBytes).toString('base64url');
}

/** The stored form. A token has 256 random bits, so a plain digest is enough, and its lookup tells nothing by time. */
export function sessionTokenDigest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** No cookie over plain http: off loopback anyone in the house could read it. */
export function sessionCookieName(transport: Transport): string | undefined {
  if (transport === 'https') return '__Host-nightjar';
  return transport === 'loopback-http' ? 'nightjar-loopback' : undefined;
}

/** As `sessionCookieName`, of the cookie by which a browser is known. */
function knownBrowserCookieName(transport: Transport): string | undefined {
  const name = sessionCookieName(transport);
  return name === undefined ? undefined : `${name}-known`;
}

/** The session token of a `Cookie` header (RFC 6265, section 4.2), or undefined. Only the transport's own name counts. */
export function sessionTokenFrom(cookieHeader: string | undefined, transport: Transport): string | undefined {
  return tokenFrom(cookieHeader, sessionCookieName(transport));
}

/** As `sessionTokenFrom`, of the token by which a browser is known. */
export function knownBrowserTokenFrom(cookieHeader: string | undefined, transport: Transport): string | undefined {
  return tokenFrom(cookieHeader, knownBrowserCookieName(transport));
}

function tokenFrom(cookieHeader: string | undefined, name: string | undefined): string | undefined {
  if (name === undefined || cookieHeader === undefined || cookieHeader.length > cookieHeaderLengthMax) return undefined;
  for (const pair of cookieHeader.split(';')) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === name && value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value)) return value;
  }
  return undefined;
}

/** The `Set-Cookie` value that starts a session; undefined where this transport takes none. */
export function sessionCookie(transport: Transport, token: string): string | undefined {
  return cookie(transport, sessionCookieName(transport), token, sessionMsMax / 1000);
}

/** The `Set-Cookie` value that ends it. */
export function endedSessionCookie(transport: Transport): string | undefined {
  return cookie(transport, sessionCookieName(transport), '', 0);
}

/** The `Set-Cookie` value by which a browser stays known; undefined where this transport takes none. */
export function knownBrowserCookie(transport: Transport, token: string): string | undefined {
  return cookie(transport, knownBrowserCookieName(transport), token, knownBrowserMs / 1000);
}

function cookie(transport: Transport, name: string | undefined, value: string, maxAgeSeconds: number) {
  if (name === undefined) return undefined;
  const secure = transport === 'https' ? '; Secure' : '';
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
}
