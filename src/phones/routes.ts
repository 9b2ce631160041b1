import type { FastifyRequest } from 'fastify';
import { implement, type Routes } from '../http/contract.ts';
import type { Transport } from '../http/gate.ts';
import { CodedError } from '../platform/errors.ts';
import { qrSvg } from '../platform/qr.ts';
import { phonesContract } from './contract.ts';
import type { Phones } from './phones.ts';

/** The HTTP side of phones. `transportOf` says how a request came in, from the socket. */
export function phonesRoutes(deps: { phones: Phones; transportOf: (request: FastifyRequest) => Transport }): Routes {
  const { phones, transportOf } = deps;
  // A secret that comes in, or a token that goes out, in clear text would be everyone's in the house.
  const requirePrivacy = (request: FastifyRequest) => {
    if (transportOf(request) === 'http') {
      throw new CodedError(
        'https-required',
        'Pairing travels only over https. Nothing was paired; open the link as it is.',
      );
    }
  };
  return implement(phonesContract, {
    listPhones: async ({ caller }) => ({ phones: phones.list(caller) }),
    changePhone: async ({ caller, params, body }) => phones.change(caller, params.id, body),
    setPhoneAway: async ({ caller, params, body }) => phones.setAway(caller, params.id, body.until),
    ownPhone: async ({ caller }) => phones.own(caller),
    changeOwnPhone: async ({ caller, body }) => phones.changeOwn(caller, body),
    tellPlan: async ({ caller, body }) => phones.plan(caller, body),
    revokePhone: async ({ caller, params }) => phones.revoke(caller, params.id),
    createPairing: async ({ caller, body, request }) => {
      const pairing = await phones.createPairing(caller, body, request.socket.remoteAddress);
      return { ...pairing, qrSvg: await qrSvg(pairing.link), welcomeQrSvg: await qrSvg(pairing.welcome) };
    },
    currentPairing: async ({ caller }) => {
      const pairing = phones.currentPairing(caller);
      if (pairing === undefined) return { pairing: null };
      const { link, welcome } = pairing;
      const codes = { qrSvg: link === null ? null : await qrSvg(link), welcomeQrSvg: await qrSvg(welcome) };
      return { pairing: { ...pairing, ...codes } };
    },
    closePairing: async ({ caller }) => phones.closePairing(caller),
    lookAtPairing: async ({ body, request }) => {
      requirePrivacy(request);
      return phones.lookAtPairing(body);
    },
    refusePairing: async ({ body, request }) => {
      requirePrivacy(request);
      await phones.refusePairing(body);
    },
    redeemPairing: async ({ body, request }) => {
      requirePrivacy(request);
      return phones.redeemPairing(body, body);
    },
  });
}
