import type { FastifyReply, FastifyRequest } from 'fastify';
import { implement, type Routes } from '../http/contract.ts';
import type { Transport } from '../http/gate.ts';
import { CodedError } from '../platform/errors.ts';
import type { Access, SessionPlace, SignedIn } from './access.ts';
import { accessContract } from './contract.ts';
import { endedSessionCookie, sessionCookie, sessionCookieName } from './sessions.ts';

/** The HTTP side of access. `transportOf` says how a request came in, from the socket. */
export function accessRoutes(deps: { access: Access; transportOf: (request: FastifyRequest) => Transport }): Routes {
  const { access, transportOf } = deps;
  const placeOf = (request: FastifyRequest): SessionPlace => {
    const transport = transportOf(request);
    if (transport === 'http') {
      throw new CodedError(
        'https-required',
        'Passwords travel only over https. Nothing was changed; open the https address of the box.',
      );
    }
    if (sessionCookieName(transport) === undefined) return undefined;
    return { userAgent: request.headers['user-agent'] ?? '', address: request.socket.remoteAddress ?? '' };
  };
  const signedIn = ({ person, token }: SignedIn, request: FastifyRequest, reply: FastifyReply) => {
    const cookie = token === undefined ? undefined : sessionCookie(transportOf(request), token);
    if (cookie !== undefined) reply.header('set-cookie', cookie);
    return { person };
  };
  return implement(accessContract, {
    getSetup: async () => ({ claimed: access.claimed() }),
    claim: async ({ body, request }, reply) => signedIn(await access.claim(body, placeOf(request)), request, reply),
    signIn: async ({ body, request }, reply) => signedIn(await access.signIn(body, placeOf(request)), request, reply),
    currentSession: async ({ caller }) => ({
      person: caller.kind === 'person' ? (access.person(caller.personId) ?? null) : null,
    }),
    signOut: async ({ caller, request }, reply) => {
      if (caller.kind !== 'person') return;
      await access.signOut(caller.sessionId, caller);
      const cookie = endedSessionCookie(transportOf(request));
      if (cookie !== undefined) reply.header('set-cookie', cookie);
    },
    listPeople: async () => ({ people: access.people() }),
    addPerson: async ({ body, caller }) => ({ person: await access.addPerson(body.person, caller) }),
  });
}
