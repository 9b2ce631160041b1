import type { Contract } from '../http/contract.ts';
import { Milliseconds, Nullable } from '../library/contract.ts';
import { type Static, Type } from '../platform/schema.ts';

const Mine = Type.Object(
  {
    login: Type.String({ description: 'the name to sign in with' }),
    shares: Type.Array(Type.String(), { description: 'the photos, and other files where there are any' }),
    madeAt: Milliseconds,
  },
  { description: 'of who asks; the password itself is shown once, and not kept' },
);

export const ShareView = Type.Object({
  on: Type.Boolean(),
  state: Type.Union([
    Type.Literal('off'),
    Type.Literal('nobody', { description: 'on; but nobody has a password for it yet' }),
    Type.Literal('disk-away', { description: 'it goes on by itself when the disk is back' }),
    Type.Literal('starting'),
    Type.Literal('serving'),
    Type.Literal('failed', { description: 'it is tried again by itself' }),
  ]),
  problem: Nullable(
    Type.Union([
      Type.Literal('samba-missing'),
      Type.Literal('port-taken'),
      Type.Literal('folder-unsuitable', {
        description: 'the path of the state folder is too long, or has odd letters',
      }),
      Type.Literal('failed'),
    ]),
  ),
  port: Type.Integer({ description: '445, unless the box may not have that one' }),
  hosts: Type.Array(Type.String(), { description: 'the name first; with the port where it is not 445' }),
  mine: Nullable(Mine),
  passwords: Nullable(Type.Integer({ description: 'how many people have one; null for members' })),
});
export type ShareView = Static<typeof ShareView>;
export type ShareProblem = NonNullable<ShareView['problem']>;

export const shareContract = {
  getShare: {
    method: 'GET',
    path: '/api/share',
    access: 'person',
    summary: 'Whether people can open their own photos from another computer (SMB, read-only), and how',
    status: 200,
    reply: ShareView,
  },
  switchShare: {
    method: 'PUT',
    path: '/api/share',
    access: 'owner',
    summary: 'Turns it on or off for the house; whoever has a file open is disconnected',
    body: Type.Object({ on: Type.Boolean() }),
    status: 200,
    reply: ShareView,
  },
  makeSharePassword: {
    method: 'POST',
    path: '/api/share/password',
    access: 'signed-in',
    summary: 'Makes the password by which one’s own photos are opened; the one before opens nothing any more',
    status: 201,
    reply: Type.Object({
      login: Type.String(),
      password: Type.String({ description: 'shown this once' }),
      share: ShareView,
    }),
  },
  revokeSharePassword: {
    method: 'DELETE',
    path: '/api/share/password',
    access: 'signed-in',
    summary: 'Takes one’s own password away; whoever came in by it is out when this is answered',
    status: 200,
    reply: ShareView,
  },
} as const satisfies Contract;
