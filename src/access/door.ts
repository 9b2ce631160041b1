/** How sessions go in and out over HTTP: where a request comes from, and the cookies on its answer. For routes alone. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Transport } from '../http/gate.ts';
import { CodedError } from '../platform/errors.ts';
import type { SessionPlace } from './session-book.ts';
import {
  endedSessionCookie,
  knownBrowserCookie,
  knownBrowserTokenFrom,
  sessionCookie,
  sessionCookieName,
} from './sessions.ts';

export type Door = Readonly<{
  /** Undefined on the console, which holds no session. @throws {CodedError} `https-required` */
  placeOf(request: FastifyRequest): SessionPlace;
  /** For routes that only a session can ask. */
  browserOf(request: FastifyRequest): NonNullable<SessionPlace>;
  /** Gives the browser what it is to hold from now on. */
  give(
    held: { token?: string | undefined; known?: string | undefined },
    request: FastifyRequest,
    reply: FastifyReply,
  ): void;
  /** Takes the session back; the browser stays known. */
  end(request: FastifyRequest, reply: FastifyReply): void;
}>;

/** `transportOf` says how a request came in, from the socket. */
export function sessionDoor(transportOf: (request: FastifyRequest) => Transport): Door {
  const browserOf = (request: FastifyRequest) => ({
    userAgent: request.headers['user-agent'] ?? '',
    // An IPv4 peer on a socket that speaks both.
    address: (request.socket.remoteAddress ?? '').replace(/^::ffff:/i, ''),
    known: knownBrowserTokenFrom(request.headers.cookie, transportOf(request)),
  });
  return {
    placeOf: (request) => {
      const transport = transportOf(request);
      if (transport === 'http') {
        throw new CodedError(
          'https-required',
          'Passwords travel only over https. Nothing was changed; open the https address of the box.',
        );
      }
      return sessionCookieName(transport) === undefined ? undefined : browserOf(request);
    },
    browserOf,
    give: ({ token, known }, request, reply) => {
      const transport = transportOf(request);
      const cookies = [
        token === undefined ? undefined : sessionCookie(transport, token),
        known === undefined ? undefined : knownBrowserCookie(transport, known),
      ].filter((cookie) => cookie !== undefined);
      if (cookies.length > 0) reply.header('set-cookie', cookies);
    },
    end: (request, reply) => {
      const cookie = endedSessionCookie(transportOf(request));
      if (cookie !== undefined) reply.header('set-cookie', cookie);
    },
  };
}
