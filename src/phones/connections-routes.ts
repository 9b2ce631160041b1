import type { FastifyRequest } from 'fastify';
import { implement, type Routes } from '../http/contract.ts';
import type { Transport } from '../http/gate.ts';
import { qrSvg } from '../platform/qr.ts';
import type { Connections } from './connections.ts';
import { connectionsContract } from './connections-contract.ts';

export type ConnectionsRoutesDeps = Readonly<{
  connections: Connections;
  transportOf: (request: FastifyRequest) => Transport;
  /** `host:port` of the https door, the .local name first. */
  addresses: () => readonly string[];
}>;

export function connectionsRoutes({ connections, transportOf, addresses }: ConnectionsRoutesDeps): Routes {
  const serverFor = (request: FastifyRequest) => {
    const { host = '' } = request.headers;
    const here = /^(localhost|127\.|\[::1\])/.test(host);
    // Apps pin the certificate of the very host that they are given: the one that this device just used works for it.
    return `https://${transportOf(request) === 'https' && !here ? host : (addresses()[0] ?? host)}`;
  };
  return implement(connectionsContract, {
    listConnections: async ({ caller }) => ({ connections: connections.list(caller) }),
    createConnection: async ({ caller, body, request }) => {
      const { id, user, password } = await connections.make(caller, body);
      const server = serverFor(request);
      const link = body.door === 'nextcloud' ? appLink('login', { user, password, server }) : null;
      const url = `${server}/remote.php/dav/files/${user}/`;
      return { id, server, user, password, url, link, qrSvg: await qrSvg(link ?? password) };
    },
    createOneTimeConnection: async ({ caller, body, request }) => {
      const { user, token, expiresAt } = await connections.makeOnce(caller, body);
      const server = serverFor(request);
      const link = appLink('onetime-login', { user, password: token, server });
      return { link, qrSvg: await qrSvg(link), server, expiresAt };
    },
    endConnection: async ({ caller, params }) => connections.end(caller, params.id),
    lookAtLogin: async ({ body }) => connections.lookAtLogin(body.login),
    grantLogin: async ({ caller, body }) => connections.grantLogin(caller, body),
    refuseLogin: async ({ body }) => connections.refuseLogin(body.login),
  });
}

/** One app reads it by position and undecoded, the other decodes it: so in this order, and with nothing to decode. */
function appLink(
  verb: 'login' | 'onetime-login',
  { user, password, server }: { user: string; password: string; server: string },
): string {
  return `nc://${verb}/user:${user}&password:${password}&server:${server}`;
}
