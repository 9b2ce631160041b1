import { type DiskVerdict, verdicts } from '../disks/disk-rules.ts';
import type { Contract } from '../http/contract.ts';
import { Milliseconds, Nullable } from '../library/contract.ts';
import { TellingView } from '../phones/contract.ts';
import { type Static, Type } from '../platform/schema.ts';

const Count = Type.Integer({ minimum: 0 });
const Bytes = Type.Integer({ minimum: 0, description: 'bytes' });

/** One for each check in `checks/`, and what it says besides: counts, times, a phone's name; never a file's. */
export const AlertCode = Type.Union([
  Type.Literal('disk-missing', { description: 'the library’s disk is not there' }),
  Type.Literal('disk-foreign', { description: 'another disk is in its place' }),
  Type.Literal('disk-read-only', { description: 'it is there, and cannot be written to' }),
  Type.Literal('disk-failing', { description: 'reading or writing fails (`times`: of late, while it was open)' }),
  Type.Literal('disk-full', { description: 'full to the reserve: nothing more comes in (`freeBytes`)' }),
  Type.Literal('refused-files', { description: 'of one phone (`phone`, `name`, `person`, `count`)' }),
  Type.Literal('second-factor-missing', { description: 'the owner’s: only the password guards the box' }),
  Type.Literal('clock-behind', { description: 'the box’s own clock is not to be trusted' }),
  Type.Literal('video-tools-missing', { description: 'videos wait on their phones until ffprobe is installed' }),
  Type.Literal('phone-silent', {
    description: 'no sign of it for as many nights as were chosen (`phone`, `name`, `person`, `nights`, `since`)',
  }),
  Type.Literal('phone-stalled', {
    description: 'it holds files that do not come, night after night (`phone`, `name`, `person`, `count`, `nights`)',
  }),
  Type.Literal('disk-nearly-full', {
    description: 'little room is left, or it will not last (`freeBytes`, `percent`; `days`: at the rate of late)',
  }),
  Type.Literal('verification-failed', { description: 'files on the disk are missing, or not what came (`count`)' }),
  Type.Literal('mirror-missing', {
    description: 'a disk that holds everything a second time was not there (`disk`, `name`, `nights`, `since`)',
  }),
  Type.Literal('mirror-behind', {
    description: 'it is there, and lacks files night after night (`disk`, `name`, `nights`, `count`)',
  }),
  Type.Literal('offbox-behind', { description: 'the copy on another machine was not made (`nights`, `since`)' }),
  Type.Literal('offbox-damaged', { description: 'what is there is not what was sent (`since`)' }),
  Type.Literal('disk-watch', {
    description:
      'an attached disk shows a first sign of trouble (`disk`, `name`, `reason`: the worst, as its health has it)',
  }),
  Type.Literal('disk-replace-soon', { description: 'an attached disk is wearing out (`disk`, `name`, `reason`)' }),
  Type.Literal('disk-replace-now', { description: 'an attached disk is failing (`disk`, `name`, `reason`)' }),
  Type.Literal('clock-ahead', { description: 'the box is ahead of the internet’s time (`seconds`)' }),
  Type.Literal('memory-high', { description: 'hardly any memory is left (`percent`: in use)' }),
  Type.Literal('temperature-high', { description: 'the machine is hot (`celsius`)' }),
  Type.Literal('certificate-expiring', { description: '`which`: name, address or owner; `days` are left' }),
  Type.Literal('channel-failing', { description: 'what was to be sent waits (`channel`, `since`, `waiting`)' }),
]);
export const Severity = Type.Union([
  Type.Literal('act', { description: 'photos are in danger, or cannot come in' }),
  Type.Literal('watch', { description: 'somebody should look at it' }),
]);
export const AlertParams = Type.Record(Type.String(), Type.Union([Type.String(), Type.Integer()]));
/** The sentences are the page's; what is in them is in the alert's params. */
export const Advice = Type.Union([
  Type.Literal('put-the-disk-back'),
  Type.Literal('put-the-right-disk-back'),
  Type.Literal('replace-the-disk'),
  Type.Literal('make-room'),
  Type.Literal('open-the-phones-that-have-them'),
  Type.Literal('look-at-the-refused'),
  Type.Literal('open-the-app-at-home'),
  Type.Literal('open-the-app-while-charging'),
  Type.Literal('add-a-second-factor'),
  Type.Literal('tell-the-time'),
  Type.Literal('check-the-clock'),
  Type.Literal('install-the-video-tools'),
  Type.Literal('restart-the-box'),
  Type.Literal('cool-the-box'),
  Type.Literal('renew-the-certificate'),
  Type.Literal('check-the-channel'),
  Type.Literal('attach-the-mirror'),
  Type.Literal('look-at-the-mirror'),
  Type.Literal('look-at-the-copy'),
  Type.Literal('begin-the-copy-anew'),
  Type.Literal('look-at-the-disk'),
  Type.Literal('plan-a-new-disk'),
  Type.Literal('replace-that-disk'),
]);
export type AdviceCode = Static<typeof Advice>;

