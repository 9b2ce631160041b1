import { implement, type Routes } from '../http/contract.ts';
import { shareContract } from './contract.ts';
import type { Share } from './share.ts';

export function shareRoutes(share: Share): Routes {
  return implement(shareContract, {
    getShare: async ({ caller }) => share.view(caller),
    async switchShare({ caller, body }) {
      await share.switch(body.on, caller);
      return share.view(caller);
    },
    async makeSharePassword({ caller }) {
      const made = await share.makePassword(caller);
      return { ...made, share: share.view(caller) };
    },
    async revokeSharePassword({ caller }) {
      await share.revokePassword(caller);
      return share.view(caller);
    },
  });
}
