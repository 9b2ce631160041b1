import { implement, type Routes } from '../http/contract.ts';
import type { Appliance } from './appliance.ts';
import { applianceContract } from './contract.ts';

export function applianceRoutes(appliance: Appliance): Routes {
  const { firstRun } = appliance;
  return implement(applianceContract, {
    getBox: async ({ caller }) => appliance.view(caller),
    changeBox: async ({ body, caller }) => appliance.change(body, caller),
    getFirstRun: async () => firstRun.look(),
    tickFirstRun: async ({ params, body }) => firstRun.tick(params.step, body),
  });
}
