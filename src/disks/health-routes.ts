import { implement, type Routes } from '../http/contract.ts';
import type { DiskHealth } from './disk-health.ts';
import { diskHealthContract } from './health-contract.ts';

const daysUsual = 90;

export function diskHealthRoutes(health: Pick<DiskHealth, 'view' | 'testNow'>): Routes {
  return implement(diskHealthContract, {
    readDiskHealth: async ({ params, query }) => health.view(params.id, query.days ?? daysUsual),
    async testDisk({ params, body }) {
      await health.testNow(params.id, body.kind);
      return health.view(params.id, daysUsual);
    },
  });
}
