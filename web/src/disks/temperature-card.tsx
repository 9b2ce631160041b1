import { boxNow } from '../ask/ask.ts';
import { disks as t } from '../text/en/disks.ts';
import { dayShort } from '../text/format.ts';
import { Chart } from './chart.tsx';
import type { Health } from './health.ts';

/** As the box judges it: five degrees below what the disk, or else its kind, is made for (`disk-rules.ts`). */
const hottestUsual = { 'ata-hdd': 60, 'ata-ssd': 70, nvme: 80, 'usb-unknown': 60, none: 60 } as const;
const lowC = 20;
const highC = 60;
const stepC = 10;

/** How warm it was each day. */
export function TemperatureCard({ health: { now, history } }: { health: Health }) {
  const told = history.flatMap(({ day, temperatureC }) => (temperatureC === null ? [] : [{ day, temperatureC }]));
  const last = told.at(-1);
  if (now === null || last === undefined) return null;
  const at = boxNow();
  const shown = (day: string) => dayShort(Date.parse(`${day}T12:00Z`), at);
  const warm = (now.temperatureLimitC ?? hottestUsual[now.kind]) - 5;
  const warmest = told.reduce((most, one) => (one.temperatureC > most.temperatureC ? one : most));
  const high = Math.max(highC, Math.ceil(warmest.temperatureC / stepC) * stepC);
  const low = Math.min(lowC, Math.floor(Math.min(...told.map(({ temperatureC }) => temperatureC)) / stepC) * stepC);
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="disk-temperature">
      <div class="disks-head">
        <h2 class="head" id="disk-temperature">
          {t.temperature}
        </h2>
        <p class="cap num">{t.temperatureNow(now.temperatureC ?? last.temperatureC, history.length)}</p>
      </div>
      {told.length < 2 ? (
        <p class="second disks-few">{t.tooFew}</p>
      ) : (
        <Chart
          sentence={t.warmest(warmest.temperatureC, shown(warmest.day), warm)}
          curve={{
            at: told.map(({ day }) => Date.parse(`${day}T12:00Z`) / 1000),
            values: told.map(({ temperatureC }) => temperatureC),
            ...{ low, high },
            ticks: Array.from({ length: (high - low) / stepC + 1 }, (_, index) => low + index * stepC),
            unit: (value) => `${value}°`,
            day: (seconds) => dayShort(seconds * 1000, at),
            threshold: { value: warm, label: t.warmFrom(warm) },
          }}
          columns={[t.dayColumn, t.warmestColumn]}
          rows={told.toReversed().map(({ day, temperatureC }) => [shown(day), t.degrees(temperatureC)])}
        />
      )}
    </section>
  );
}
