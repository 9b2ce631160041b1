import { implement, type Routes } from '../http/contract.ts';
import { CodedError } from '../platform/errors.ts';
import type { Updates } from './updates.ts';
import { updatesContract } from './updates-contract.ts';

export function updatesRoutes(updates: Updates): Routes {
  return implement(updatesContract, {
    getUpdates: async () => await updates.view(),
    listUpdateBundles: async () => ({ bundles: await updates.attached() }),
    uploadUpdate: async ({ request, caller }, reply) => {
      const received = await updates.receive(request.raw, lengthOf(request.headers['content-length']), caller);
      reply.code(201).send(received);
    },
    removeUpdate: async ({ caller }) => await updates.remove(caller),
    installUpdate: async ({ body, caller }) => await updates.install(body.from, body.older ?? false, caller),
    restartIntoUpdate: async ({ caller }) => await updates.restart(caller),
    setUpdateChannel: async ({ body, caller }) => await updates.setChannel(body, caller),
    askUpdateChannel: async () => await updates.askNow(),
  });
}

/** A file that is sent has a length: else nobody could tell whether all of it came. */
function lengthOf(header: string | undefined): number {
  const length = Number(header);
  if (header !== undefined && Number.isSafeInteger(length)) return length;
  throw new CodedError('invalid-request', 'An update is sent with its length (Content-Length). Nothing was kept.');
}
