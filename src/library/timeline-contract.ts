import type { Contract } from '../http/contract.ts';
import { type Static, Type } from '../platform/schema.ts';
import { Milliseconds, Nullable, Sha256 } from './contract.ts';

const PhoneId = Type.String({
  pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$',
  description: 'what this phone sent; a phone of somebody else has sent nothing',
});
const ShownKind = Type.Union([Type.Literal('photo'), Type.Literal('video')]);
const LocalDate = Type.String({
  pattern: '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$',
  description: 'a day where it was taken, itself included',
});
const Month = Type.String({ pattern: '^\\d{4}-(0[1-9]|1[0-2])$', description: 'yyyy-mm where it was taken' });
const Mark = Type.String({ maxLength: 128, description: 'a page mark that an earlier answer gave' });
const Limit = Type.Integer({ minimum: 1, maximum: 1000 });
const layoutLimitMax = 20_000;
const Filters = {
  phone: Type.Optional(PhoneId),
  kind: Type.Optional(ShownKind),
  from: Type.Optional(LocalDate),
  to: Type.Optional(LocalDate),
};

const Motion = Type.Union([
  Type.Object({ from: Type.Literal('pair'), asset: Type.Integer({ description: 'the video, an asset of its own' }) }),
  Type.Object({ from: Type.Literal('inside') }, { description: 'the video is inside the picture’s own file' }),
]);
const Incomplete = Type.Union([Type.Literal('still-missing'), Type.Literal('motion-missing')]);
const PictureState = Type.Union([Type.Literal('wanted'), Type.Literal('ready'), Type.Literal('refused')]);

/** What a photo or video is, in the timeline and alone. */
const looks = {
  name: Type.String(),
  mediaType: Type.String(),
  size: Type.Integer({ description: 'bytes of the original' }),
  capturedLocal: Type.String({ description: 'yyyy-mm-ddThh:mm:ss where it was taken' }),
  capturedAt: Milliseconds,
  width: Nullable(Type.Integer({ description: 'pixels of the original, the right way up' })),
  height: Nullable(Type.Integer()),
  durationMs: Nullable(Type.Integer({ description: 'of a video' })),
  thumbhash: Nullable(Type.String({ description: 'base64' })),
  motion: Nullable(Motion),
  incomplete: Nullable(Incomplete),
} as const;

/** One entry of the grid: a photo, a video, or both halves of a pair. */
const TimelineEntry = Type.Object({
  id: Type.Integer({ description: 'the asset; of a pair the photo’s, as long as it is there' }),
  kind: ShownKind,
  ...looks,
  picture: PictureState,
});

