import { implement, type Routes } from '../http/contract.ts';
import type { Nights } from './nights.ts';
import { reportsContract } from './reports-contract.ts';

const limitUsual = 30;

export function reportsRoutes(nights: Nights): Routes {
  return implement(reportsContract, {
    getNights: async () => nights.view(),
    changeNights: async ({ body, caller }) => nights.change(body, caller),
    listReports: async ({ caller, query }) =>
      nights.list(caller, { before: query.before, limit: query.limit ?? limitUsual }),
    readReport: async ({ caller, params }) => nights.read(caller, params.night),
  });
}
