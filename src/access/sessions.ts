/**
 * What a browser holds while a person is signed in: an opaque token in a cookie. The box keeps its SHA-256 only.
 */
import { createHash } from 'node:crypto';
import type { Transport } from '../http/gate.ts';
import type { RandomBytes } from '../platform/identifiers.ts';

export const sessionMsMax = 30 * 24 * 60 * 60_000;
/** A session's last use is written at most this often. */
export const sessionTouchMs = 10 * 60_000;
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

/** The session token of a `Cookie` header (RFC 6265, section 4.2), or undefined. Only the transport's own name counts. */
export function sessionTokenFrom(cookieHeader: string | undefined, transport: Transport): string | undefined {
  const name = sessionCookieName(transport);
  if (name === undefined || cookieHeader === undefined || cookieHeader.length > cookieHeaderLengthMax) return undefined;
  for (const pair of cookieHeader.split(';')) {
    const [key, value] = pair.trim().split('=', 2);
    if (key === name && value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value)) return value;
  }
  return undefined;
}

/** The `Set-Cookie` value that starts a session; undefined where this transport takes none. */
export function sessionCookie(transport: Transport, token: string): string | undefined {
  return cookie(transport, token, sessionMsMax / 1000);
}

/** The `Set-Cookie` value that ends it. */
export function endedSessionCookie(transport: Transport): string | undefined {
  return cookie(transport, '', 0);
}

function cookie(transport: Transport, value: string, maxAgeSeconds: number): string | undefined {
  const name = sessionCookieName(transport);
  if (name === undefined) return undefined;
  const secure = transport === 'https' ? '; Secure' : '';
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
}
