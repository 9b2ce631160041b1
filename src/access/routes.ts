import type { FastifyRequest } from 'fastify';
import { implement, type Routes } from '../http/contract.ts';
import type { Transport } from '../http/gate.ts';
import type { Access } from './access.ts';
import { accountRoutes } from './account-routes.ts';
import { codesRoutes } from './codes-routes.ts';
import { accessContract } from './contract.ts';
import { sessionDoor } from './door.ts';
import { sessionsRoutes } from './sessions-routes.ts';

/** The HTTP side of access. `transportOf` says how a request came in, from the socket. */
export function accessRoutes(deps: { access: Access; transportOf: (request: FastifyRequest) => Transport }): Routes {
  const { access, transportOf } = deps;
  const door = sessionDoor(transportOf);
  const claiming = implement(accessContract, {
    getSetup: async () => ({ claimed: access.claimed() }),
    claim: async ({ body, request }, reply) => {
      const claimed = await access.claim(body, door.placeOf(request));
      door.give(claimed, request, reply);
      return { person: claimed.person };
    },
  });
  const { codes, recoveryCodes, recoveryKey, options } = access.parts;
  const factors = codesRoutes({ oneTimeCodes: codes, recoveryCodes, recoveryKey, now: options.now });
  const parts = [claiming, sessionsRoutes({ access, door }), accountRoutes({ access }), factors];
  return {
    contract: Object.assign({}, ...parts.map((part) => part.contract)) as Routes['contract'],
    handlers: Object.assign({}, ...parts.map((part) => part.handlers)) as Routes['handlers'],
  };
}
