/**
 * Wall clocks and time zones, by the zone tables that Node carries. Pure, and never throws: a zone that it does not know
 * counts as UTC, since a photo must find its folder whatever the box's settings say.
 */
const zonesMax = 16;
const formats = new Map<string, Intl.DateTimeFormat>();

/** How far the zone's wall clock is ahead of UTC at that moment, in milliseconds (whole seconds). */
export function zoneOffsetMs(at: number, zone: string): number {
  const wall: Record<string, number> = {};
  for (const part of formatOf(zone).formatToParts(at)) wall[part.type] = Number(part.value);
  const { year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = wall;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

/** yyyy-mm-ddThh:mm:ss on the zone's wall clock at that moment (milliseconds UTC, years 1 to 9999). */
export function zoneLocalTime(at: number, zone: string): string {
  return new Date(at + zoneOffsetMs(at, zone)).toISOString().slice(0, 19);
}

/**
 * The moment (milliseconds UTC) at which the zone's wall clock showed `local` (yyyy-mm-ddThh:mm:ss). The hour that comes
 * twice in autumn is the first of the two; one that spring leaves out is read with the offset from before the change.
 */
export function zoneMoment(local: string, zone: string): number {
  const asUtc = Date.parse(`${local}Z`);
  // No zone changes twice within two days, so the offsets a day before and after are the only two that can apply.
  const before = zoneOffsetMs(asUtc - 86_400_000, zone);
  const after = zoneOffsetMs(asUtc + 86_400_000, zone);
  const first = asUtc - before;
  if (before === after || zoneOffsetMs(first, zone) === before) return first;
  const second = asUtc - after;
  return zoneOffsetMs(second, zone) === after ? second : first;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  if (formats.size >= zonesMax) formats.clear();
  const format = makeFormat(zone) ?? makeFormat('UTC') ?? new Intl.DateTimeFormat('en-US');
  formats.set(zone, format);
  return format;
}

function makeFormat(timeZone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return undefined;
  }
}
