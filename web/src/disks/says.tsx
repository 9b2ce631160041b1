import { Check, Eye } from 'lucide';
import type { ComponentChildren } from 'preact';
import { boxNow } from '../ask/ask.ts';
import { disks as t } from '../text/en/disks.ts';
import { count } from '../text/format.ts';
import { Icon } from '../ui/icon.tsx';
import type { Health } from './health.ts';

type Now = NonNullable<Health['now']>;
type Code = Health['reasons'][number]['code'];
/** `codes`: the reasons that speak of it. */
type Row = Readonly<{ name: string; value: string; codes?: readonly Code[] }>;
const hourMs = 3_600_000;
const testsShown = 6;

/** The figures that it tells; what it does not tell has no row. */
export function Says({ now, reasons }: { now: Now; reasons: Health['reasons'] }) {
  const bad = new Set(reasons.map(({ code }) => code));
  const rows = rowsOf(now);
  return (
    <section class="card stack" style={{ '--gap': 'var(--s2)' }} aria-labelledby="disk-says">
      <h2 class="head" id="disk-says">
        {t.says}
      </h2>
      {rows.length === 0 && <p class="second">{t.saysNothing}</p>}
      <dl class="rows disks-measures">
        {rows.map(({ name, value, codes }) => {
          const wrong = codes?.some((code) => bad.has(code)) === true;
          return (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="num">{value}</dd>
              <dd class={wrong ? 'wrong' : 'right'}>
                {codes !== undefined && (
                  <Icon of={wrong ? Eye : Check} size={16} label={wrong ? t.notFine : t.fine} stroke={2.1} />
                )}
              </dd>
            </div>
          );
        })}
      </dl>
    </section>
  );
}

function rowsOf(now: Now): Row[] {
  const { measures: m } = t;
  const rows: Row[] = [];
  const add = (name: string, value: number | null, codes?: readonly Code[], words = count) => {
    if (value !== null) rows.push({ name, value: words(value), ...(codes && { codes }) });
  };
  const unreadable =
    now.pending === null && now.offlineUncorrectable === null
      ? null
      : Math.max(now.pending ?? 0, now.offlineUncorrectable ?? 0);
  add(m.unreadable, unreadable, ['pending', 'pending-growing', 'offline-uncorrectable', 'several-signs']);
  add(m.replaced, now.reallocated, ['reallocated', 'reallocated-blocks', 'reallocated-growing', 'several-signs']);
  add(m.notGiven, now.reportedUncorrect, ['reported-uncorrect', 'reported-uncorrect-flash', 'uncorrect-growing']);
  add(m.mediaErrors, now.mediaErrors, ['media-errors', 'media-errors-growing']);
  add(m.cable, now.crcErrors, ['crc-errors', 'crc-errors-growing']);
  add(m.wear, now.wearPercentUsed, ['worn'], t.percent);
  add(m.spare, now.availableSparePercent, ['spare-low', 'nvme-spare-exhausted'], t.percent);
  add(m.on, now.powerOnHours, ['aged'], t.hours);
  add(m.unsafe, now.unsafeShutdowns);
  return rows;
}

/** What the box itself met on it. */
export function Saw({ events, children }: { events: Health['events'] | undefined; children: ComponentChildren }) {
  const { ioErrors = 0, readOnlyRemounts = 0, damagedFiles = 0 } = events ?? {};
  const rows = [
    [t.ioErrors, t.times(ioErrors), ioErrors],
    [t.readOnly, t.times(readOnlyRemounts), readOnlyRemounts],
    [t.damaged, count(damagedFiles), damagedFiles],
  ] as const;
  const some = rows.filter(([, , times]) => times > 0);
  return (
    <section class="card stack" style={{ '--gap': 'var(--s2)' }} aria-labelledby="disk-saw">
      <h2 class="head" id="disk-saw">
        {t.saw}
      </h2>
      {events !== undefined && <p class="second">{some.length === 0 ? t.sawNothing : t.sawText}</p>}
      {some.length > 0 && (
        <dl class="rows disks-measures">
          {some.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="num">{value}</dd>
              <dd class="wrong">
                <Icon of={Eye} size={16} label={t.notFine} stroke={2.1} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      {children}
    </section>
  );
}

export function Tests({ health: { now, readAt } }: { health: Health }) {
  if (now === null) return null;
  const { selfTests, testing, powerOnHours } = now;
  // It tells in hours of its running: only while it ran through does that give a day, so it is “about”.
  const at = (hours: number | null) =>
    hours === null || powerOnHours === null || readAt === null ? null : readAt - (powerOnHours - hours) * hourMs;
  return (
    <section class="card stack" style={{ '--gap': 'var(--s2)' }} aria-labelledby="disk-tests">
      <div>
        <h2 class="head" id="disk-tests">
          {t.tests}
        </h2>
        <p class="cap">{t.testsText}</p>
      </div>
      {testing !== null && <p class="second">{t.testing(testing.percentLeft)}</p>}
      {selfTests.length === 0 && testing === null && <p class="second">{t.testNone}</p>}
      <ul class="rows disks-tests">
        {selfTests.slice(0, testsShown).map(({ kind, outcome, atHours }, index) => {
          const when = at(atHours);
          return (
            <li key={index}>
              <span>{t.testKinds[kind]}</span>
              <span class={outcome === 'failed' ? 'wrong' : 'second'}>{t.testOutcomes[outcome]}</span>
              <span class="cap num">{when === null || when > boxNow() ? '' : t.testAt(when, boxNow())}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
