import { PublicKey, RecoveryCodesOnce } from '../access/approvals-contract.ts';
import type { Contract } from '../http/contract.ts';
import { type Static, type TSchema, Type } from '../platform/schema.ts';

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
  joinedAt: Milliseconds,
  joinedRecently: Type.Boolean({ description: 'less than a day ago: the device that it is now was paired then' }),
  approver: Type.Boolean({ description: 'it may approve sign-ins of its person' }),
  lastSeenAt: Type.Union([Milliseconds, Type.Null()], {
    description: 'its last request, as it was written down: at most every 10 minutes',
  }),
  nextAt: Type.Union([Milliseconds, Type.Null()], {
    description: 'when it means to come next, by its own word; null: it has no schedule, or never told',
  }),
  plannedAt: Type.Union([Milliseconds, Type.Null()], {
    description: 'when it told so; null: never. A plan told again unchanged keeps its time',
  }),
  awayUntil: Type.Union([Milliseconds, Type.Null()], { description: 'until then nobody misses it; null: at home' }),
  tells: Type.Array(TellingView, {
    description:
      'what this kind of client can tell the box beyond the files that arrive; of what is not in the list nothing is known',
  }),
});

const PhoneName = Type.String({ minLength: 1, maxLength: 64 });
const BaseFolder = Type.String({
  maxLength: 512,
  description: 'Photos/<person’s folder> or one inside it; for new files only',
});
const Folders = Type.Array(Type.String(), {
  description: 'folders that phones of this person have or had, the latest first; at most 20',
});
const PhoneChange = Type.Object({ name: Type.Optional(PhoneName), baseFolder: Type.Optional(BaseFolder) });
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** Told live to who opened a pairing, and to owners; no secret is in it. That its time ran out is not told. */
export const PairingEvent = Type.Object(
  {
    type: Type.Literal('pairing'),
    pairing: Type.String({ description: 'its id' }),
    state: Type.Union([
      Type.Literal('trusted', { description: 'another device than the opener’s trusts the box by now; told once' }),
      Type.Literal('looked-at', { description: 'told once' }),
      Type.Literal('joined'),
      Type.Literal('refused', { description: '“this is not my phone”' }),
      Type.Literal('closed', { description: 'by who opened it or an owner, or by a newer one' }),
    ]),
    phone: Type.Optional(Type.String({ description: 'with “joined”: its name' })),
    phoneId: Type.Optional(Type.String()),
  },
  { description: 'what becomes of a pairing' },
);
export type PairingEvent = Static<typeof PairingEvent>;