const AlertView = Type.Object({ code: AlertCode, severity: Severity, params: AlertParams });
const NeedView = Type.Object({
  ...AlertView.properties,
  advice: Advice,
  id: Nullable(
    Type.Integer({
      description: 'to acknowledge it by; null: not written down yet, or not for the asker to acknowledge',
    }),
  ),
});

const PhoneState = Type.Union([
  Type.Literal('silent', { description: 'no sign of it for 3 nights, or as many as were chosen' }),
  Type.Literal('refused', { description: 'it has files that the box refused' }),
  Type.Literal('waiting', { description: 'it has files that did not come in yet' }),
  Type.Literal('not-yet', { description: 'nothing of it came in since the last window opened' }),
  Type.Literal('unknown', { description: 'the library was away ever since the box started' }),
  Type.Literal('new', { description: 'nothing of it ever came in' }),
  Type.Literal('arriving', { description: 'files of it are coming in now' }),
  Type.Literal('came-in', { description: 'files came in; what it still holds is not known' }),
  Type.Literal('all-safe', { description: 'it told of all that it has within 36 hours, and all is here' }),
]);
/** How it stands with a phone, without any name. */
const standing = {
  id: Type.String(),
  state: PhoneState,
  counts: Nullable(
    Type.Object(
      {
        seen: Type.Integer({ description: 'safe + waiting + refused, in files' }),
        safe: Count,
        waiting: Count,
        refused: Count,
        deleted: Type.Integer({ description: 'of the refused: what its owner deleted here, so that all is well' }),
        fromBrowser: Type.Integer({
          description: 'beside these: copies that its browser gave, which are no originals',
        }),
      },
      { description: 'null: this client does not tell what it has, or the box does not know' },
    ),
  ),
  newSinceWindow: Type.Object({ count: Type.Integer({ description: 'files' }), bytes: Bytes }),
  arriving: Nullable(Type.Object({ count: Type.Integer({ description: 'files that are safe, since it began' }) })),
  lastReceivedAt: Nullable(Milliseconds),
  fromBrowser: Type.Integer({
    description: 'copies that its browser gave; 0 as well of an app that sends and does not tell what it has',
  }),
  silentNights: Type.Integer({ description: 'nights that are over, without any sign of it' }),
} as const;
const HomePhone = Type.Object({
  ...standing,
  name: Type.String(),
  personId: Type.String(),
  person: Type.String({ description: "the person's name" }),
  client: Nullable(Type.String()),
  tells: Type.Array(TellingView),
  lastSignAt: Type.Integer({ description: 'milliseconds since 1970, UTC: when the box last knew that it is there' }),
  awayUntil: Nullable(Milliseconds),
});

const HomeDisk = Type.Object({
  id: Nullable(Type.String({ description: 'of the attached disk; null: it is away, or a folder stands for it' })),
  name: Type.String({ description: 'empty: it has none' }),
  role: Nullable(Type.Union([Type.Literal('library'), Type.Literal('mirror')])),
  state: Type.Unsafe<DiskVerdict | 'folder' | 'missing'>({
    type: 'string',
    enum: [...verdicts, 'folder', 'missing'],
    description: 'how it is; of a folder nobody can say',
  }),
  reason: Nullable(Type.String({ description: 'the worst of why, as its health has it' })),
  waiting: Type.Integer({ minimum: 0, description: 'files that a mirror lacks' }),
  seenAt: Nullable(Milliseconds),
});

/** What the page says first; the words are the page's. The first that is true. */
const VerdictView = Type.Union([
  Type.Object({ code: Type.Literal('needs-you'), params: Type.Object({ count: Count }) }),
  Type.Object({ code: Type.Literal('no-phone'), params: Type.Object({}) }),
  Type.Object({
    code: Type.Literal('arriving'),
    params: Type.Object(
      { phone: Type.String(), name: Type.String(), person: Type.String(), count: Count, phones: Count },
      { description: 'of the phone that brought most; `phones`: how many bring some' },
    ),
  }),
  Type.Object({ code: Type.Literal('all-safe'), params: Type.Object({ phones: Count, safe: Count }) }),
  Type.Object({
    code: Type.Literal('came-in'),
    params: Type.Object({ phones: Count, count: Count, since: Milliseconds }),
  }),
  Type.Object({
    code: Type.Literal('some-came'),
    params: Type.Object(
      { came: Count, phones: Count, new: Count, since: Milliseconds },
      { description: 'came of phones; `new`: phones that never sent anything, which are in neither' },
    ),
  }),
]);

