/** Owns the page that brings a silent phone back: one cause a step, while it watches for the first arrival. */
import { CircleCheck, ShieldCheck } from 'lucide';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useRoute } from 'preact-iso';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { useAsk } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { fixSteps, nights as t } from '../text/en/nights.ts';
import { LinkButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Page, say } from '../ui/page.tsx';
import { CouldNotLoad, Skeleton } from '../ui/parts.tsx';
import { PhoneAway } from '../ui/phone-away.tsx';
import { PhoneStatePill } from '../ui/phone-state.tsx';
import { NumberedSteps } from '../ui/steps.tsx';
import './nights.css';

type Phone = ReplyOf<'GET /api/home'>['phones'][number];
type Why = 'silent' | 'stalled';
/** What came may be many files in a moment: it is asked for again once in so long. */
const againMs = 1_000;

export function PhoneFix() {
  const id = useRoute().params['id'] ?? '';
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/home', { signal }));
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  useLive((event) => {
    if (event.type !== 'home' && event.type !== 'missed') return;
    timer.current ??= window.setTimeout(() => {
      timer.current = undefined;
      void again();
    }, againMs);
  });
  const phone = answer?.phones.find((one) => one.id === id);
  if (phone !== undefined) return <Fix key={id} phone={phone} onChanged={() => void again()} />;
  return (
    <Page title={common.phones} back={{ href: '/', label: common.home }}>
      {answer !== undefined && <p class="measure">{t.gone}</p>}
      {answer === undefined && refusal === undefined && <Skeleton height="24rem" />}
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
    </Page>
  );
}

function whyOf({ state, silentNights }: Phone): Why | undefined {
  if (state === 'silent' || silentNights > 0) return 'silent';
  return state === 'waiting' ? 'stalled' : undefined;
}

function Fix({ phone, onChanged }: { phone: Phone; onChanged: () => void }) {
  // How it stood when the page was opened: what it turns away from.
  const [first] = useState({ why: whyOf(phone), lastReceivedAt: phone.lastReceivedAt, lastSignAt: phone.lastSignAt });
  const why = first.why;
  const arrived = phone.lastReceivedAt !== first.lastReceivedAt || phone.state === 'arriving';
  // That nobody misses it any more, since it is away, is no sign of it.
  const heard = why === 'silent' ? phone.lastSignAt > first.lastSignAt : phone.counts?.waiting === 0;
  const back = why !== undefined && (arrived || heard);
  useEffect(() => {
    if (back) say(t.back(phone.name));
  }, [back, phone.name]);
  const { name, counts, silentNights, lastSignAt } = phone;
  const title = back
    ? t.back(name)
    : why === undefined
      ? t.fixFine(name)
      : why === 'silent'
        ? t.fixTitle(name)
        : t.fixStalled(name);
  const lead =
    why === undefined
      ? t.fixFineText
      : why === 'silent'
        ? t.fixSilentFor(silentNights, lastSignAt, boxNow())
        : t.fixWaiting(counts?.waiting ?? 0);
  return (
    <Page title={title} back={{ href: '/', label: common.home }} aside={<PhoneStatePill phone={phone} />}>
      {back ? <Back phone={phone} /> : <p class="second measure">{lead}</p>}
      {why !== undefined && !back && (
        <div class="nights-columns">
          <div>
            <NumberedSteps steps={stepsFor(phone, why)} />
          </div>
          <div>
            <section class="card nights-watch">
              <span class="ring" aria-hidden="true" />
              <div>
                <h2 class="strong">{t.watching}</h2>
                <p class="cap">{t.watchingText}</p>
              </div>
            </section>
            {why === 'silent' && <PhoneAway phone={phone} onChanged={onChanged} />}
          </div>
        </div>
      )}
      {why === undefined && (
        <p class="row">
          <Icon of={ShieldCheck} />
          <a href={`/phones/${phone.id}`}>{t.showPhone}</a>
        </p>
      )}
    </Page>
  );
}

function stepsFor({ client, id }: Phone, why: Why) {
  const kind =
    why === 'stalled' ? 'stalled' : client === 'nightjar-phone' ? 'command' : client === 'web-page' ? 'page' : 'app';
  return fixSteps[kind].map(({ what, where, pair }) => ({
    what,
    where: (
      <>
        {where} {pair && <a href={`/phones/pair?replaces=${encodeURIComponent(id)}`}>{t.pairAgain}</a>}
      </>
    ),
  }));
}

function Back({ phone: { id, arriving, lastReceivedAt } }: { phone: Phone }) {
  return (
    <section class="sky nights-back">
      <Icon of={CircleCheck} size={24} />
      <p class="verdict">{arriving === null ? t.backText(lastReceivedAt, boxNow()) : t.backArriving(arriving.count)}</p>
      <p class="second">{t.backDone}</p>
      <div class="buttons">
        <LinkButton href="/">{t.toHome}</LinkButton>
        <LinkButton look="secondary" href={`/phones/${id}`}>
          {t.showPhone}
        </LinkButton>
      </div>
    </section>
  );
}
