import { implement, type Routes } from '../http/contract.ts';
import { offboxContract } from './contract.ts';
import type { Offbox } from './offbox.ts';

export function offboxRoutes(offbox: Offbox): Routes {
  return implement(offboxContract, {
    getOffbox: async () => await offbox.view(),
    setOffbox: async ({ body, caller }) => await offbox.set(body, caller),
    beginOffbox: async ({ caller }) => await offbox.begin(caller),
    showOffboxPassword: async ({ caller }) => ({ password: await offbox.password(caller) }),
    removeOffbox: async ({ caller }) => await offbox.remove(caller),
    runOffbox: async () => offbox.start('copy'),
    stopOffbox: async () => await offbox.stop(),
    checkOffbox: async () => offbox.start('check'),
    drillOffbox: async ({ body }) => offbox.start('drill', body.seed),
    listOffboxSnapshots: async () => ({ snapshots: await offbox.snapshots() }),
    restoreOffbox: async ({ body, caller }) => await offbox.restore(body, caller),
  });
}