export const timelineContract = {
  timeline: {
    method: 'GET',
    path: '/api/timeline',
    access: 'phone-or-person',
    summary: 'Photos and videos by the clock where they were taken, newest first, in pages both ways',
    query: Type.Object({
      cursor: Type.Optional(Mark),
      limit: Type.Optional(Limit),
      direction: Type.Optional(
        Type.Union([Type.Literal('older'), Type.Literal('newer')], {
          description: 'from the page mark or month; without either: from the newest, or from the oldest',
        }),
      ),
      month: Type.Optional(Month),
      ...Filters,
    }),
    status: 200,
    reply: Type.Object({
      entries: Type.Array(TimelineEntry, { description: 'newest first, whatever the direction' }),
      older: Nullable(Type.String({ description: 'the page mark with `direction=older`; null: there is nothing' })),
      newer: Nullable(Type.String({ description: 'the page mark with `direction=newer`; null: there is nothing' })),
    }),
  },
  timelineLayout: {
    method: 'GET',
    path: '/api/timeline/layout',
    access: 'phone-or-person',
    summary: 'The day, id and shape of every entry, newest first, in large pages: what a grid is laid out by',
    query: Type.Object({
      cursor: Type.Optional(Mark),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: layoutLimitMax })),
      ...Filters,
    }),
    status: 200,
    reply: Type.Object({
      days: Type.Array(Type.Object({ day: LocalDate, count: Type.Integer() }), {
        description: 'in the order of `ids`; the last may go on in the next page',
      }),
      ids: Type.Array(Type.Integer()),
      ratios: Type.Array(Type.Integer(), { description: 'width in hundredths of the height; 0: not known yet' }),
      next: Nullable(Type.String({ description: 'the page mark; null: that was all' })),
    }),
  },
  timelineEntries: {
    method: 'GET',
    path: '/api/timeline/entries',
    access: 'phone-or-person',
    summary: 'These entries of the timeline, in this order; what is not (or no more) in it is left out',
    query: Type.Object({
      ids: Type.String({ pattern: '^\\d{1,15}(,\\d{1,15}){0,199}$', description: 'at most 200, with commas' }),
    }),
    status: 200,
    reply: Type.Object({ entries: Type.Array(TimelineEntry) }),
  },
  timelineMonths: {
    method: 'GET',
    path: '/api/timeline/months',
    access: 'phone-or-person',
    summary: 'The months that have photos or videos, newest first, with how many entries each has',
    query: Type.Object({ phone: Filters.phone, kind: Filters.kind }),
    status: 200,
    reply: Type.Object({ months: Type.Array(Type.Object({ month: Month, count: Type.Integer() })) }),
  },
  searchNames: {
    method: 'GET',
    path: '/api/search',
    access: 'phone-or-person',
    summary: 'Photos and videos whose file name holds this text, whatever its case, the last that came first',
    query: Type.Object({
      name: Type.String({ minLength: 1, maxLength: 255 }),
      cursor: Type.Optional(Mark),
      limit: Type.Optional(Limit),
      ...Filters,
    }),
    status: 200,
    reply: Type.Object({
      entries: Type.Array(TimelineEntry),
      next: Nullable(
        Type.String({ description: 'where to look on, also after a page that is short or empty; null: all was seen' }),
      ),
    }),
  },
  getAsset: {
    method: 'GET',
    path: '/api/assets/:id',
    access: 'phone-or-person',
    summary: 'One file, of any kind, with all that the box knows of it',
    params: Type.Object({ id: Type.Integer({ minimum: 1 }) }),
    status: 200,
    reply: Type.Object({
      id: Type.Integer(),
      kind: Type.Union([ShownKind, Type.Literal('sidecar'), Type.Literal('file')]),
      ...looks,
      picture: Nullable(PictureState),
      refusal: Nullable(
        Type.Object({ code: Type.String(), reason: Type.String() }, { description: 'why there is no picture of it' }),
      ),
      path: Type.String({ description: 'relative to the disk' }),
      sha256: Sha256,
      mtime: Nullable(Milliseconds),
      addedAt: Milliseconds,
      capturedFrom: Type.Union([Type.Literal('metadata'), Type.Literal('file-time'), Type.Literal('upload-time')]),
      fromBrowser: Type.Boolean({
        description: 'a person chose it in a browser, and no app has sent these bytes: perhaps not the original',
      }),
      other: Nullable(
        Type.Object(
          { id: Type.Integer(), kind: ShownKind, name: Type.String(), size: Type.Integer() },
          { description: 'the other half of its pair' },
        ),
      ),
      phones: Type.Array(
        Type.Object({
          phone: Type.String(),
          name: Type.String({ description: 'empty: this phone is not known any more' }),
          path: Type.String({ description: 'as the phone names it' }),
        }),
        { description: 'that sent it or have it; the first 100' },
      ),
    }),
  },
} as const satisfies Contract;

export type Entry = Static<typeof TimelineEntry>;
export type AssetDetails = Static<typeof timelineContract.getAsset.reply>;
export type TimelinePage = Static<typeof timelineContract.timeline.reply>;
export type TimelineLayout = Static<typeof timelineContract.timelineLayout.reply>;
export type LayoutQuery = Static<typeof timelineContract.timelineLayout.query>;
export type TimelineQuery = Static<typeof timelineContract.timeline.query>;
export type SearchQuery = Static<typeof timelineContract.searchNames.query>;
