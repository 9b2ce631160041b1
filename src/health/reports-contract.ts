import { LostFile } from '../copies/verification-contract.ts';
import type { Contract } from '../http/contract.ts';
import { Milliseconds, Nullable } from '../library/contract.ts';
import { type Static, Type } from '../platform/schema.ts';
import { KeptAlertView } from './alerts-contract.ts';

const Count = Type.Integer({ minimum: 0 });
const Bytes = Type.Integer({ minimum: 0, description: 'bytes' });
const NightName = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'yyyy-mm-dd of its morning' });
/** On five minutes: arrivals are counted by them, so that each is in one night. */
const TimeOfDay = Type.String({
  pattern: '^([01]\\d|2[0-3]):[0-5][05]$',
  description: 'hh:mm by the clock of the house',
});
const Sum = { count: Type.Integer({ description: 'files' }), bytes: Type.Integer() } as const;

const NightsView = Type.Object({
  opensAt: TimeOfDay,
  closesAt: TimeOfDay,
  silentNights: Type.Integer({ description: 'after so many without any sign of a phone somebody is told' }),
  nextReportAt: Milliseconds,
});

const Phone = Type.Object({
  id: Type.String(),
  name: Type.String(),
  personId: Type.String(),
  person: Type.String({ description: "the person's name" }),
  client: Nullable(Type.String()),
  came: Type.Object(
    {
      ...Sum,
      fromBrowser: Type.Object(Sum, { description: 'of these: chosen in the phone’s browser' }),
      pictures: Type.Object({
        ready: Count,
        waiting: Type.Integer({ description: 'still to be made' }),
        refused: Type.Integer({ description: 'none can be made of them' }),
      }),
    },
    { description: 'new files that were stored; what the box had already is not among them' },
  ),
  unfinished: Type.Object({
    waiting: Nullable(Type.Integer({ description: 'files; null: this client does not tell' })),
    photos: Type.Integer({ description: 'of the waiting' }),
    videos: Type.Integer({ description: 'of the waiting, or else begun' }),
    uploads: Type.Integer({ description: 'begun and not ended' }),
    bytes: Type.Integer({ description: 'of these, what came' }),
    length: Type.Integer({ description: 'of these, in all' }),
  }),
  refused: Nullable(
    Type.Integer({ description: 'without what its owner deleted here; null: this client does not tell' }),
  ),
  lastSignAt: Milliseconds,
  silentNights: Count,
  awayUntil: Nullable(Milliseconds),
  advice: Type.Array(
    Type.Object({
      code: Type.Union([
        Type.Literal('open-the-app-while-charging'),
        Type.Literal('open-the-app-at-home'),
        Type.Literal('look-at-the-refused'),
      ]),
      params: Type.Record(Type.String(), Type.Integer()),
    }),
    { description: 'what one can do for this phone; none: all is well' },
  ),
});

const NightReportView = Type.Object({
  night: NightName,
  window: Type.Object({ from: Milliseconds, to: Milliseconds }),
  counted: Type.Object(
    { from: Milliseconds, to: Milliseconds },
    { description: 'what came in between; it begins where the report before ended, so each file is in one report' },
  ),
  madeAt: Milliseconds,
  library: Type.Union([Type.Literal('ok'), Type.Literal('missing'), Type.Literal('none')], {
    description: 'unless it is ok, nothing was counted, and the next report does',
  }),
  total: Type.Object(
    { ...Sum, again: Type.Object(Sum, { description: 'beside these: came again, since they were gone or damaged' }) },
    { description: 'of the phones below, and for the owner of those that are not there any more' },
  ),
  phones: Type.Array(Phone, { description: 'by name' }),
  disk: Nullable(Type.Object({ totalBytes: Bytes, freeBytes: Bytes })),
  fullInDays: Nullable(Type.Integer({ description: 'at the rate of late' })),
  alerts: Type.Array(KeptAlertView, { description: 'what was open then, worst first' }),
  verified: Nullable(
    Type.Object(
      {
        ...Sum,
        damaged: Type.Integer({ description: 'of these: not there any more, or not what came' }),
        lost: Type.Object({
          count: Type.Integer({ description: 'what is lost in all; each is asked for again' }),
          files: Type.Array(LostFile, { description: 'the first of them' }),
        }),
      },
      {
        description:
          'originals that were read again and held against their checksums; for the owner; null: the disk is away',
      },
    ),
  ),
  mirrored: Nullable(
    Type.Array(
      Type.Object({
        disk: Type.String({ description: 'its id' }),
        name: Type.String(),
        attached: Type.Boolean(),
        ...Sum,
        healed: Type.Integer({ description: 'originals that were lost, and came back from it' }),
        damaged: Type.Integer({ description: 'copies on it that were not what they were, and were made again' }),
        behind: Type.Object(Sum, { description: 'what it lacks' }),
        lastCompleteAt: Nullable(Milliseconds),
      }),
      { description: 'what each mirror got, and read back right; for the owner; null: the disk is away' },
    ),
  ),
  boxCopy: Nullable(
    Type.Object(
      {
        madeAt: Nullable(Milliseconds),
        lack: Nullable(
          Type.Union([
            Type.Literal('no-recovery-key', { description: 'without one nothing can be sealed: make one' }),
            Type.Literal('key-not-at-hand', { description: 'the box cannot open its key: make a new recovery key' }),
            Type.Literal('disk-full'),
          ]),
        ),
      },
      { description: 'the last sealed copy of the box’s state on the disk; for the owner' },
    ),
  ),
});
export type NightReport = Static<typeof NightReportView>;
export type ReportPhone = NightReport['phones'][number];

const ReportHead = Type.Object({
  night: NightName,
  madeAt: Milliseconds,
  library: NightReportView.properties.library,
  ...Sum,
  phones: Type.Integer({ description: 'that brought something' }),
  alerts: Type.Integer({ description: 'that were open' }),
});

export const reportsContract = {
  getNights: {
    method: 'GET',
    path: '/api/nights',
    access: 'phone-or-person',
    summary: 'When phones are to come in, and after how many nights without one somebody is told',
    status: 200,
    reply: NightsView,
  },
  changeNights: {
    method: 'PATCH',
    path: '/api/nights',
    access: 'owner',
    summary: 'Changes the window of the night, and after how many silent nights somebody is told',
    body: Type.Object({
      opensAt: Type.Optional(TimeOfDay),
      closesAt: Type.Optional(TimeOfDay),
      silentNights: Type.Optional(Type.Integer({ minimum: 1, maximum: 60 })),
    }),
    status: 200,
    reply: NightsView,
  },
  listReports: {
    method: 'GET',
    path: '/api/reports',
    access: 'person',
    summary: 'The reports of the nights, the last first, kept for 400 days: of one’s own phones, or all for the owner',
    query: Type.Object({
      before: Type.Optional(NightName),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    }),
    status: 200,
    reply: Type.Object({ reports: Type.Array(ReportHead), next: Nullable(NightName) }),
  },
  readReport: {
    method: 'GET',
    path: '/api/reports/:night',
    access: 'person',
    summary: 'The report of one night: what came of each phone, what is unfinished, who was silent and since when',
    params: Type.Object({ night: NightName }),
    status: 200,
    reply: NightReportView,
  },
} as const satisfies Contract;
