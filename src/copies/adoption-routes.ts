import type { FastifyReply, FastifyRequest } from 'fastify';
import { sessionDoor } from '../access/door.ts';
import { implement, type Routes } from '../http/contract.ts';
import type { Transport } from '../http/gate.ts';
import type { Adoption } from './adoption.ts';
import { adoptionContract } from './adoption-contract.ts';

type AdoptionRoutesDeps = Readonly<{
  adoption: Adoption;
  transportOf: (request: FastifyRequest) => Transport;
  /** Lets the box start anew. */
  restart: () => void;
}>;

export function adoptionRoutes({ adoption, transportOf, restart }: AdoptionRoutesDeps): Routes {
  const { placeOf } = sessionDoor(transportOf);
  return implement(adoptionContract, {
    lookAtAdoption: async ({ body, request }) => {
      const { copies, ...found } = await adoption.look(body.code, placeOf(request));
      return { ...found, copies: [...copies] };
    },
    adopt: async ({ body: { code, copy, ...opener }, request }, reply) => {
      const { people, ...adopted } = await adoption.adopt({ code, copy, opener }, placeOf(request));
      afterAnswer(reply, restart);
      return { ...adopted, people: [...people] };
    },
  });
}

/** Also when nobody waits for the answer any more. */
function afterAnswer({ raw }: FastifyReply, run: () => void): void {
  if (raw.destroyed) run();
  else raw.once('close', run);
}
