import type { Contract } from '../http/contract.ts';
import { Nullable } from '../library/contract.ts';
import { type Static, Type } from '../platform/schema.ts';

const bodyBytesMax = 16 * 1024;
/** RFC 5321, section 4.1.2, without what needs quotes: nothing in it can end a header. */
const Address = Type.String({
  maxLength: 254,
  pattern: "^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,189}$",
});
const Host = Type.String({ maxLength: 253, pattern: '^([A-Za-z0-9.-]+|[0-9A-Fa-f:.]+)$' });
const Text = (maxLength: number) => Type.String({ maxLength });
/** What both kinds have. */
const choices = {
  enabled: Type.Boolean({ description: 'false: nothing is sent, and what waits is dropped' }),
  alerts: Type.Union([
    Type.Literal('all'),
    Type.Literal('act', { description: 'only where photos are in danger, or cannot come in' }),
    Type.Literal('none'),
  ]),
  reports: Type.Boolean({ description: 'the report of each night' }),
} as const;
const Security = Type.Union([
  Type.Literal('tls', { description: 'from the first byte (RFC 8314); usually port 465' }),
  Type.Literal('starttls', { description: 'demanded, never only tried; usually port 587' }),
  Type.Literal('none', { description: 'in clear; without a user name only' }),
]);
const Format = Type.Union([
  Type.Literal('ntfy', { description: 'plain text, with Title, Priority and Tags as headers' }),
  Type.Literal('json'),
]);
const mail = {
  ...choices,
  host: Host,
  port: Type.Integer({ minimum: 1, maximum: 65_535 }),
  security: Security,
  user: Nullable(Text(254)),
  from: Address,
  to: Type.Array(Address, { minItems: 1, maxItems: 5 }),
} as const;
const webhook = { ...choices, format: Format } as const;

const Waiting = Type.Object(
  {
    messages: Type.Integer(),
    attempts: Type.Integer({ description: 'of the oldest' }),
    error: Nullable(Type.String({ description: 'why the last try failed' })),
  },
  { description: 'what is still to be sent; it is tried again by itself' },
);
const ChannelsView = Type.Object({
  mail: Nullable(Type.Object({ ...mail, passwordSet: Type.Boolean(), waiting: Waiting })),
  webhook: Nullable(
    Type.Object({
      ...webhook,
      origin: Type.String({ description: 'scheme, host and port: the rest of the address is a secret' }),
      tokenSet: Type.Boolean(),
      waiting: Waiting,
    }),
  ),
});
export type ChannelsView = Static<typeof ChannelsView>;

const MailChange = Type.Object({
  ...mail,
  password: Type.Optional(Nullable(Type.String({ minLength: 1, maxLength: 512, description: 'not there: as before' }))),
});
const WebhookChange = Type.Object({
  ...webhook,
  url: Type.Optional(
    Type.String({ minLength: 1, maxLength: 2048, description: 'http or https; not there: as before' }),
  ),
  token: Type.Optional(
    Nullable(Type.String({ minLength: 1, maxLength: 512, pattern: '^[!-~]+$', description: 'sent as a bearer token' })),
  ),
});
export type MailChange = Static<typeof MailChange>;
export type WebhookChange = Static<typeof WebhookChange>;
const Kind = Type.Object({ kind: Type.Union([Type.Literal('mail'), Type.Literal('webhook')]) });

export const channelsContract = {
  getChannels: {
    method: 'GET',
    path: '/api/channels',
    access: 'owner',
    summary: 'The ways by which the box tells off the box, all of them off by default; secrets are never in it',
    status: 200,
    reply: ChannelsView,
  },
  setMail: {
    method: 'PUT',
    path: '/api/channels/mail',
    access: 'owner',
    summary: 'Sets up e-mail, and switches it on or off',
    body: MailChange,
    bodyBytesMax,
    status: 200,
    reply: ChannelsView,
  },
  setWebhook: {
    method: 'PUT',
    path: '/api/channels/webhook',
    access: 'owner',
    summary: 'Sets up a webhook (a plain POST), and switches it on or off',
    body: WebhookChange,
    bodyBytesMax,
    status: 200,
    reply: ChannelsView,
  },
  removeChannel: {
    method: 'DELETE',
    path: '/api/channels/:kind',
    access: 'owner',
    summary: 'Forgets a channel, with its secret and what waits in it',
    params: Kind,
    status: 204,
  },
  testChannel: {
    method: 'POST',
    path: '/api/channels/:kind/test',
    access: 'owner',
    summary: 'Sends a message now, by what is set up, on or off; says what the other side answered',
    params: Kind,
    status: 200,
    reply: Type.Object({ sent: Type.Literal(true) }),
  },
} as const satisfies Contract;
