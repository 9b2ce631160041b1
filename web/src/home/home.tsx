/** Owns the answer to "is everyone safe?": one question to the box, kept true by what it tells live. */
import { ChevronRight, Coffee } from 'lucide';
import { useEffect, useRef } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { tellNeeds } from '../ask/needs.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk } from '../ask/use-ask.ts';
import { evidence, home as t } from '../text/en/home.ts';
import { count } from '../text/format.ts';
import { Icon } from '../ui/icon.tsx';
import { usePageTitle } from '../ui/page.tsx';
import { Avatar, Bar, CouldNotLoad, Skeleton } from '../ui/parts.tsx';
import { PhoneStatePill } from '../ui/phone-state.tsx';
import { Alerts, Known } from './alerts.tsx';
import './home.css';
import { DisksCard } from './disks.tsx';
import { LastNight } from './last-night.tsx';
import { Verdict } from './verdict.tsx';

type View = ReplyOf<'GET /api/home'>;
type Phone = View['phones'][number];
/** What changes often is asked for once in so long. */
const againMs = 2_000;

export function Home() {
  const { answer, refusal, again, put } = useAsk((signal) => ask('GET /api/home', { signal }));
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  useLive((event) => {
    if (event.type === 'missed') void again();
    if (event.type !== 'home' && event.type !== 'disks') return;
    if (event.type === 'home' && answer !== undefined) put(withPhones(answer, event.phones));
    timer.current ??= window.setTimeout(() => {
      timer.current = undefined;
      void again();
    }, againMs);
  });
  useEffect(() => {
    if (answer === undefined) return;
    const [worst] = answer.needs;
    const { length } = answer.needs;
    tellNeeds(worst && { worst: worst.severity, text: t.verdicts['needs-you'](length) });
  }, [answer]);
  if (answer !== undefined) return <Shown view={answer} onChanged={() => void again()} />;
  return refusal === undefined ? <Waiting /> : <CouldNotLoad refusal={refusal} again={() => void again()} />;
}

/** The counts move at once; the sentence and the rest come with the next answer. */
function withPhones(view: View, standings: readonly (Partial<Phone> & { id: string })[]): View {
  const phones = view.phones.map((phone) => ({ ...phone, ...standings.find(({ id }) => id === phone.id) }));
  return { ...view, phones };
}

function Shown({ view, onChanged }: { view: View; onChanged: () => void }) {
  const { needs, phones, mine, library, nights } = view;
  return (
    <div class="home">
      <Verdict view={view} />
      <Alerts needs={needs} onChanged={onChanged} />
      <Known needs={needs} seen={view.seen} over={view.over} />
      <div class={phones.length > 0 ? 'home-columns' : 'home-columns home-single'}>
        <div>
          {phones.length > 0 && <Phones phones={phones} away={library === 'missing'} />}
          {mine.count > 0 && <Mine mine={mine} />}
        </div>
        <div>
          {needs.length === 0 && phones.length > 0 && (
            <section class="card home-quiet">
              <Icon of={Coffee} size={24} />
              <div>
                <h2 class="strong">{t.nothingNeeds}</h2>
                <p class="cap">{t.nextNight(nights.opensAt)}</p>
                {view.seen.length + view.over.length === 0 && <a href="/alerts">{t.alerts}</a>}
              </div>
            </section>
          )}
          {phones.length > 0 && <LastNight nights={nights} />}
          {view.disks !== null && <DisksCard disks={view.disks} library={library} />}
          <Room view={view} />
        </div>
      </div>
    </div>
  );
}

function Phones({ phones, away }: { phones: readonly Phone[]; away: boolean }) {
  const owner = usePerson().role === 'owner';
  return (
    <section class="card" aria-labelledby="home-phones">
      <div class="home-card-head">
        <h2 class="head" id="home-phones">
          {t.phones}
        </h2>
        <a href="/phones/pair">{t.pair}</a>
      </div>
      {away && <p class="cap">{t.kept}</p>}
      <ul class="rows">
        {phones.map((phone) => (
          <li key={phone.id}>
            <PhoneRow phone={phone} named={owner} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function PhoneRow({ phone, named }: { phone: Phone; named: boolean }) {
  const [first, second] = evidence(phone, boxNow());
  const kind = [named ? phone.person : undefined, phone.client].filter((part) => part !== undefined && part !== null);
  return (
    <a class="home-phone" href={`/phones/${phone.id}`}>
      <Avatar name={phone.person} />
      <div>
        <p class="home-phone-name strong">{phone.name}</p>
        <p class="cap wide-only">{kind.join(', ')}</p>
        <p class="cap narrow-only num">{first}</p>
      </div>
      <div class="home-evidence">
        <p class="num">{first}</p>
        <p class="cap num">{second}</p>
      </div>
      <div class="pill-place">
        <PhoneStatePill phone={phone} />
      </div>
      <span class="home-chevron">
        <Icon of={ChevronRight} />
      </span>
    </a>
  );
}

function Mine({ mine }: { mine: View['mine'] }) {
  return (
    <section class="stack home-own" style={{ '--gap': 'var(--s3)' }} aria-labelledby="home-mine">
      <div class="home-card-head">
        <h2 class="head" id="home-mine">
          {t.mine} <span class="cap num">{count(mine.count)}</span>
        </h2>
        <a href="/photos">{t.seeAll}</a>
      </div>
      <div class="home-mine">
        {mine.newest.map(({ id, kind }, at) => (
          <a key={id} href={`/photos/${id}`}>
            <img
              src={`/api/assets/${id}/thumbnail`}
              alt={kind === 'photo' ? t.newPhoto(at + 1, mine.newest.length) : t.newVideo(at + 1, mine.newest.length)}
              width={160}
              height={160}
              loading="lazy"
              decoding="async"
            />
          </a>
        ))}
      </div>
    </section>
  );
}

function Room({ view: { room, quota, fullInDays } }: { view: View }) {
  const left = quota === null || quota.usedBytes === null ? null : Math.max(0, quota.quotaBytes - quota.usedBytes);
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="home-room">
      <div class="home-card-head">
        <h2 class="head" id="home-room">
          {t.room}
        </h2>
        {room !== null && <p class="cap">{t.ofDisk(room.totalBytes)}</p>}
      </div>
      {room === null ? (
        <p class="second">{t.roomUnknown}</p>
      ) : (
        <>
          <p class="figure">{t.free(room.freeBytes)}</p>
          <Bar share={1 - room.freeBytes / room.totalBytes} label={t.used(room.freeBytes, room.totalBytes)} />
          {fullInDays !== null && <p class="second">{t.lasts(fullInDays, boxNow())}</p>}
          {left !== null && quota !== null && (
            <p class="second">{left === 0 ? t.mayUseNoMore(quota.quotaBytes) : t.mayUse(left, quota.quotaBytes)}</p>
          )}
        </>
      )}
    </section>
  );
}

/** The same heights as what comes. */
function Waiting() {
  const place = usePageTitle(t.title);
  return (
    <div class="home">
      <h1 class="only-read" tabIndex={-1} ref={place}>
        {t.title}
      </h1>
      <Skeleton height="15rem" />
      <div class="home-columns">
        <div>
          <Skeleton height="24rem" />
        </div>
        <div>
          <Skeleton height="5rem" />
          <Skeleton height="9rem" />
        </div>
      </div>
    </div>
  );
}