/** What stands on the panel of who opens a pairing, whatever its state. */
const panelMembers = {
  id: Type.String(),
  phone: Type.String({ description: 'empty: the phone names itself' }),
  person: Type.String(),
  fingerprint: Type.String({ description: 'SHA-256 of the root certificate, lower-case hexadecimal' }),
  addresses: Type.Array(Type.String({ description: 'host:port, the .local name first' })),
  expiresAt: Milliseconds,
  welcome: Type.String({ description: 'http://ADDRESS:PORT/: how to trust the box; no secret is in it' }),
  welcomeQrSvg: Type.String(),
} as const;
const Link = Type.String({
  description: 'https://HOST:PORT/pair#... (secret, addresses and fingerprint in the fragment)',
});
const Code = Type.String({ description: '8 of 32 symbols, shown as XXXX-XXXX' });

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
  changePhone: {
    method: 'PATCH',
    path: '/api/phones/:id',
    access: 'person',
    summary: 'Gives a phone another name or folder: one’s own, or any for the owner and the console',
    params: PhoneId,
    body: PhoneChange,
    status: 200,
    reply: PhoneView,
  },
  setPhoneAway: {
    method: 'PUT',
    path: '/api/phones/:id/away',
    access: 'person',
    summary:
      'Says until when a phone is away, so that nobody misses it: one’s own, or any for the owner and the console',
    params: PhoneId,
    body: Type.Object({
      until: Type.Union([Milliseconds, Type.Null()], { description: 'at most a year ahead; null: it is at home' }),
    }),
    status: 200,
    reply: PhoneView,
  },
  ownPhone: {
    method: 'GET',
    path: '/api/phone',
    access: 'phone',
    summary: 'What a phone is to the box',
    status: 200,
    reply: Type.Object({ ...PhoneView.properties, folders: Folders }),
  },
  changeOwnPhone: {
    method: 'PATCH',
    path: '/api/phone',
    access: 'phone',
    summary: 'A phone gives itself another name, or another folder of its person’s',
    body: PhoneChange,
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
        Type.String({
          minLength: 1,
          maxLength: 64,
          description: 'its name; default: that of the phone it replaces, else the phone names itself',
        }),
      ),
      baseFolder: Type.Optional(BaseFolder),
      replaces: Type.Optional(
        Type.String({
          maxLength: 64,
          description: 'id of the phone whose place, person and folder it takes; needs a fresh confirmation',
        }),
      ),
    }),
    status: 201,
    reply: Type.Object({ ...panelMembers, link: Link, code: Code, qrSvg: Type.String() }),
  },
  currentPairing: {
    method: 'GET',
    path: '/api/pairings/current',
    access: 'person',
    summary:
      'The newest pairing of the last hour that one opened, as its panel shows it; for the owner any that is open',
    status: 200,
    reply: Type.Object({
      pairing: Nullable(
        Type.Object({
          ...panelMembers,
          state: Type.Union([
            Type.Literal('open'),
            Type.Literal('joined'),
            Type.Literal('refused'),
            Type.Literal('closed', { description: 'closed, replaced by a newer one, or run out' }),
          ]),
          link: Nullable(
            Type.String({
              description:
                'null, as `code` and `qrSvg`: it is over, opened by another session, or before the box started',
            }),
          ),
          code: Nullable(Code),
          qrSvg: Nullable(Type.String()),
          baseFolder: Type.String(),
          replaces: Nullable(Type.String({ description: 'the name of the phone whose place it takes' })),
          replacesId: Nullable(Type.String()),
          by: Nullable(Type.String({ description: 'who opened it; null: the console' })),
          openedAt: Milliseconds,
          triesLeft: Type.Integer({ description: 'wrong codes until the code is dead; the link goes on' }),
          trustedAt: Nullable(Milliseconds),
          lookedAt: Nullable(Milliseconds),
          joined: Nullable(Type.Object({ phoneId: Type.String(), phone: Type.String(), at: Milliseconds })),
        }),
      ),
    }),
  },
  closePairing: {
    method: 'DELETE',
    path: '/api/pairings/current',
    access: 'person',
    summary: 'Closes the pairing that one has open; the owner and the console close anybody’s',
    status: 204,
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
      phone: Type.String({ description: 'empty: the phone names itself' }),
      person: Type.String(),
      baseFolder: Type.String(),
      folders: Folders,
      by: Nullable(Type.String({ description: 'who opened it; null: somebody at the box’s console' })),
      openedAt: Milliseconds,
      expiresAt: Milliseconds,
      box: Type.String({ description: "the box's name" }),
      addresses: Type.Array(Type.String({ description: 'host:port, the .local name first' })),
      fingerprint: Type.String({ description: 'SHA-256 of the root certificate, lower-case hexadecimal' }),
      replaces: Type.Union([Type.String(), Type.Null()], { description: 'the name of the phone whose place it takes' }),
      mayApprove: Type.Boolean({ description: 'a key that it brings may approve sign-ins' }),
    }),
  },
  refusePairing: {
    method: 'POST',
    path: '/api/pairings/refuse',
    access: 'public',
    summary: '“This is not my phone”: ends a pairing, and tells who opened it',
    body: PairingKey,
    bodyBytesMax: publicBodyBytesMax,
    status: 204,
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
        phone: Type.Optional(PhoneName),
        baseFolder: Type.Optional(BaseFolder),
      }),
    ]),
    bodyBytesMax: publicBodyBytesMax,
    status: 201,
    reply: Type.Object({
      phoneId: Type.String(),
      phone: Type.String(),
      person: Type.String(),
      baseFolder: Type.String(),
      box: Type.String({ description: "the box's name" }),
      token: Type.String({ description: 'Authorization: Bearer TOKEN' }),
      approver: Type.Boolean({ description: 'its key may approve sign-ins' }),
      recoveryCodes: RecoveryCodesOnce,
    }),
  },
} as const satisfies Contract;
