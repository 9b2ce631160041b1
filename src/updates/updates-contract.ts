import type { Contract } from '../http/contract.ts';
import { type Static, type TSchema, Type } from '../platform/schema.ts';
import { type UpdateReason, updateReasons } from './update-reasons.ts';

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
const Version = Type.String({ maxLength: 64 });
const Slot = Type.Union([Type.Literal('A'), Type.Literal('B')]);
const smallBodyBytesMax = 4 * 1024;

/** Of each its sentence is the page's; `detail` is the same in plain English, for who has no sentence of it. */
const Reason = Type.Unsafe<UpdateReason>({ anyOf: updateReasons.map((one) => ({ type: 'string', const: one })) });

export const BundleView = Type.Object({
  sizeBytes: Type.Integer({ minimum: 0 }),
  receivedAt: Milliseconds,
});
export type BundleView = Static<typeof BundleView>;

const Activity = Type.Union([
  Type.Object({
    state: Type.Literal('receiving', { description: 'a bundle is uploaded, or fetched from the address' }),
    bytes: Type.Integer({ minimum: 0 }),
    ofBytes: Nullable(Type.Integer({ minimum: 0 })),
    by: Type.Union([Type.Literal('upload'), Type.Literal('address')]),
  }),
  Type.Object({
    state: Type.Literal('installing', { description: 'written beside the running version, which goes on' }),
    percent: Type.Integer({ minimum: 0, maximum: 100 }),
    step: Type.String({ maxLength: 200, description: 'what is done just now, in plain English' }),
  }),
  Type.Object({
    state: Type.Literal('trying', { description: 'the new version runs, and is not yet known to be good' }),
    version: Nullable(Version),
  }),
]);

export const OutcomeView = Type.Object({
  result: Type.Union([
    Type.Literal('installed', { description: 'beside the running version; not tried yet' }),
    Type.Literal('updated', { description: 'the new version runs and answered' }),
    Type.Literal('refused', { description: 'nothing was changed' }),
    Type.Literal('failed', { description: 'it could not be written whole; the running version is untouched' }),
    Type.Literal('went-back', { description: 'the new version did not answer; the old one runs again' }),
  ]),
  reason: Nullable(Reason),
  version: Nullable(Version),
  before: Nullable(Type.String({ description: 'the version that ran before, or runs again' })),
  at: Milliseconds,
  detail: Type.String({ maxLength: 1_000 }),
});
export type OutcomeView = Static<typeof OutcomeView>;

const Offer = Type.Object({
  version: Version,
  notBefore: Milliseconds,
  sizeBytes: Nullable(Type.Integer({ minimum: 0 })),
  newer: Type.Boolean({ description: 'than the running version; what is not newer is never fetched' }),
});

const Channel = Type.Object({
  url: Nullable(Type.String({ description: 'of a signed list of one version; null: none' })),
  enabled: Type.Boolean({ description: 'asked once a week, and every six hours while nobody answers' }),
  lastAskedAt: Nullable(Milliseconds),
  problem: Nullable(Type.Object({ reason: Reason, detail: Type.String({ maxLength: 1_000 }) })),
  offer: Nullable(Offer),
});
export type ChannelView = Static<typeof Channel>;

const UpdatesView = Type.Object({
  supported: Type.Boolean({ description: 'false: this is no box that updates itself (a laptop, a container)' }),
  board: Nullable(Type.String({ maxLength: 32, description: '`pi`, `pc`, `container`; null: unknown' })),
  running: Type.Object({ version: Version, slot: Nullable(Slot) }),
  other: Nullable(
    Type.Object({
      slot: Slot,
      version: Nullable(Version),
      state: Type.Union([
        Type.Literal('empty'),
        Type.Literal('unfinished', { description: 'half written: it is never started' }),
        Type.Literal('ready', { description: 'installed, not tried yet, or tried and interrupted' }),
        Type.Literal('failed', { description: 'tried, and did not answer' }),
        Type.Literal('good', { description: 'ran before, and would again' }),
      ]),
      older: Type.Boolean({ description: 'than the running version' }),
    }),
  ),
  bundle: Nullable(BundleView),
  activity: Nullable(Activity),
  outcome: Nullable(OutcomeView),
  channel: Channel,
  uploadBytesMax: Type.Integer(),
});
export type UpdatesView = Static<typeof UpdatesView>;

