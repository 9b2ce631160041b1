/** Owns the page of one night: what came of each phone, what is unfinished, who was silent, and what needed somebody. */
import { Check, CircleX, Clock, FileX, Images, Moon, MoonStar, Plane, TriangleAlert } from 'lucide';
import { useRoute } from 'preact-iso';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk } from '../ask/use-ask.ts';
import { alertTitle } from '../text/en/alerts.ts';
import { nights as t } from '../text/en/nights.ts';
import { originals } from '../text/en/originals.ts';
import { count } from '../text/format.ts';
import { LinkButton } from '../ui/button.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { Page } from '../ui/page.tsx';
import { Avatar, Bar, CouldNotLoad, EmptyState, Pill, Skeleton } from '../ui/parts.tsx';
import './nights.css';

type Report = ReplyOf<'GET /api/reports/:night'>;
type Phone = Report['phones'][number];
const back = { href: '/nights', label: t.title };

export function NightReport() {
  const night = useRoute().params['night'] ?? '';
  const { answer, refusal, again } = useAsk(
    (signal) => ask('GET /api/reports/:night', { params: { night }, signal }),
    [night],
  );
  const now = boxNow();
  const missing = refusal?.status === 404 || refusal?.status === 400;
  if (answer === undefined) {
    return (
      <Page title={missing ? t.missingTitle : t.title} back={back}>
        {refusal === undefined && <Skeleton height="30rem" />}
        {missing && (
          <div class="card">
            <EmptyState icon={MoonStar} title={t.missingTitle} action={<LinkButton href="/nights">{t.all}</LinkButton>}>
              {t.missingText}
            </EmptyState>
          </div>
        )}
        {refusal !== undefined && !missing && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      </Page>
    );
  }
  const { window, total, phones, library } = answer;
  return (
    <Page title={t.reportTitle(answer.night, now)} back={back}>
      <div class="nights-columns">
        <div>
          <section class="card stack" style={{ '--gap': 'var(--s2)' }} aria-labelledby="night-came">
            <div class="nights-head">
              <h2 class="head" id="night-came">
                {t.came}
              </h2>
              <p class="cap num">{t.window(window.from, window.to)}</p>
            </div>
            <p class="figure">
              {t.brought(total.count, total.bytes, phones.filter(({ came }) => came.count > 0).length)}
            </p>
            {library === 'missing' && <p class="second measure">{t.notCounted}</p>}
            {total.again.count > 0 && <p class="second">{t.again(total.again.count)}</p>}
          </section>
          <section class="card" aria-labelledby="night-phones">
            <h2 class="head" id="night-phones">
              {t.phones}
            </h2>
            {phones.length === 0 ? (
              <p class="second">{t.phonesNone}</p>
            ) : (
              <ul class="rows">
                {phones.map((phone) => (
                  <li key={phone.id} class="nights-phone">
                    <PhoneNight phone={phone} now={answer.madeAt} />
                  </li>
                ))}
              </ul>
            )}
          </section>
        </div>
        <div>
          <Room report={answer} />
          <Needed report={answer} />
          <Kept report={answer} />
        </div>
      </div>
    </Page>
  );
}

function PhoneNight({ phone, now }: { phone: Phone; now: number }) {
  const { name, person, came, unfinished, refused, silentNights, lastSignAt, awayUntil, advice } = phone;
  const { look, icon, words } = pillOf(phone);
  const silent = advice.some(({ code }) => code === 'open-the-app-at-home');
  const waiting = unfinished.waiting ?? unfinished.uploads;
  const { ready, waiting: making, refused: without } = came.pictures;
  return (
    <>
      <Avatar name={person} />
      <div class="nights-facts">
        <p class="strong">{name}</p>
        <p class="second num">{t.phoneCame(came.count, came.bytes)}</p>
        {came.fromBrowser.count > 0 && <p class="cap num">{t.fromBrowser(came.fromBrowser.count)}</p>}
        {ready + making + without > 0 && <Note icon={Images}>{t.pictures(ready, making, without)}</Note>}
        {waiting > 0 && <Note icon={Clock}>{t.waiting(waiting, unfinished.videos)}</Note>}
        {unfinished.uploads > 0 && <p class="cap num">{t.begun(unfinished.bytes, unfinished.length)}</p>}
        {refused !== null && refused > 0 && <Note icon={FileX}>{t.refused(refused)}</Note>}
        {awayUntil !== null && <Note icon={Plane}>{t.away(awayUntil, now)}</Note>}
        {silent && <Note icon={Moon}>{t.silent(silentNights, lastSignAt, now)}</Note>}
        {!silent && awayUntil === null && came.count === 0 && <p class="cap">{t.seen(lastSignAt, now)}</p>}
        {unfinished.waiting === null && came.count > 0 && <p class="cap">{t.tellsNothing}</p>}
      </div>
      <div class="pill-place">
        <Pill look={look} icon={icon}>
          {words}
        </Pill>
      </div>
    </>
  );
}

function Note({ icon, children }: { icon: IconNode; children: string }) {
  return (
    <p class="nights-note second num">
      <Icon of={icon} size={16} />
      <span>{children}</span>
    </p>
  );
}

/** The worst that is so of it. */
function pillOf({ came, unfinished, refused, silentNights, awayUntil, advice }: Phone) {
  const waiting = unfinished.waiting ?? unfinished.uploads;
  if (advice.some(({ code }) => code === 'open-the-app-at-home')) {
    return { look: 'watch', icon: Moon, words: t.pillSilent(silentNights) } as const;
  }
  if (refused !== null && refused > 0) return { look: 'act', icon: CircleX, words: t.pillRefused(refused) } as const;
  if (waiting > 0) return { look: 'waiting', icon: Clock, words: t.pillWaiting(waiting) } as const;
  if (came.count > 0) return { look: 'safe', icon: Check, words: t.pillCame } as const;
  if (awayUntil !== null) return { look: 'quiet', icon: Plane, words: t.pillAway } as const;
  return { look: 'quiet', icon: Clock, words: t.pillNothing } as const;
}

function Room({ report: { disk, fullInDays } }: { report: Report }) {
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="night-room">
      <div class="nights-head">
        <h2 class="head" id="night-room">
          {t.room}
        </h2>
        {disk !== null && <p class="cap">{t.ofDisk(disk.totalBytes)}</p>}
      </div>
      {disk === null ? (
        <p class="second">{t.roomUnknown}</p>
      ) : (
        <>
          <p class="figure">{t.free(disk.freeBytes)}</p>
          <Bar share={1 - disk.freeBytes / disk.totalBytes} label={t.used(disk.freeBytes, disk.totalBytes)} />
          <p class="second">{fullInDays === null ? t.noForecast : t.fullIn(fullInDays)}</p>
        </>
      )}
    </section>
  );
}

