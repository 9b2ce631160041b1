import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';

const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
const Nullable = <T extends Parameters<typeof Type.Array>[0]>(schema: T) => Type.Union([schema, Type.Null()]);
const Door = Type.Union([
  Type.Literal('nextcloud', { description: 'the Nextcloud apps' }),
  Type.Literal('webdav', { description: 'any other app that speaks WebDAV' }),
]);
const Phone = Type.Optional(
  Type.String({ maxLength: 64, description: 'its id; a phone that asks connects itself and need not say' }),
);
const Login = Type.String({ maxLength: 128, description: 'from the fragment of the page that the app opened' });
const Client = Nullable(Type.String({ description: 'what the app calls itself' }));
const Server = Type.String({ description: 'https://HOST:PORT, without a slash at its end' });

export const connectionsContract = {
  listConnections: {
    method: 'GET',
    path: '/api/connections',
    access: 'phone-or-person',
    summary: 'Backup apps that are connected: a phone’s own, one’s phones’, or all of them for the owner',
    status: 200,
    reply: Type.Object({
      connections: Type.Array(
        Type.Object({
          id: Type.Integer(),
          phone: Type.String({ description: "the phone's id" }),
          phoneName: Type.String(),
          person: Type.String(),
          door: Door,
          client: Client,
          createdAt: Milliseconds,
          lastUsedAt: Nullable(Milliseconds),
        }),
      ),
    }),
  },
  createConnection: {
    method: 'POST',
    path: '/api/connections',
    access: 'phone-or-person',
    summary: 'Makes a password for a backup app, which dies if it is not used: after a day, for `webdav` after seven',
    body: Type.Object({ phone: Phone, door: Door }),
    status: 201,
    reply: Type.Object({
      id: Type.Integer(),
      server: Server,
      user: Type.String(),
      password: Type.String({ description: 'shown here once; case and dashes do not matter' }),
      url: Type.String({ description: 'the folder, for apps that ask for a WebDAV address' }),
      link: Nullable(Type.String({ description: 'nc://login/..., which opens the Nextcloud app; null for `webdav`' })),
      qrSvg: Type.String({ description: 'of the link, or of the password alone: to be typed on a phone it is long' }),
    }),
  },
  createOneTimeConnection: {
    method: 'POST',
    path: '/api/connections/one-time',
    access: 'phone-or-person',
    summary: 'A link for the Nextcloud apps that is good once, for ten minutes: recent apps take it',
    body: Type.Object({ phone: Phone }),
    status: 201,
    reply: Type.Object({
      link: Type.String({ description: 'nc://onetime-login/...' }),
      qrSvg: Type.String(),
      server: Server,
      expiresAt: Milliseconds,
    }),
  },
  endConnection: {
    method: 'DELETE',
    path: '/api/connections/:id',
    access: 'phone-or-person',
    summary: 'Ends the password of one app; the phone and its other apps go on',
    params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
    status: 204,
  },
  lookAtLogin: {
    method: 'POST',
    path: '/api/connections/login/look',
    access: 'phone-or-person',
    summary: 'Which app asks to be let in, and from where',
    body: Type.Object({ login: Login }),
    status: 200,
    reply: Type.Object({
      client: Client,
      address: Type.String(),
      createdAt: Milliseconds,
      expiresAt: Milliseconds,
    }),
  },
  grantLogin: {
    method: 'POST',
    path: '/api/connections/login',
    access: 'phone-or-person',
    summary: 'Lets the app in for a phone; it fetches its password by itself',
    body: Type.Object({ login: Login, phone: Phone }),
    status: 204,
  },
  refuseLogin: {
    method: 'POST',
    path: '/api/connections/login/refuse',
    access: 'phone-or-person',
    summary: 'Does not let it in',
    body: Type.Object({ login: Login }),
    status: 204,
  },
} as const satisfies Contract;