const HomeView = Type.Object({
  at: Milliseconds,
  verdict: VerdictView,
  needs: Type.Array(NeedView, { description: 'worst first; without what somebody acknowledged' }),
  seen: Type.Array(Type.Object({ ...AlertView.properties, id: Type.Integer() }), {
    description: 'what somebody acknowledged, and is not over',
  }),
  over: Type.Array(Type.Object({ id: Type.Integer(), code: AlertCode, params: AlertParams, clearedAt: Milliseconds }), {
    maxItems: 5,
    description: 'what was over within the last day, the last first',
  }),
  phones: Type.Array(HomePhone, { description: 'worst state first, then by name' }),
  library: Type.Union([Type.Literal('ok'), Type.Literal('missing'), Type.Literal('none')], {
    description: 'unless it is ok, what is said of the phones is what was known last',
  }),
  room: Nullable(
    Type.Object(
      { totalBytes: Bytes, freeBytes: Bytes },
      { description: 'of the library’s disk; null: it is away, or does not answer' },
    ),
  ),
  fullInDays: Nullable(Type.Integer({ description: 'the disk, at the rate of late; null: not known, or not soon' })),
  disks: Nullable(
    Type.Array(HomeDisk, { description: 'the library’s, its mirrors, and those used for nothing; null for members' }),
  ),
  quota: Nullable(
    Type.Object(
      { quotaBytes: Bytes, usedBytes: Nullable(Bytes) },
      { description: 'how much of the disk the asker may use, and uses; null: as much as there is' },
    ),
  ),
  nights: Type.Object({
    silentNights: Type.Integer({ description: 'after so many without any sign of a phone somebody is told' }),
    opensAt: Type.String({ description: 'hh:mm by the clock of the house' }),
    nextReportAt: Milliseconds,
    report: Nullable(
      Type.Object(
        {
          night: Type.String({ description: 'yyyy-mm-dd of its morning' }),
          madeAt: Milliseconds,
          library: Type.Union([Type.Literal('ok'), Type.Literal('missing'), Type.Literal('none')]),
          count: Count,
          bytes: Bytes,
          phones: Type.Integer({ description: 'that brought something' }),
          waiting: Type.Integer({ description: 'files, as far as clients tell, or else begun uploads' }),
          videos: Type.Integer({ description: 'of these' }),
          silent: Type.Integer({ description: 'phones' }),
        },
        { description: 'of the last night, as far as the asker may see it; null: there is none yet' },
      ),
    ),
  }),
  night: Type.Object({
    from: Milliseconds,
    to: Milliseconds,
    lanes: Type.Array(
      Type.Object({
        phone: Type.String(),
        name: Type.String(),
        bursts: Type.Array(
          Type.Object({ at: Type.Integer({ description: 'when its ten minutes begin' }), count: Count }),
        ),
      }),
      { maxItems: 6, description: 'by name' },
    ),
    others: Type.Integer({ description: 'phones that have no lane' }),
  }),
  mine: Type.Object(
    {
      count: Count,
      newest: Type.Array(
        Type.Object({
          id: Type.Integer(),
          kind: Type.Union([Type.Literal('photo'), Type.Literal('video')]),
          width: Nullable(Type.Integer()),
          height: Nullable(Type.Integer()),
          thumbhash: Nullable(Type.String({ description: 'base64' })),
        }),
        { maxItems: 12 },
      ),
    },
    { description: 'of one’s own timeline, what came in since the window opened, the last first' },
  ),
});

/** Told to a person's pages and phones, and to owners: of that person's phones alone. At most every two seconds. */
export const HomeEvent = Type.Object(
  {
    type: Type.Literal('home'),
    person: Type.String({ description: 'whose, by id' }),
    phones: Type.Array(Type.Object(standing), { description: 'all of that person’s, as it stands with them now' }),
  },
  { description: 'what GET /api/home answers has changed: move the phones’ counts, and ask again for the rest' },
);

export const homeContract = {
  home: {
    method: 'GET',
    path: '/api/home',
    access: 'signed-in',
    summary: 'Is everyone safe? All that the home page shows first; one’s own phones, or all of them for the owner',
    status: 200,
    reply: HomeView,
  },
} as const satisfies Contract;

export type Alert = Static<typeof AlertView>;
export type AlertCode = Static<typeof AlertCode>;
export type AlertParams = Static<typeof AlertParams>;
export type HomePhone = Static<typeof HomePhone>;
export type PhoneStateCode = Static<typeof PhoneState>;
export type Verdict = Static<typeof VerdictView>;
export type HomeView = Static<typeof HomeView>;
export type HomeEvent = Static<typeof HomeEvent>;
