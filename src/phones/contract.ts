import { Type } from 'typebox';
import { PublicKey, RecoveryCodesOnce } from '../access/approvals-contract.ts';
import type { Contract } from '../http/contract.ts';

const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
/** Anybody may ask about a pairing. */
const publicBodyBytesMax = 16 * 1024;
/** What a pairing is opened by: the secret of the link's fragment, or the short code (dashes and case do not matter). */
const PairingKey = Type.Union([
  Type.Object({ secret: Type.String({ maxLength: 64 }) }),
  Type.Object({ code: Type.String({ maxLength: 16 }) }),
]);

/** Shown on terminals: what a client says of itself must not steer one. */
const ClientWord = Type.String({ maxLength: 64, pattern: '^[ -~]*$', description: 'printable ASCII' });
const PhoneId = Type.Object({ id: Type.String({ maxLength: 64 }) });

export const TellingView = Type.Union([
  Type.Literal('waiting', { description: 'how many of its files are not safe yet' }),
  Type.Literal('refused', { description: 'which of its files were refused, and why' }),
  Type.Literal('next-night', { description: 'when it comes next (`nextAt`)' }),
  Type.Literal('version', { description: 'which version of the client it runs' }),
]);

export const PhoneView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  person: Type.String({ description: "the person's name" }),
  personId: Type.String(),
  baseFolder: Type.String(),
  client: Type.Union([Type.String(), Type.Null()], { description: 'the name of the program that speaks for it' }),
  clientVersion: Type.Union([Type.String(), Type.Null()]),
  createdAt: Milliseconds,
  lastSeenAt: Type.Union([Milliseconds, Type.Null()], {
    description: 'its last request, as it was written down: at most every 10 minutes',
  }),
  nextAt: Type.Union([Milliseconds, Type.Null()], {
    description: 'when it means to come next, by its own word; null: it has no schedule, or never told',
  }),
  plannedAt: Type.Union([Milliseconds, Type.Null()], {
    description: 'when it told so; null: never. A plan told again unchanged keeps its time',
  }),
  tells: Type.Array(TellingView, {
    description:
      'what this kind of client can tell the box beyond the files that arrive; of what is not in the list nothing is known',
  }),
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
    params: PhoneId,
    status: 204,
  },
  renamePhone: {
    method: 'PATCH',
    path: '/api/phones/:id',
    access: 'person',
    summary: 'Gives a phone another name: one’s own, or any for the owner and the console',
    params: PhoneId,
    body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 64 }) }),
    status: 200,
    reply: PhoneView,
  },
  tellPlan: {
    method: 'POST',
    path: '/api/phone/plan',
    access: 'phone',
    summary: 'A phone tells when it means to come next, and what it runs by now',
    body: Type.Object({
      nextAt: Type.Union([Milliseconds, Type.Null()], {
        description: 'between a day ago and 32 days ahead; null: it has no schedule',
      }),
      client: Type.Optional(ClientWord),
      clientVersion: Type.Optional(ClientWord),
    }),
    status: 204,
  },
  createPairing: {
    method: 'POST',
    path: '/api/pairings',
    access: 'person',
    summary: 'Opens a pairing for 15 minutes; a newer one closes the older',
    body: Type.Object({
      person: Type.Optional(Type.String({ maxLength: 64, description: 'name; default: the one who asks' })),
      phone: Type.Optional(
        Type.String({ minLength: 1, maxLength: 64, description: 'its name; default: that of the phone it replaces' }),
      ),
      baseFolder: Type.Optional(Type.String({ maxLength: 512, description: 'default Photos/<person>' })),
      replaces: Type.Optional(
        Type.String({
          maxLength: 64,
          description: 'id of the phone whose place, person and folder it takes; needs a fresh confirmation',
        }),
      ),
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
      box: Type.String({ description: "the box's name" }),
      addresses: Type.Array(Type.String({ description: 'host:port, the .local name first' })),
      fingerprint: Type.String({ description: 'SHA-256 of the root certificate, lower-case hexadecimal' }),
      replaces: Type.Union([Type.String(), Type.Null()], { description: 'the name of the phone whose place it takes' }),
      mayApprove: Type.Boolean({ description: 'a key that it brings may approve sign-ins' }),
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
        client: Type.Optional(ClientWord),
        clientVersion: Type.Optional(ClientWord),
        approverKey: Type.Optional(PublicKey),
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
      approver: Type.Boolean({ description: 'its key may approve sign-ins' }),
      recoveryCodes: RecoveryCodesOnce,
    }),
  },
} as const satisfies Contract;
