import { implement, type Routes } from '../http/contract.ts';
import type { PersonLimits } from './limits.ts';
import { limitsContract } from './limits-contract.ts';

type LimitsRoutesDeps = Readonly<{
  limits: PersonLimits;
  /** What a person's files take; null: nobody knows just now. */
  used: (personId: string) => { files: number; bytes: number } | null;
}>;

export function limitsRoutes({ limits, used }: LimitsRoutesDeps): Routes {
  return implement(limitsContract, {
    ownLimits: async ({ caller }) => ({ ...limits.of(caller.personId), used: used(caller.personId) }),
    limitsOf: async ({ params }) => ({ ...limits.ofPerson(params.id), used: used(params.id) }),
    changeLimits: async ({ params, body, caller }) => ({
      ...(await limits.change(params.id, body, caller)),
      used: used(params.id),
    }),
  });
}
