import { implement, type Routes } from '../http/contract.ts';
import type { Channels } from './channels.ts';
import { channelsContract } from './channels-contract.ts';

export function channelsRoutes(channels: Channels): Routes {
  return implement(channelsContract, {
    getChannels: async () => channels.view(),
    setMail: async ({ body, caller }) => channels.setMail(body, caller),
    setWebhook: async ({ body, caller }) => channels.setWebhook(body, caller),
    removeChannel: async ({ params, caller }) => channels.remove(params.kind, caller),
    testChannel: async ({ params }) => {
      await channels.test(params.kind);
      return { sent: true as const };
    },
  });
}
