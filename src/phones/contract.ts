import { Type } from 'typebox';
import type { Contract } from '../http/contract.ts';

const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
/** Anybody may ask about a pairing. */
const publicBodyBytesMax = 16 * 1024;
/** What a pairing is opened by: the secret of the link's fragment, or the short code (dashes and case do not matter). */
const PairingKey = Type.Union([
  Type.Object({ secret: Type.String({ maxLength: 64 }) }),
  Type.Object({ code: Type.String({ maxLength: 16 }) }),
]);

export const PhoneView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  person: Type.String({ description: "the person's name" }),
  personId: Type.String(),
  baseFolder: Type.String(),
  client: Type.Union([Type.String(), Type.Null()]),
  clientVersion: Type.Union([Type.String(), Type.Null()]),
  createdAt: Milliseconds,
  lastSeenAt: Type.Union([Milliseconds, Type.Null()]),
});

export const phonesContract = {
  listPhones: {
    method: 'GET',
    path: '/api/phones',
    access: 'person',
    summary: 'Lists phones: one’s own, or all of them for the owner and the console',
    status: 200,
    reply: Type.Object({ phones: Type.Array(PhoneView) }),
  },
  revokePhone: {
    method: 'DELETE',
    path: '/api/phones/:id',
    access: 'person',
    summary: 'Ends every credential of a phone; its photos stay',
    params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
    status: 204,
  },
  createPairing: {
    method: 'POST',
    path: '/api/pairings',
    access: 'person',
    summary: 'Opens a pairing for 15 minutes; a newer one closes the older',
    body: Type.Object({
      person: Type.Optional(Type.String({ maxLength: 64, description: 'name; default: the one who asks' })),
      phone: Type.String({ minLength: 1, maxLength: 64 }),
      baseFolder: Type.Optional(Type.String({ maxLength: 512, description: 'default Photos/<person>' })),
    }),
    status: 201,
    reply: Type.Object({
      link: Type.String({
        description: 'https://HOST:PORT/pair#... (secret, addresses and fingerprint in the fragment)',
      }),
      code: Type.String({ description: '8 of 32 symbols, shown as XXXX-XXXX' }),
      phone: Type.String(),
      person: Type.String(),
      fingerprint: Type.String({ description: 'SHA-256 of the root certificate, lower-case hexadecimal' }),
      addresses: Type.Array(Type.String({ description: 'host:port, the .local name first' })),
      expiresAt: Milliseconds,
      qrSvg: Type.String(),
    }),
  },
  lookAtPairing: {
    method: 'POST',
    path: '/api/pairings/look',
    access: 'public',
    summary: 'Shows whose phone a pairing is for, without using it up',
    body: PairingKey,
    bodyBytesMax: publicBodyBytesMax,
    status: 200,
    reply: Type.Object({
      phone: Type.String(),
      person: Type.String(),
      baseFolder: Type.String(),
      expiresAt: Milliseconds,
    }),
  },
  redeemPairing: {
    method: 'POST',
    path: '/api/pairings/redeem',
    access: 'public',
    summary: 'Uses a pairing up: makes the phone and its credential (a bearer token)',
    body: Type.Intersect([
      PairingKey,
      Type.Object({
        client: Type.Optional(Type.String({ maxLength: 64 })),
        clientVersion: Type.Optional(Type.String({ maxLength: 64 })),
      }),
    ]),
    bodyBytesMax: publicBodyBytesMax,
    status: 201,
    reply: Type.Object({
      phoneId: Type.String(),
      phone: Type.String(),
      person: Type.String(),
      box: Type.String({ description: "the box's name" }),
      token: Type.String({ description: 'Authorization: Bearer TOKEN' }),
    }),
  },
} as const satisfies Contract;
