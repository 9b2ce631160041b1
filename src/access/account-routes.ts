import { implement, type Routes } from '../http/contract.ts';
import type { Access } from './access.ts';
import { accountContract } from './account-contract.ts';
import { type Policy, passwordExpiryNote } from './policies.ts';

/** The HTTP side of one's password and notices, and of the owner's policy. */
export function accountRoutes({ access }: { access: Access }): Routes {
  const shown = (policy: Policy) => ({ ...policy, passwordExpiryNote });
  return implement(accountContract, {
    changePassword: async ({ caller, body }) =>
      access.parts.lock.change(caller, body, access.signing.subjectOf(caller)),
    getPolicy: async () => shown(access.parts.policies.policy),
    putPolicy: async ({ caller, body }) => {
      if (caller.kind === 'person') access.book.requireConfirmed(caller);
      return shown(await access.parts.policies.change(body, caller));
    },
    listNotices: async ({ caller }) => ({ notices: access.parts.notices.list(caller.personId) }),
    seeNotices: async ({ caller, body }) => access.parts.notices.see(caller.personId, body.upTo),
  });
}
