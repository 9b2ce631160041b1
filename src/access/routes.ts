import type { FastifyRequest } from 'fastify';
import { implement, type Routes } from '../http/contract.ts';
import type { Transport } from '../http/gate.ts';
import type { Static } from '../platform/schema.ts';
import type { Access } from './access.ts';
import { accountRoutes } from './account-routes.ts';
import { codesRoutes } from './codes-routes.ts';
import { accessContract } from './contract.ts';
import { sessionDoor } from './door.ts';
import { sessionsRoutes } from './sessions-routes.ts';

type AccessRoutesDeps = Readonly<{
  access: Access;
  /** Says how a request came in, from the socket. */
  transportOf: (request: FastifyRequest) => Transport;
  boxName: () => string;
  /** Takes what was chosen with the claim. Never throws: the claim stands. */
  takeFirst: (asked: FirstChoices, ownerId: string) => Promise<{ name: Chosen; timeZone: Chosen }>;
}>;
type FirstChoices = Readonly<Pick<Static<(typeof accessContract)['claim']['body']>, 'name' | 'timeZone'>>;
type Chosen = Static<(typeof accessContract)['claim']['reply']>['chosen']['name'];

/** The HTTP side of access. */
export function accessRoutes(deps: AccessRoutesDeps): Routes {
  const { access, transportOf, boxName, takeFirst } = deps;
  const door = sessionDoor(transportOf);
  const claiming = implement(accessContract, {
    getSetup: async () => ({ claimed: access.claimed(), box: boxName() }),
    claim: async ({ body, request }, reply) => {
      const claimed = await access.claim(body, door.placeOf(request));
      door.give(claimed, request, reply);
      return { person: claimed.person, chosen: await takeFirst(body, claimed.person.id) };
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