const AttachedBundle = Type.Object({
  source: Type.String({ maxLength: 128, description: 'a disk that is only looked at, as an import names it' }),
  name: Type.String({ maxLength: 255, description: 'of the file at its top' }),
  sizeBytes: Type.Integer({ minimum: 0 }),
  modifiedAt: Milliseconds,
});
export type AttachedBundle = Static<typeof AttachedBundle>;

/**
 * The order of a page: upload (or an attached disk, or the address) -> install -> restart. `confirm-first` (403) where the
 * owner has not shown lately that it is they.
 */
export const updatesContract = {
  getUpdates: {
    method: 'GET',
    path: '/api/updates',
    access: 'owner',
    summary: 'Which version runs, which stands beside it, how far an update is, and what became of the last one',
    status: 200,
    reply: UpdatesView,
  },
  listUpdateBundles: {
    method: 'GET',
    path: '/api/updates/attached',
    access: 'owner',
    summary: 'Update bundles (`*.raucb`) at the top of attached disks that are only looked at',
    status: 200,
    reply: Type.Object({ bundles: Type.Array(AttachedBundle) }),
  },
  uploadUpdate: {
    method: 'PUT',
    path: '/api/updates/bundle',
    access: 'owner',
    summary: 'Receives a bundle (application/octet-stream, with Content-Length); one that broke off leaves nothing',
    status: 201,
    reply: BundleView,
    raw: true,
  },
  removeUpdate: {
    method: 'DELETE',
    path: '/api/updates/bundle',
    access: 'owner',
    summary: 'Throws the received bundle away, or ends the fetching of one',
    status: 204,
  },
  installUpdate: {
    method: 'POST',
    path: '/api/updates/install',
    access: 'owner',
    summary: 'Writes a bundle beside the running version, in the background; nothing changes before a restart into it',
    body: Type.Object({
      from: Type.Union([
        Type.Object({ kind: Type.Literal('upload') }),
        Type.Object({
          kind: Type.Literal('disk'),
          source: Type.String({ minLength: 1, maxLength: 128 }),
          name: Type.String({ minLength: 1, maxLength: 255 }),
        }),
        Type.Object({ kind: Type.Literal('address', { description: 'what the address offers; fetched first' }) }),
      ]),
      older: Type.Optional(Type.Boolean({ description: 'true: also a version older than the running one' })),
    }),
    bodyBytesMax: smallBodyBytesMax,
    status: 202,
  },
  restartIntoUpdate: {
    method: 'POST',
    path: '/api/updates/restart',
    access: 'owner',
    summary:
      'Restarts into the version beside the running one, on trial: where it does not answer, the old one comes back',
    status: 202,
  },
  setUpdateChannel: {
    method: 'PUT',
    path: '/api/updates/channel',
    access: 'owner',
    summary: 'Says where signed word of new versions is, and whether it is asked each week; off by default',
    body: Type.Object({
      url: Nullable(
        Type.String({ pattern: '^https://[^\\s@#]{1,500}$', description: 'without a name or password in it' }),
      ),
      enabled: Type.Boolean(),
    }),
    bodyBytesMax: smallBodyBytesMax,
    status: 200,
    reply: Channel,
  },
  askUpdateChannel: {
    method: 'POST',
    path: '/api/updates/channel/ask',
    access: 'owner',
    summary: 'Asks the address now, once; it offers, and installs nothing',
    status: 200,
    reply: Channel,
  },
} as const satisfies Contract;
