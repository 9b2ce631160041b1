import type { Contract } from '../http/contract.ts';
import { Type } from '../platform/schema.ts';

const app = { method: 'GET', access: 'app', status: 200, raw: true } as const;
const everybody = { method: 'GET', access: 'public', status: 200, raw: true } as const;
const User = Type.Object({ user: Type.String({ maxLength: 64 }) });

/** What the Nextcloud apps ask beside files. Their files: `files.ts`, `parts.ts`. No part of the box's own API. */
export const nextcloudContract = {
  serverStatus: {
    method: 'GET',
    path: '/status.php',
    access: 'public',
    summary: 'Says that this server can be used',
    status: 200,
    reply: Type.Object({
      installed: Type.Boolean(),
      maintenance: Type.Boolean(),
      needsDbUpgrade: Type.Boolean(),
      version: Type.String(),
      versionstring: Type.String(),
      edition: Type.String(),
      productname: Type.String(),
      extendedSupport: Type.Boolean(),
    }),
  },
  connectivity: { ...everybody, path: '/index.php/204', status: 204, summary: 'Says that nothing is in between' },
  beginLogin: {
    ...everybody,
    method: 'POST',
    path: '/index.php/login/v2',
    summary: 'An app asks to be let in: where its person decides, and where it fetches its password',
  },
  pollLogin: {
    ...everybody,
    method: 'POST',
    path: '/index.php/login/v2/poll',
    summary: 'The password, once; 404 while nobody has decided',
  },
  exchangeOnce: {
    ...everybody,
    path: '/ocs/v2.php/core/getapppassword-onetime',
    summary: 'A one-time code (Basic) for a password',
  },
  appPassword: {
    ...app,
    path: '/ocs/v2.php/core/getapppassword',
    summary: 'The password that it came with: it is its own',
  },
  endAppPassword: {
    ...app,
    method: 'DELETE',
    path: '/ocs/v2.php/core/apppassword',
    summary: 'The app logs out: its password ends',
  },
  capabilities1: { ...everybody, path: '/ocs/v1.php/cloud/capabilities', summary: 'What this server can' },
  capabilities2: { ...everybody, path: '/ocs/v2.php/cloud/capabilities', summary: 'What this server can' },
  user1: { ...app, path: '/ocs/v1.php/cloud/user', summary: 'Who the app speaks for' },
  user2: { ...app, path: '/ocs/v2.php/cloud/user', summary: 'Who the app speaks for' },
  namedUser1: { ...app, path: '/ocs/v1.php/cloud/users/:user', params: User, summary: 'The same, by name' },
  namedUser2: { ...app, path: '/ocs/v2.php/cloud/users/:user', params: User, summary: 'The same, by name' },
} as const satisfies Contract;
