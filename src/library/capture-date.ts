/**
 * When a picture was taken: reads the dates that cameras write, and chooses the one to believe. Pure.
 * The choice is made once for a file, since its folder follows from it.
 */
import { buildDateMs } from '../platform/build-date.ts';
import { zoneLocalTime, zoneMoment } from './zone.ts';

export type CaptureDate = {
  /** Milliseconds since 1970, UTC. */
  at: number;
  /** yyyy-mm-ddThh:mm:ss, the clock on the wall where it was taken. */
  local: string;
  from: 'metadata' | 'file-time' | 'upload-time';
  /** What the file calls the photo that it is a part of. */
  contentId?: string | undefined;
};

/** A date as a file tells it: a wall clock, perhaps with its distance from UTC; or a moment without a place. */
export type Moment =
  | { local: string; fractionMs: number; offsetMinutes: number | undefined; lastResort: boolean }
  | { utc: number };

/** What a file says about its own time, the most trustworthy first, and of the photo that it is a part of. */
export type Metadata = { moments: readonly Moment[]; contentId?: string | undefined };

/** The tags that a still picture may carry; each as its bare text. */
export type StillTags = Readonly<{
  dateTimeOriginal?: string | undefined;
  subSecTimeOriginal?: string | undefined;
  offsetTimeOriginal?: string | undefined;
  dateTimeDigitized?: string | undefined;
  offsetTimeDigitized?: string | undefined;
  offsetTime?: string | undefined;
  xmpDateTimeOriginal?: string | undefined;
  xmpDateCreated?: string | undefined;
  xmpCreateDate?: string | undefined;
  gpsDate?: string | undefined;
  gpsTime?: string | undefined;
  /** EXIF DateTime: when the file was last changed. */
  dateTime?: string | undefined;
}>;

const yearMin = 1900;
/** The box's clock may be years behind the camera's; from here on a date is nonsense whatever the clock says. */
const yearBeyond = 2100;
const dayMs = 86_400_000;
const fatZero = Date.UTC(1980, 0, 1);
/** A phone's clock may run ahead; more than this is a wrong clock. */
const mtimeAheadMsMax = 2 * dayMs;
const offsetMinutesMax = 14 * 60;

/**
 * Chooses the date of a file: what its metadata says, else its file time, else the day of the upload. `zone` (IANA) is
 * the box's, for dates that carry none. All times are milliseconds UTC.
 *
 * EXIF DateTime is the time of the last *change* of the picture: an editor sets it, and a copy keeps it. It counts only
 * when the phone told no believable file time, which for a picture straight from the camera is the better witness.
 *
 * What lies ahead of the box's clock is not believed, though never for a clock that is itself behind this program. It
 * still says more than the upload's time: a box that was off for years does not know that they went by.
 */
export function choose(facts: {
  metadata?: Metadata | undefined;
  mtime?: number | null | undefined;
  uploadedAt: number;
  zone: string;
}): CaptureDate {
  const { contentId } = facts.metadata ?? {};
  return { ...chooseDate(facts), ...(contentId === undefined ? {} : { contentId }) };
}

function chooseDate(facts: Parameters<typeof choose>[0]): CaptureDate {
  const { uploadedAt, zone } = facts;
  const present = Math.max(uploadedAt, buildDateMs);
  const aheadFrom = new Date(present).getUTCFullYear() + 2;
  const dated = (facts.metadata?.moments ?? []).flatMap((moment) => {
    const date = resolve(moment, zone);
    return date === undefined ? [] : [{ date, lastResort: 'lastResort' in moment && moment.lastResort }];
  });
  const believed = dated.filter(({ date }) => yearOf(date.local) < aheadFrom);
  const taken = believed.find(({ lastResort }) => !lastResort);
  if (taken !== undefined) return taken.date;
  const mtime = facts.mtime;
  if (typeof mtime === 'number' && believableFileTime(mtime, present)) {
    const at = Math.trunc(mtime);
    return { at, local: zoneLocalTime(at, zone), from: 'file-time' };
  }
  // The time of the last change; else what lies ahead.
  const rest = believed[0] ?? dated[0];
  if (rest !== undefined) return rest.date;
  return { at: uploadedAt, local: zoneLocalTime(uploadedAt, zone), from: 'upload-time' };
}

function resolve(moment: Moment, zone: string): CaptureDate | undefined {
  if ('utc' in moment) {
    if (!possible(new Date(moment.utc).toISOString().slice(0, 19))) return undefined;
    const local = zoneLocalTime(moment.utc, zone);
    return yearOf(local) < yearBeyond ? { at: moment.utc, local, from: 'metadata' } : undefined;
  }
  const { local, fractionMs, offsetMinutes } = moment;
  if (!possible(local)) return undefined;
  const at = offsetMinutes === undefined ? zoneMoment(local, zone) : Date.parse(`${local}Z`) - offsetMinutes * 60_000;
  return { at: at + fractionMs, local, from: 'metadata' };
}

/** The zeros of clocks that were never set are no dates: QuickTime's begins in 1904, Unix time in 1970. */
function possible(local: string): boolean {
  const year = yearOf(local);
  return year >= yearMin && year < yearBeyond && !local.startsWith('1904-01-01') && local !== '1970-01-01T00:00:00';
}

function yearOf(local: string): number {
  return Number(local.slice(0, 4));
}

/** The zeros of Unix and of FAT (1980), wherever on Earth they were written, are files whose time was lost. */
function believableFileTime(mtime: number, present: number): boolean {
  return mtime > dayMs && Math.abs(mtime - fatZero) > dayMs && mtime <= present + mtimeAheadMsMax;
}

