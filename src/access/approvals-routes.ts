import type { FastifyReply } from 'fastify';
import { implement, type Routes } from '../http/contract.ts';
import { CodedError } from '../platform/errors.ts';
import type { Approvals } from './approvals.ts';
import { approvalsContract } from './approvals-contract.ts';
import type { Approvers } from './approvers.ts';
import type { Door } from './door.ts';
import type { SignIn } from './sign-in.ts';

export type ApprovalsRoutesDeps = Readonly<{
  approvals: Approvals;
  approvers: Approvers;
  signIn: Pick<SignIn, 'proven' | 'subjectOf'>;
  door: Pick<Door, 'browserOf' | 'give'>;
  personName: (personId: string) => string;
}>;

/** The HTTP side of approvals: the browser's, the phone's and the list's. */
export function approvalsRoutes(deps: ApprovalsRoutesDeps): Routes {
  const { approvals, approvers, signIn, door, personName } = deps;
  return implement(approvalsContract, {
    askForApproval: async ({ caller, request }) => {
      const { userAgent, address } = door.browserOf(request);
      return approvals.open(caller, { userAgent, address, known: signIn.subjectOf(caller).known !== undefined });
    },
    approvalState: async ({ caller, params, query, request }, reply) => {
      const state = await approvals.wait(caller, params.id, query.waitMs ?? 0, closing(reply));
      if (state !== 'approved') return { state };
      const proveInWrite = () => approvals.takeInWrite(caller.sessionId, params.id);
      const signedIn = await signIn.proven(caller, 'approval', proveInWrite, door.browserOf(request));
      door.give(signedIn, request, reply);
      return { state, stage: signedIn.stage };
    },
    listApprovers: async ({ caller }) => ({ approvers: approvers.list(caller.personId) }),
    registerApprover: async ({ caller, body }) => approvers.register(caller, body),
    removeApprover: async ({ caller, params }) => approvers.remove(caller, params.id),
    listApprovals: async ({ caller }) => ({
      approver: approvers.ofPhone(caller.phoneId) ?? null,
      phoneId: caller.phoneId,
      phone: caller.phoneName,
      person: personName(caller.personId),
      approvals: approvals.openFor(caller),
    }),
    answerApproval: async ({ caller, params, body, request }) => {
      const { origin } = request.headers;
      // The gate has held a browser's own word for it against the host that was asked; the signature must say the same.
      if (origin !== undefined && origin !== body.origin) {
        throw new CodedError('cross-origin', 'Another page signed this, so nothing was approved. Open the box itself.');
      }
      return approvals.answer(caller, params.id, body);
    },
    denyApproval: async ({ caller, params }) => approvals.deny(caller, params.id),
  });
}

/** Aborted when whoever asked is gone, and harmlessly once the answer is out. */
function closing(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
