import { boxNow } from '../ask/ask.ts';
import { disks as t } from '../text/en/disks.ts';
import { bytes, dayShort } from '../text/format.ts';
import type { RoomOn } from '../ui/disk-facts.ts';
import { Chart, steps } from './chart.tsx';
import { RoomBar } from './disk-card.tsx';
import type { Curve } from './plot.ts';
import type { House } from './use-disks.ts';

type RoomCardProps = Readonly<{ room: RoomOn | undefined; house: House; use: 'library' | 'mirror' | null }>;
type Night = NonNullable<House['room']['library']>['nights'][number];
const dayMs = 86_400_000;
/** A line further into the future says nothing. */
const forecastDaysMax = 5 * 365;
const forecastPoints = 12;

/** How full it is, how full it was, and until when it lasts. */
export function RoomCard({ room, house, use }: RoomCardProps) {
  const { reserveBytes, library, bytesPerDay } = house.room;
  const nights = use === 'library' ? ofThisDisk(library?.nights ?? [], room) : [];
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="disk-room">
      <div class="disks-head">
        <h2 class="head" id="disk-room">
          {t.room}
        </h2>
        {room !== undefined && nights.length >= 2 && (
          <p class="cap num">{t.roomUsed(room.totalBytes, room.freeBytes)}</p>
        )}
      </div>
      {room === undefined && <p class="second">{t.roomNone}</p>}
      {room !== undefined && nights.length < 2 && (
        <>
          <RoomBar room={room} />
          {use !== null && <p class="cap">{use === 'mirror' ? t.roomMirror : sentenceOf(room, reserveBytes)}</p>}
        </>
      )}
      {room !== undefined && nights.length >= 2 && (
        <Chart
          sentence={sentenceOf(room, reserveBytes)}
          curve={curveOf(room, nights, { reserveBytes, bytesPerDay })}
          columns={[t.night, t.usedColumn, t.freeColumn]}
          rows={nights
            .toReversed()
            .map(({ night, totalBytes, freeBytes }) => [
              dayShort(noon(night), boxNow()),
              bytes(totalBytes - freeBytes),
              bytes(freeBytes),
            ])}
        />
      )}
    </section>
  );
}

function sentenceOf({ fullInDays, freeBytes }: RoomOn, reserveBytes: number): string {
  if (freeBytes <= reserveBytes) return t.roomFull(reserveBytes);
  if (fullInDays === null) return t.roomSteady(reserveBytes);
  return t.roomChart(fullInDays, boxNow() + fullInDays * dayMs, reserveBytes, boxNow());
}

/** Since its size changed another disk was in its place. */
function ofThisDisk(nights: readonly Night[], room: RoomOn | undefined): readonly Night[] {
  const since = nights.findLastIndex(({ totalBytes }) => totalBytes !== room?.totalBytes) + 1;
  return nights.slice(since);
}

function noon(night: string): number {
  return Date.parse(`${night}T12:00Z`);
}

function curveOf(
  { totalBytes, freeBytes, fullInDays }: RoomOn,
  nights: readonly Night[],
  { reserveBytes, bytesPerDay }: { reserveBytes: number; bytesPerDay: number | null },
): Curve {
  const now = boxNow();
  const { ticks, high } = steps(totalBytes);
  const past = nights.map(({ night }) => noon(night) / 1000).filter((at) => at < now / 1000);
  const values = nights.slice(0, past.length).map(({ totalBytes: total, freeBytes: free }) => total - free);
  const used = totalBytes - freeBytes;
  const days = fullInDays === null || bytesPerDay === null ? 0 : Math.min(fullInDays, forecastDaysMax);
  const ahead = Array.from(
    { length: days === 0 ? 0 : forecastPoints },
    (_, index) => (days * (index + 1)) / forecastPoints,
  );
  const span = days * dayMs + (now - noon(nights[0]?.night ?? ''));
  return {
    at: [...past, now / 1000, ...ahead.map((day) => (now + day * dayMs) / 1000)],
    values: [...values, used, ...ahead.map(() => null)],
    forecast: [
      ...values.map(() => null),
      used,
      ...ahead.map((day) => Math.min(used + day * (bytesPerDay ?? 0), totalBytes - reserveBytes)),
    ],
    low: 0,
    high,
    ticks,
    unit: (value) => (value === 0 ? '0' : bytes(value)),
    day: (seconds) =>
      span > 800 * dayMs ? String(new Date(seconds * 1000).getFullYear()) : dayShort(seconds * 1000, now),
  };
}
