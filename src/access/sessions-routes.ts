import type { FastifyReply, FastifyRequest } from 'fastify';
import { implement, type Routes } from '../http/contract.ts';
import { CodedError } from '../platform/errors.ts';
import type { Access, SignedIn } from './access.ts';
import type { Door } from './door.ts';
import { sessionsContract } from './sessions-contract.ts';

/** The HTTP side of signing in, and of one's sessions. */
export function sessionsRoutes({ access, door }: { access: Access; door: Door }): Routes {
  const step = (signedIn: SignedIn, request: FastifyRequest, reply: FastifyReply) => {
    door.give(signedIn, request, reply);
    const { person, stage, ways } = signedIn;
    return { person, stage, ways };
  };
  return implement(sessionsContract, {
    signIn: async ({ body, request }, reply) => step(await access.signIn(body, door.placeOf(request)), request, reply),
    currentSession: async ({ caller }) => access.current(caller),
    signOut: async ({ caller, request }, reply) => {
      await access.signOut(caller.sessionId, caller);
      door.end(request, reply);
    },
    signInByCode: async ({ caller, body, request }, reply) =>
      step(await access.signing.code(caller, body.code, door.browserOf(request)), request, reply),
    signInByRecoveryCode: async ({ caller, body, request }, reply) =>
      step(await access.signing.recovery(caller, body.code, door.browserOf(request)), request, reply),
    renewPassword: async ({ caller, body, request }, reply) =>
      step(await access.signing.newPassword(caller, body.password, door.browserOf(request)), request, reply),
    openEnrolled: async ({ caller, request }, reply) =>
      step(await access.signing.enrolled(caller, door.browserOf(request)), request, reply),
    unlock: async ({ caller, body }) => access.signing.unlock(caller, body.password),
    confirmSession: async ({ caller, body, request }, reply) => {
      door.give(await access.signing.confirm(caller, body, door.browserOf(request)), request, reply);
      const confirmedUntil = access.book.confirmedUntil(caller);
      if (confirmedUntil === null) throw new CodedError('unauthenticated', 'This session has ended. Sign in again.');
      return { confirmedUntil };
    },
    listSessions: async ({ caller }) => ({ sessions: access.book.list(caller.personId, caller.sessionId) }),
    endSession: async ({ caller, params }) => access.endSession(caller, params.id),
    endOtherSessions: async ({ caller }) => ({ ended: await access.endOtherSessions(caller) }),
    allowCodes: async ({ caller }) => access.allowCodes(caller),
  });
}
