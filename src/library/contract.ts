import type { Contract } from '../http/contract.ts';
import { type Static, type TSchema, Type } from '../platform/schema.ts';

/** What a date can be (ECMA-262, section 21.4.1.1); the catalogue holds no larger number either. */
const dateMsMax = 8.64e15;
export const Milliseconds = Type.Integer({
  minimum: -dateMsMax,
  maximum: dateMsMax,
  description: 'milliseconds since 1970, UTC',
});
export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
export const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const PageQuery = Type.Object({
  cursor: Type.Optional(Type.String({ maxLength: 128 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
});

/** A phone asks about at most this many items at a time. */
const itemsPerCheckMax = 1000;
const unreadableMax = 1000;
/** Of a night in which nothing is new, the answers would otherwise be a third of what goes over the network. */
const InARow = {
  times: Type.Optional(Type.Integer({ minimum: 2, description: 'items in a row; only where `runs` asked for it' })),
};

export const AssetView = Type.Object({
  id: Type.Integer(),
  path: Type.String({ description: 'relative to the disk' }),
  name: Type.String(),
  kind: Type.Union([Type.Literal('photo'), Type.Literal('video'), Type.Literal('sidecar'), Type.Literal('file')]),
  mediaType: Type.String(),
  size: Type.Integer(),
  sha256: Sha256,
  mtime: Nullable(Milliseconds),
  capturedAt: Milliseconds,
  capturedLocal: Type.String({ description: 'yyyy-mm-ddThh:mm:ss where it was taken' }),
  pair: Nullable(Type.String()),
  addedAt: Milliseconds,
});

const AssetIds = Type.Array(Type.Integer(), { minItems: 1, maxItems: 1000 });
/** Told live to the person whose library it is. */
export const LibraryEvent = Type.Union([
  Type.Object({
    type: Type.Literal('arrived'),
    asset: Type.Integer(),
    kind: AssetView.properties.kind,
    month: Type.String({ description: 'yyyy-mm where it was taken' }),
  }),
  Type.Object({ type: Type.Literal('trashed'), assets: AssetIds }),
  Type.Object({ type: Type.Literal('restored'), assets: AssetIds }),
  Type.Object({ type: Type.Literal('deleted'), assets: AssetIds }),
  Type.Object(
    {
      type: Type.Literal('erasure'),
      person: Type.String({ description: 'their id' }),
      files: Type.Integer(),
      done: Type.Integer({ description: 'of these, gone' }),
      ended: Type.Boolean({ description: 'nothing is left' }),
    },
    { description: 'all data of a person is being deleted; told to owners too' },
  ),
]);
export type LibraryEvent = Static<typeof LibraryEvent>;

export const libraryContract = {
  checkItems: {
    method: 'POST',
    path: '/api/phone/items/check',
    access: 'phone',
    summary: 'What do you have? Answers have, need or send-hash for each item, in order',
    body: Type.Object({
      origin: Type.Optional(
        Type.Literal('browser', {
          description:
            'chosen in a browser: an item is its name (`path`), `size` and `mtime` together, apart from what apps tell, and never waits; `key` is ignored',
        }),
      ),
      runs: Type.Optional(
        Type.Boolean({ description: 'take one answer for several items in a row, whose number is then its `times`' }),
      ),
      items: Type.Array(
        Type.Object({
          path: Type.String({ minLength: 1, maxLength: 4096 }),
          key: Type.Optional(Type.String({ maxLength: 512 })),
          size: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
          mtime: Nullable(Milliseconds),
          sha256: Type.Optional(Sha256),
        }),
        { maxItems: itemsPerCheckMax },
      ),
    }),
    bodyBytesMax: 8 * 1024 * 1024,
    status: 200,
    reply: Type.Object({
      answers: Type.Array(
        Type.Union([
          Type.Object({ answer: Type.Literal('have'), ...InARow }),
          Type.Object({ answer: Type.Literal('need'), ...InARow }),
          Type.Object({ answer: Type.Literal('send-hash'), ...InARow }),
          Type.Object({ answer: Type.Literal('refused'), code: Type.String(), reason: Type.String(), ...InARow }),
        ]),
      ),
      at: Milliseconds,
    }),
  },
  finishInventory: {
    method: 'POST',
    path: '/api/phone/inventory/finish',
    access: 'phone',
    summary: 'Says that all items were told since `startedAt`: what waits and was not told again is forgotten',
    body: Type.Object({
      // Of an inventory that is not whole (a folder could not be read) it is 0: nothing waits since before that.
      startedAt: Milliseconds,
      unreadable: Type.Optional(
        Type.Array(
          Type.Object({
            path: Type.String({ minLength: 1, maxLength: 4096 }),
            reason: Type.Optional(Type.String({ maxLength: 512 })),
          }),
          { maxItems: unreadableMax, description: 'files and folders that are on the phone, and that it cannot read' },
        ),
      ),
    }),
    bodyBytesMax: 8 * 1024 * 1024,
    status: 200,
    reply: Type.Object({ forgotten: Type.Integer() }),
  },
  phoneStatus: {
    method: 'GET',
    path: '/api/phone/status',
    access: 'phone',
    summary: 'What the box holds of this phone: seen = safe + waiting + refused',
    status: 200,
    reply: Type.Object({
      phone: Type.String(),
      person: Type.String(),
      box: Type.String(),
      seen: Type.Integer(),
      safe: Type.Integer(),
      waiting: Type.Integer(),
      refused: Type.Integer(),
      deleted: Type.Integer({ description: 'of the refused: what its owner deleted here, so that all is well' }),
      refusals: Type.Array(Type.Object({ path: Type.String(), code: Type.String(), reason: Type.String() }), {
        description: 'the first 100',
      }),
      lastReceivedAt: Nullable(Milliseconds),
      fromBrowser: Type.Integer({
        description:
          'files that a person chose in this phone’s browser and no app has sent; in none of the counts above',
      }),
      fromBrowserAt: Nullable(Milliseconds),
    }),
  },
  phoneItems: {
    method: 'GET',
    path: '/api/phone/items',
    access: 'phone',
    summary: 'What this phone’s app sent, under the names that it gave, in pages',
    query: PageQuery,
    status: 200,
    reply: Type.Object({
      items: Type.Array(
        Type.Object({ id: Type.Integer(), path: Type.String(), mtime: Nullable(Milliseconds), asset: AssetView }),
      ),
      next: Nullable(Type.String()),
    }),
  },
  refusedItems: {
    method: 'GET',
    path: '/api/phones/:id/refused',
    access: 'person',
    summary: 'What the box refused of a phone, and why: one’s own, or any for the owner and the console',
    params: Type.Object({ id: Type.String({ maxLength: 64 }) }),
    status: 200,
    reply: Type.Object({
      refusals: Type.Array(
        Type.Object({
          code: Type.String(),
          reason: Type.String(),
          count: Type.Integer({ minimum: 1, description: 'files; without what its person deleted here' }),
          paths: Type.Array(Type.String(), {
            description: 'the first 100 of all; none of another person’s phone',
          }),
        }),
      ),
    }),
  },
  listAssets: {
    method: 'GET',
    path: '/api/assets',
    access: 'phone-or-person',
    summary: "Every file of a person's library, of every kind, in the order in which they came, in pages",
    query: PageQuery,
    status: 200,
    reply: Type.Object({ assets: Type.Array(AssetView), next: Nullable(Type.String()) }),
  },
  original: {
    method: 'GET',
    path: '/api/assets/:id/original',
    access: 'phone-or-person',
    summary: 'The original bytes, with Range and ETag (RFC 9110)',
    params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
    status: 200,
    raw: true,
  },
  originalHead: {
    method: 'HEAD',
    path: '/api/assets/:id/original',
    access: 'phone-or-person',
    summary: 'The headers of the original',
    params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
    status: 200,
    raw: true,
  },
} as const satisfies Contract;
