import type { Contract } from '../http/contract.ts';
import { Milliseconds, Nullable } from '../library/contract.ts';
import { type Static, Type } from '../platform/schema.ts';
import { type OffboxReason, offboxReasons } from './reasons.ts';

const Count = Type.Integer({ minimum: 0 });
const Bytes = Type.Integer({ minimum: 0, description: 'bytes' });
const Url = Type.String({ pattern: '^https?://[^\\s@]{1,500}$', description: 'without a name or password in it' });
const Secret = Type.String({ minLength: 1, maxLength: 1_024 });
/** PEM. */
const Certificate = Type.Optional(
  Type.String({ maxLength: 16_384, pattern: '^-----BEGIN CERTIFICATE-----', description: 'whom to trust beside all' }),
);

const Target = Type.Union([
  Type.Object({
    kind: Type.Literal('sftp', { description: 'another machine, by ssh; the box shows the key to let in' }),
    host: Type.String({ pattern: '^[A-Za-z0-9:][A-Za-z0-9.:_-]{0,252}$' }),
    port: Type.Integer({ minimum: 1, maximum: 65_535 }),
    user: Type.String({ pattern: '^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$' }),
    path: Type.String({ pattern: '^[^\\u0000-\\u001f]{1,500}$', description: 'a folder there' }),
  }),
  Type.Object({
    kind: Type.Literal('rest', { description: 'a REST server of restic' }),
    url: Url,
    user: Type.Optional(Type.String({ pattern: '^[^\\s:/@]{1,200}$' })),
    certificate: Certificate,
  }),
  Type.Object({
    kind: Type.Literal('s3', { description: 'an object store that speaks S3' }),
    url: Url,
    bucket: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$' }),
    prefix: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$' })),
    region: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' })),
    user: Type.String({ pattern: '^[^\\s]{1,200}$', description: 'the access key’s id' }),
    certificate: Certificate,
  }),
  Type.Object({
    kind: Type.Literal('folder', { description: 'on this machine, from the console only: a share that is mounted' }),
    path: Type.String({ pattern: '^/[^\\u0000-\\u001f]{0,500}$' }),
  }),
]);
export type OffboxTarget = Static<typeof Target>;

const Change = Type.Object({
  target: Target,
  secret: Type.Optional(
    Type.Union([Secret, Type.Null()], {
      description: 'of `rest` the password, of `s3` the secret key; not told: as it was, while the target is the same',
    }),
  ),
  password: Type.Optional(
    Type.String({ minLength: 8, maxLength: 256, description: 'of a copy that is there; not told: the box makes one' }),
  ),
  enabled: Type.Boolean({ description: 'by itself, each night' }),
  uploadKiBPerSecond: Nullable(Type.Integer({ minimum: 16, maximum: 10_000_000 })),
  appendOnly: Type.Boolean({ description: 'the other side lets nothing be removed: old states are thinned out there' }),
});
export type OffboxChange = Static<typeof Change>;

/** Of each its sentence is the page's. */
const Reason = Type.Unsafe<OffboxReason>(Type.Union(offboxReasons.map((reason) => Type.Literal(reason))));

const DrillView = Type.Object({
  at: Milliseconds,
  seed: Type.String({ description: 'the same seed takes the same files, as long as the library is the same' }),
  snapshotAt: Type.Integer(),
  ok: Type.Boolean(),
  files: Type.Array(
    Type.Object({
      name: Type.String(),
      person: Type.String(),
      size: Bytes,
      result: Type.Union([Type.Literal('right'), Type.Literal('other-bytes'), Type.Literal('missing')]),
    }),
  ),
});
export type DrillView = Static<typeof DrillView>;

const ActivityView = Type.Object({
  kind: Type.Union([
    Type.Literal('begin'),
    Type.Literal('copy'),
    Type.Literal('thin-out'),
    Type.Literal('check'),
    Type.Literal('drill'),
    Type.Literal('restore'),
  ]),
  startedAt: Milliseconds,
  resting: Type.Boolean({ description: 'somebody sends or looks at pictures' }),
  files: Count,
  ofFiles: Count,
  bytes: Bytes,
  ofBytes: Bytes,
  secondsLeft: Nullable(Count),
});
export type ActivityView = Static<typeof ActivityView>;

const RestoreView = Type.Object({
  folder: Type.String(),
  state: Type.Union([Type.Literal('running'), Type.Literal('done'), Type.Literal('failed')]),
  problem: Nullable(Type.String()),
  snapshotAt: Nullable(Type.Integer()),
  files: Count,
  adoptable: Type.Boolean({ description: 'false: photos only, which can be imported' }),
});
export type RestoreView = Static<typeof RestoreView>;

