import type { Contract } from '../http/contract.ts';
import { type Static, type TSchema, Type } from '../platform/schema.ts';
import { type ReasonCode, reasonCodes } from './disk-rules.ts';

const Milliseconds = Type.Integer({ description: 'milliseconds since 1970, UTC' });
const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Count = Nullable(Type.Integer({ minimum: 0 }));
const Percent = Nullable(Type.Integer({ minimum: 0, maximum: 255 }));
const Celsius = Nullable(Type.Integer());
const DiskId = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._:+-]{0,127}$' });

const Verdict = Type.Union(
  [
    Type.Literal('fine'),
    Type.Literal('tells-nothing', {
      description: 'as good as unknown: it has nothing to say, or its enclosure keeps it',
    }),
    Type.Literal('watch'),
    Type.Literal('replace-soon'),
    Type.Literal('failing'),
  ],
  { description: 'the worst of the reasons' },
);
const AdviceCode = Type.Union([
  Type.Literal('nothing'),
  Type.Literal('keep-a-mirror'),
  Type.Literal('try-another-enclosure'),
  Type.Literal('keep-watching'),
  Type.Literal('cool-it'),
  Type.Literal('check-cable'),
  Type.Literal('check-filesystem'),
  Type.Literal('plan-replacement'),
  Type.Literal('replace-now'),
]);
const ReasonView = Type.Object(
  {
    code: Type.Unsafe<ReasonCode>({ type: 'string', enum: [...reasonCodes] }),
    verdict: Verdict,
    advice: AdviceCode,
    params: Type.Record(Type.String(), Type.Integer()),
  },
  {
    description:
      'of the parameters, `value`: what was measured; `days`: in how many it grew so; `limit`: what it is compared with',
  },
);

const counts = {
  temperatureC: Celsius,
  powerOnHours: Count,
  reallocated: Count,
  pending: Count,
  offlineUncorrectable: Count,
  reportedUncorrect: Count,
  crcErrors: Count,
  mediaErrors: Count,
  wearPercentUsed: Percent,
  availableSparePercent: Percent,
} as const;

const DiskHealthView = Type.Object({
  id: DiskId,
  verdict: Verdict,
  advice: AdviceCode,
  reasons: Type.Array(ReasonView, { description: 'the worst first' }),
  lookedAt: Milliseconds,
  asleep: Type.Boolean({ description: 'when it was looked at last; it was let sleep' }),
  readAt: Nullable(Milliseconds),
  now: Nullable(
    Type.Object(
      {
        kind: Type.Union([
          Type.Literal('ata-hdd'),
          Type.Literal('ata-ssd'),
          Type.Literal('nvme'),
          Type.Literal('usb-unknown'),
          Type.Literal('none'),
        ]),
        model: Nullable(Type.String()),
        serial: Nullable(Type.String()),
        firmware: Nullable(Type.String()),
        capacityBytes: Count,
        ...counts,
        temperatureLimitC: Celsius,
        commandTimeout: Count,
        availableSpareThresholdPercent: Percent,
        unsafeShutdowns: Count,
        selfAssessmentPassed: Nullable(Type.Boolean()),
        selfTests: Type.Array(
          Type.Object({
            kind: Type.Union([Type.Literal('short'), Type.Literal('long'), Type.Literal('other')]),
            outcome: Type.Union([Type.Literal('passed'), Type.Literal('failed'), Type.Literal('aborted')]),
            atHours: Nullable(Type.Integer({ description: 'of the disk’s running' })),
          }),
          { description: 'the last first' },
        ),
        testing: Nullable(Type.Object({ percentLeft: Nullable(Type.Integer()) })),
      },
      { description: 'null in any place: it does not tell' },
    ),
  ),
  events: Type.Object(
    { ioErrors: Type.Integer(), readOnlyRemounts: Type.Integer(), damagedFiles: Type.Integer() },
    { description: 'what the box itself met on it in the last 30 days, in times' },
  ),
  history: Type.Array(Type.Object({ day: Type.String({ description: 'yyyy-mm-dd, UTC' }), ...counts }), {
    description: 'the oldest first; days on which it was away or asleep are missing',
  }),
});

export const diskHealthContract = {
  readDiskHealth: {
    method: 'GET',
    path: '/api/disks/:id/health',
    access: 'owner',
    summary: 'How a disk is, why, what to do, and what it told day by day',
    params: Type.Object({ id: DiskId }),
    query: Type.Object({ days: Type.Optional(Type.Integer({ minimum: 1, maximum: 400 })) }),
    status: 200,
    reply: DiskHealthView,
  },
  testDisk: {
    method: 'POST',
    path: '/api/disks/:id/test',
    access: 'owner',
    summary:
      'Has the disk test itself now, while it works on; its outcome is seen hours later, or asked for by this again',
    params: Type.Object({ id: DiskId }),
    body: Type.Object({ kind: Type.Union([Type.Literal('short'), Type.Literal('long')]) }),
    status: 200,
    reply: DiskHealthView,
  },
} as const satisfies Contract;

export type DiskHealthView = Static<typeof DiskHealthView>;