function Needed({ report: { alerts, madeAt } }: { report: Report }) {
  const me = usePerson().name;
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="night-needed">
      <h2 class="head" id="night-needed">
        {t.needed} {alerts.length > 0 && <span class="cap num">{count(alerts.length)}</span>}
      </h2>
      {alerts.length === 0 ? (
        <p class="second">{t.nothingNeeded}</p>
      ) : (
        <ul class="stack nights-alerts" style={{ '--gap': 'var(--s3)' }}>
          {alerts.map((alert) => (
            <li key={alert.id}>
              <span class={alert.severity}>
                <Icon of={TriangleAlert} />
              </span>
              <span class="words">{alertTitle(alert, { own: alert.params['person'] === me, now: madeAt })}</span>
            </li>
          ))}
        </ul>
      )}
      <p>
        <a href="/alerts">{t.nowAlerts}</a>
      </p>
    </section>
  );
}

/** What was read again, and the last sealed copy of the box itself; a member's report tells of neither. */
function Kept({ report: { verified, boxCopy, madeAt } }: { report: Report }) {
  if (verified === null && boxCopy === null) return null;
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="night-kept">
      <h2 class="head" id="night-kept">
        {originals.kept}
      </h2>
      {verified !== null && (
        <p class="second num">
          {originals.readThen(verified.count, verified.bytes)}{' '}
          {verified.damaged > 0 && originals.damagedThen(verified.damaged)}
        </p>
      )}
      {verified !== null && verified.lost.count > 0 && (
        <p class="nights-note second">
          <Icon of={FileX} size={16} />
          <span>
            {originals.lostCount(verified.lost.count)}. <a href="/originals">{originals.show}</a>
          </span>
        </p>
      )}
      {boxCopy !== null && (
        <p class="second">
          {boxCopy.madeAt === null ? originals.copyNever : originals.copyMade(boxCopy.madeAt, madeAt)}{' '}
          {boxCopy.lack !== null && originals.lack[boxCopy.lack]}
        </p>
      )}
      {boxCopy !== null && boxCopy.lack !== null && boxCopy.lack !== 'disk-full' && (
        <p>
          <a href="/security">{originals.toKey}</a>
        </p>
      )}
    </section>
  );
}