const CopyView = Type.Object({
  target: Target,
  enabled: Type.Boolean(),
  uploadKiBPerSecond: Nullable(Type.Integer()),
  appendOnly: Type.Boolean(),
  secretSet: Type.Boolean(),
  sshKey: Nullable(Type.String({ description: 'a line for the other machine’s authorized_keys' })),
  hostKey: Nullable(Type.String({ description: 'SHA-256 of the other machine’s key, as ssh writes it' })),
  ready: Type.Boolean({ description: 'the place is there, and the password opens it' }),
  createdAt: Milliseconds,
  lastSuccessAt: Nullable(Milliseconds),
  lastTriedAt: Nullable(Milliseconds),
  problem: Nullable(Type.Object({ reason: Reason, detail: Type.String(), at: Milliseconds })),
  files: Count,
  bytes: Bytes,
  unread: Type.Integer({ description: 'files that could not be read for the last copy' }),
  bytesThere: Nullable(Bytes),
  check: Nullable(
    Type.Object({
      at: Milliseconds,
      ok: Type.Boolean(),
      part: Type.Integer({ description: 'which of `parts`; one a week' }),
      parts: Type.Integer(),
    }),
  ),
  drill: Nullable(DrillView),
});
export type CopyView = Static<typeof CopyView>;

const OffboxView = Type.Object({
  engine: Nullable(Type.String({ description: 'version of restic; null: it is not installed' })),
  copy: Nullable(CopyView),
  activity: Nullable(ActivityView),
  restore: Nullable(RestoreView),
});
export type OffboxView = Static<typeof OffboxView>;

const snapshot = Type.Optional(Type.String({ pattern: '^[0-9a-f]{8,64}$', description: 'default: the newest' }));

export const offboxContract = {
  getOffbox: {
    method: 'GET',
    path: '/api/offbox',
    access: 'owner',
    summary: 'The copy on another machine: where it is, how far it came, what was checked',
    status: 200,
    reply: OffboxView,
  },
  setOffbox: {
    method: 'PUT',
    path: '/api/offbox',
    access: 'owner',
    summary: 'Says where the copy is to be; nothing leaves the box before `begin`',
    body: Change,
    status: 200,
    reply: OffboxView,
  },
  beginOffbox: {
    method: 'POST',
    path: '/api/offbox/begin',
    access: 'owner',
    summary: 'Makes the place there ready, or opens it; tells the password that the box made, once',
    status: 200,
    reply: Type.Object({ password: Nullable(Type.String()), copy: CopyView }),
  },
  showOffboxPassword: {
    method: 'POST',
    path: '/api/offbox/password',
    access: 'owner',
    summary: 'Tells the password of the copy again',
    status: 200,
    reply: Type.Object({ password: Type.String() }),
  },
  removeOffbox: {
    method: 'DELETE',
    path: '/api/offbox',
    access: 'owner',
    summary: 'Copies there no more, and forgets the password; what is there stays',
    status: 204,
  },
  runOffbox: {
    method: 'POST',
    path: '/api/offbox/run',
    access: 'owner',
    summary: 'Copies now; it goes on in the background',
    status: 202,
  },
  stopOffbox: {
    method: 'POST',
    path: '/api/offbox/stop',
    access: 'owner',
    summary: 'Ends what runs; the next night goes on with it',
    status: 204,
  },
  checkOffbox: {
    method: 'POST',
    path: '/api/offbox/check',
    access: 'owner',
    summary: 'Reads the next part of the copy back, in the background',
    status: 202,
  },
  drillOffbox: {
    method: 'POST',
    path: '/api/offbox/drill',
    access: 'owner',
    summary: 'Brings a random handful of originals back from there and compares their checksums, in the background',
    body: Type.Object({ seed: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' })) }),
    status: 202,
  },
  listOffboxSnapshots: {
    method: 'GET',
    path: '/api/offbox/snapshots',
    access: 'owner',
    summary: 'The states of the library that are there, the newest first',
    status: 200,
    reply: Type.Object({
      snapshots: Type.Array(Type.Object({ id: Type.String(), at: Milliseconds, whole: Type.Boolean() })),
    }),
  },
  restoreOffbox: {
    method: 'POST',
    path: '/api/offbox/restore',
    access: 'console',
    summary: 'Brings all of it back to a new or empty folder, in the background; also on a box that nobody owns',
    body: Type.Object({
      folder: Type.String({ minLength: 1, maxLength: 4_096, description: 'whole, on the box' }),
      snapshot,
      from: Type.Optional(
        Type.Object(
          {
            target: Target,
            secret: Type.Optional(Secret),
            password: Type.String({ minLength: 1, maxLength: 256 }),
            sshKey: Type.Optional(Type.String({ maxLength: 16_384, description: 'a private key; default: a new one' })),
          },
          { description: 'default: where this box copies to' },
        ),
      ),
    }),
    status: 202,
  },
} as const satisfies Contract;
