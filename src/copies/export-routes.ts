import { implement, type Routes } from '../http/contract.ts';
import type { Export } from './export.ts';
import { exportContract } from './export-contract.ts';

export function exportRoutes(it: Export): Routes {
  return implement(exportContract, {
    beginExport: async ({ body }) => await it.begin(body),
    getExport: async ({ caller }) => ({ export: it.view(caller) ?? null }),
    stopExport: async () => await it.stop(),
  });
}
