/** Numbers, sizes and times as people read them: counts exact, sizes and durations rounded, times by the locale. */

const locale = typeof navigator === 'undefined' ? 'en' : navigator.language;
const numbers = new Intl.NumberFormat(locale);
const rules = new Intl.PluralRules('en');

/** “41,208”. Counts of photos are never rounded. */
export function count(value: number): string {
  return numbers.format(value);
}

/** The form for this number: `plural(n, { one: '1 photo', other: `${count(n)} photos` })`. */
export function plural(value: number, forms: { one: string; other: string }): string {
  return rules.select(value) === 'one' ? forms.one : forms.other;
}

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const;

/** “1.4 TB”: thousands, as disks are sold. */
export function bytes(value: number): string {
  const power = value < 1 ? 0 : Math.min(Math.floor(Math.log10(value) / 3), units.length - 1);
  const scaled = value / 1000 ** power;
  const maximumFractionDigits = scaled < 10 && power > 1 ? 1 : 0;
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: units[power] ?? 'byte',
    unitDisplay: 'short',
    maximumFractionDigits,
  }).format(scaled);
}

/** “07:52”. */
export function clock(ms: number): string {
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(ms);
}

/** “Friday 20 November”; with the year when it is not this one. */
export function day(ms: number, now: number, weekday: 'long' | 'short' | undefined = 'long'): string {
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  return new Intl.DateTimeFormat(locale, {
    ...(weekday === undefined ? {} : { weekday }),
    day: 'numeric',
    month: 'long',
    ...(sameYear ? {} : { year: 'numeric' }),
  }).format(ms);
}

/** “20 Nov”; with the year when it is not this one. */
export function dayShort(ms: number, now: number): string {
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  const year = sameYear ? {} : ({ year: 'numeric' } as const);
  return new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', ...year }).format(ms);
}

/** “November 2026” of `yyyy-mm`. */
export function month(yearMonth: string): string {
  const [year = 1970, of = 1] = yearMonth.split('-').map(Number);
  return new Intl.DateTimeFormat(locale, { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(
    Date.UTC(year, of - 1, 15),
  );
}

const dayMs = 86_400_000;
function startOfDay(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

/** “today at 07:52”, “yesterday at 23:41”, “Monday at 23:41” within a week, then “20 November”. */
export function moment(ms: number, now: number): string {
  const days = Math.round((startOfDay(now) - startOfDay(ms)) / dayMs);
  if (days === 0) return `today at ${clock(ms)}`;
  if (days === 1) return `yesterday at ${clock(ms)}`;
  if (days > 1 && days < 7) {
    return `${new Intl.DateTimeFormat(locale, { weekday: 'long' }).format(ms)} at ${clock(ms)}`;
  }
  return day(ms, now, undefined);
}

/** “about 2 minutes”, “about an hour”; under 10 s “a few seconds”. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 10) return 'a few seconds';
  if (seconds < 55) return `about ${Math.ceil(seconds / 10) * 10} seconds`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return plural(minutes, { one: 'about a minute', other: `about ${minutes} minutes` });
  const hours = Math.round(minutes / 60);
  if (hours < 48) return plural(hours, { one: 'about an hour', other: `about ${hours} hours` });
  return `about ${Math.round(hours / 24)} days`;
}

/** “9:06”. */
export function minutesAndSeconds(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** Making one takes longer than a hundred uses of it; a page of photos has hundreds of dates. */
const atUtc = {
  monthShort: new Intl.DateTimeFormat(locale, { month: 'short', year: 'numeric', timeZone: 'UTC' }),
  clock: new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', timeZone: 'UTC' }),
  day: new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', timeZone: 'UTC' }),
  dayAndYear: new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' }),
  weekday: new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', timeZone: 'UTC' }),
  weekdayAndYear: new Intl.DateTimeFormat(locale, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  }),
};

/** “Nov 2026” of `yyyy-mm`. */
export function monthShort(yearMonth: string): string {
  return atUtc.monthShort.format(Date.parse(`${yearMonth}-15T12:00:00Z`));
}

/** Of `yyyy-mm-dd…` by the clock where it was: “Friday 20 November”; with the year when it is not `now`'s. */
export function localDay(local: string, now: number, weekday: 'long' | undefined = 'long'): string {
  const sameYear = local.startsWith(String(new Date(now).getFullYear()));
  const form =
    weekday === undefined ? (sameYear ? atUtc.day : atUtc.dayAndYear) : sameYear ? atUtc.weekday : atUtc.weekdayAndYear;
  return form.format(Date.parse(`${local.slice(0, 10)}T12:00:00Z`));
}

/** “16:04” of `yyyy-mm-ddThh:mm:ss`, by the clock where it was. */
export function localClock(local: string): string {
  return atUtc.clock.format(Date.parse(`${local.slice(0, 19)}Z`));
}

/** How many days ago this local day was, by this device's calendar. */
export function daysAgo(localDate: string, now: number): number {
  const today = new Date(now);
  const midnight = Date.UTC(today.getFullYear(), today.getMonth(), today.getDate());
  return Math.round((midnight - Date.parse(`${localDate.slice(0, 10)}T00:00:00Z`)) / dayMs);
}