/** Orders what a still picture says of its time; undefined when it says nothing readable. */
export function stillMetadata(tags: StillTags): Metadata | undefined {
  const moments = [
    wallClock(tags.dateTimeOriginal, tags.offsetTimeOriginal ?? tags.offsetTime, tags.subSecTimeOriginal),
    wallClock(tags.dateTimeDigitized, tags.offsetTimeDigitized ?? tags.offsetTime),
    parseDate(tags.xmpDateTimeOriginal),
    parseDate(tags.xmpDateCreated),
    parseDate(tags.xmpCreateDate),
    gpsMoment(tags.gpsDate, tags.gpsTime),
    lastResort(wallClock(tags.dateTime, tags.offsetTime)),
  ].filter((moment) => moment !== undefined);
  return moments.length === 0 ? undefined : { moments: shareOffsets(moments) };
}

/**
 * Orders what a video says of its time. QuickTime's `creationdate` is the wall clock with its offset; `creation_time`
 * is UTC (ISO/IEC 14496-12, section 8.2.2); undefined when there is nothing readable.
 */
export function videoMetadata(tags: {
  quickTimeCreationDate?: string | undefined;
  date?: string | undefined;
  creationTimes: readonly string[];
}): Metadata | undefined {
  // A `date` without a time of day is often a year of publication; file time is better than that.
  const date = tags.date !== undefined && /\d[T ]\d/.test(tags.date) ? parseDate(tags.date) : undefined;
  const moments = [
    parseDate(tags.quickTimeCreationDate),
    ...tags.creationTimes.slice(0, 8).map((text) => asUtc(parseDate(text))),
    date,
  ].filter((moment) => moment !== undefined);
  return moments.length === 0 ? undefined : { moments };
}

/**
 * Reads a date in EXIF's form (`YYYY:MM:DD HH:MM:SS`, EXIF 3.0, section 4.6.6) or XMP's (ISO 8601: a year, month or
 * day alone, with or without fraction and zone). `Z` is a moment without a place. Undefined when it is no date.
 */
export function parseDate(text: string | undefined): Moment | undefined {
  const match =
    /^\s*(\d{4})(?:[:/-](\d\d)(?:[:/-](\d\d))?)?(?:[T ]+(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)?\s*(Z|[+-]\d\d:?\d\d)?)?[\s\0]*$/i.exec(
      text ?? '',
    );
  if (!match) return undefined;
  const [, year = '', month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction, zone] = match;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const ms = Date.parse(`${local}Z`);
  // Date.parse takes 31 February for 3 March.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== local) return undefined;
  const fractionMs = milliseconds(fraction);
  if (zone?.toUpperCase() === 'Z') return { utc: ms + fractionMs };
  return { local, fractionMs, offsetMinutes: parseOffset(zone), lastResort: false };
}

/** `+02:00`, `-0330` or `Z` to minutes east of UTC; undefined when there is none or it is beyond 14 hours. */
export function parseOffset(text: string | undefined): number | undefined {
  const match = /^\s*(?:(Z)|([+-])(\d\d):?(\d\d))[\s\0]*$/i.exec(text ?? '');
  if (!match) return undefined;
  if (match[1] !== undefined) return 0;
  const minutes = Number(match[3]) * 60 + Number(match[4]);
  if (Number(match[4]) > 59 || minutes > offsetMinutesMax) return undefined;
  return match[2] === '-' ? 0 - minutes : minutes;
}

function wallClock(text: string | undefined, offset?: string, subSecond?: string): Moment | undefined {
  const moment = parseDate(text);
  if (moment === undefined || 'utc' in moment) return moment;
  const fractionMs = moment.fractionMs || milliseconds(/^\s*(\d{1,12})/.exec(subSecond ?? '')?.[1]);
  return { ...moment, fractionMs, offsetMinutes: moment.offsetMinutes ?? parseOffset(offset) };
}

function milliseconds(fraction: string | undefined): number {
  return fraction === undefined ? 0 : Number(fraction.slice(0, 3).padEnd(3, '0'));
}

/** GPSDateStamp and GPSTimeStamp are UTC (EXIF 3.0, section 4.6.7). A date without a time is not enough. */
function gpsMoment(date: string | undefined, time: string | undefined): Moment | undefined {
  const clock = /^\s*(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.\d+)?[\s\0]*$/.exec(time ?? '');
  if (!clock) return undefined;
  const [hour, minute, second] = clock.slice(1).map((part) => part.padStart(2, '0'));
  return asUtc(parseDate(`${date?.replace(/[\s\0]+$/, '')} ${hour}:${minute}:${second}`));
}

function asUtc(moment: Moment | undefined): Moment | undefined {
  if (moment === undefined || 'utc' in moment) return moment;
  const { local, fractionMs, offsetMinutes } = moment;
  return { utc: Date.parse(`${local}Z`) + fractionMs - (offsetMinutes ?? 0) * 60_000 };
}

function lastResort(moment: Moment | undefined): Moment | undefined {
  return moment === undefined || 'utc' in moment ? undefined : { ...moment, lastResort: true };
}

/** Phones write the same wall clock twice, and the offset with one of them only (in XMP and not in EXIF). */
function shareOffsets(moments: readonly Moment[]): Moment[] {
  return moments.map((moment) => {
    if ('utc' in moment || moment.offsetMinutes !== undefined) return moment;
    const twin = moments.find(
      (other) => 'local' in other && other.local === moment.local && other.offsetMinutes != null,
    );
    return twin && 'local' in twin ? { ...moment, offsetMinutes: twin.offsetMinutes } : moment;
  });
}
