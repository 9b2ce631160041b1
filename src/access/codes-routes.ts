import { implement, type Routes } from '../http/contract.ts';
import { qrSvg } from '../platform/qr.ts';
import { codesContract } from './codes-contract.ts';
import type { OneTimeCodes } from './one-time-codes.ts';
import type { RecoveryCodes } from './recovery-codes.ts';
import type { RecoveryKey } from './recovery-key.ts';

export type CodesRoutesDeps = Readonly<{
  oneTimeCodes: OneTimeCodes;
  recoveryCodes: RecoveryCodes;
  recoveryKey: RecoveryKey;
  now: () => number;
}>;

/** The HTTP side of authenticators, recovery codes and the recovery key. */
export function codesRoutes(deps: CodesRoutesDeps): Routes {
  const { oneTimeCodes, recoveryCodes, recoveryKey, now } = deps;
  return implement(codesContract, {
    listAuthenticators: async ({ caller }) => ({
      authenticators: oneTimeCodes.list(caller.personId),
      boxTime: now(),
    }),
    beginAuthenticator: async ({ caller, body }) => {
      const begun = await oneTimeCodes.begin(caller, body.name);
      return { ...begun, qrSvg: await qrSvg(begun.otpauthUrl) };
    },
    confirmAuthenticator: async ({ caller, params, body }) => oneTimeCodes.confirm(caller, params.id, body.code),
    renameAuthenticator: async ({ caller, params, body }) => oneTimeCodes.rename(caller, params.id, body.name),
    removeAuthenticator: async ({ caller, params }) => oneTimeCodes.remove(caller, params.id),
    countRecoveryCodes: async ({ caller }) => ({ left: recoveryCodes.left(caller.personId) }),
    renewRecoveryCodes: async ({ caller }) => ({ codes: await recoveryCodes.renew(caller) }),
    recoveryKeyState: async () => ({ recoveryKey: recoveryKey.state() ?? null }),
    makeRecoveryKey: async ({ caller, body }) => ({ recoveryKey: await recoveryKey.make(body.password, caller) }),
  });
}
