import { implement, type Routes } from '../http/contract.ts';
import type { Device } from './device.ts';
import { deviceContract } from './device-contract.ts';

export function deviceRoutes(device: Device): Routes {
  return implement(deviceContract, {
    getNetwork: async () => await device.network({ look: false }),
    lookForWifi: async () => await device.network({ look: true }),
    joinWifi: async ({ body, caller }) => await device.join(body, caller),
    forgetWifi: async ({ caller }) => await device.forgetWifi(caller),
    restartBox: async ({ caller }) => await device.restart(caller),
    shutDownBox: async ({ caller }) => await device.shutDown(caller),
    resetBox: async ({ body, caller }) => await device.reset(body.name, caller),
    getRemoteShell: async () => await device.remoteShell(),
    setRemoteShell: async ({ body, caller }) => await device.setRemoteShell(body, caller),
  });
}
