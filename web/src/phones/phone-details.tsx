/** Owns one phone's page: how it stands with it, what it is called, and how it leaves. */
import { useState } from 'preact/hooks';
import { useLocation, useRoute } from 'preact-iso';
import { ask, boxNow } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { phones as t } from '../text/en/phones.ts';
import { count as inWords, moment } from '../text/format.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { ConnectedApps } from '../ui/connected-apps.tsx';
import { Page, say } from '../ui/page.tsx';
import { CouldNotLoad, Skeleton } from '../ui/parts.tsx';
import { PhoneAway } from '../ui/phone-away.tsx';
import { PhoneStatePill } from '../ui/phone-state.tsx';
import { TypedConfirmation } from '../ui/typed-confirmation.tsx';
import { JoinedNotes } from './joined-note.tsx';
import { NameAndFolder } from './name-and-folder.tsx';
import './phones.css';
import { Refusals } from './refusals.tsx';
import { type ShownPhone, usePhones } from './use-phones.ts';
import { clientWords } from './words.ts';

const back = { href: '/phones', label: t.title };

export function PhoneDetails() {
  const id = useRoute().params['id'] ?? '';
  const { route } = useLocation();
  const person = usePerson();
  const { answer, refusal, again } = usePhones();
  const phone = answer?.phones.find((one) => one.id === id);
  if (answer === undefined) {
    return (
      <Page title={t.title} back={back}>
        {refusal === undefined ? (
          <Skeleton height="24rem" />
        ) : (
          <CouldNotLoad refusal={refusal} again={() => void again()} />
        )}
      </Page>
    );
  }
  if (phone === undefined) {
    return (
      <Page title={t.title} back={back}>
        <p class="measure">{t.gone}</p>
        <p>
          <LinkButton href="/phones">{t.toPhones}</LinkButton>
        </p>
      </Page>
    );
  }
  const gone = () => {
    say(t.revoked(phone.name));
    route('/phones');
  };
  return (
    <Page
      key={id}
      title={phone.name}
      back={back}
      aside={phone.standing !== undefined && <PhoneStatePill phone={phone.standing} />}
    >
      <JoinedNotes phones={[phone]} onGone={gone} />
      <div class="phones-columns">
        <div class="stack">
          <Standing phone={phone} />
          <Refusals phone={phone} />
          <ConnectedApps phone={phone.id} own={phone.personId === person.id} />
        </div>
        <div class="stack">
          <NameAndFolder phone={phone} onSaved={() => void again()} />
          <PhoneAway phone={phone} onChanged={() => void again()} />
          <Endings phone={phone} onGone={gone} />
        </div>
      </div>
    </Page>
  );
}

function Standing({ phone }: { phone: ShownPhone }) {
  const { standing } = phone;
  const now = boxNow();
  const at = (ms: number | null | undefined) => (ms === null || ms === undefined ? t.never : moment(ms, now));
  const received = [t.lastReceived, at(standing?.lastReceivedAt)] as const;
  const facts: ReadonlyArray<readonly [string, string]> = [
    ...(standing?.state === 'unknown' ? [] : [received]),
    [t.lastSeen, at(phone.lastSeenAt)],
    [t.next, nextWords(phone, now)],
    [t.client, clientWords(phone)],
    [t.approves, phone.approver ? t.yes : t.no],
    [t.joinedAt, moment(phone.joinedAt, now)],
  ];
  return (
    <section class="card stack" aria-labelledby="how">
      <h2 class="head" id="how">
        {t.howTitle}
      </h2>
      <Counts phone={phone} />
      <dl class="phones-facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt class="second">{name}</dt>
            <dd class="num">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function nextWords({ nextAt, plannedAt, tells }: ShownPhone, now: number): string {
  if (!tells.includes('next-night')) return t.notToldWhen;
  if (nextAt !== null) return moment(nextAt, now);
  return plannedAt === null ? t.notToldWhen : t.noSchedule;
}

/** Safe, waiting and refused together are all that the phone told of: never more than that is claimed. */
function Counts({ phone: { standing, client } }: { phone: ShownPhone }) {
  const counts = standing?.counts ?? null;
  if (standing === undefined) return null;
  if (standing.state === 'unknown') return <p class="second measure">{t.unknownText}</p>;
  if (counts === null) {
    const { count } = standing.newSinceWindow;
    return (
      <>
        {count > 0 && <p class="figure">{t.newSince(count)}</p>}
        <p class="second measure">{client === 'web-page' ? t.pageTellsNothing : t.tellsNothing}</p>
      </>
    );
  }
  const { seen, safe, waiting, refused, deleted, fromBrowser } = counts;
  const shown: ReadonlyArray<readonly [string, number, string?]> = [
    [t.safe, safe],
    [t.waiting, waiting],
    [t.refused, refused - deleted],
    ...(deleted > 0 ? ([[t.deleted, deleted, t.deletedHint]] as const) : []),
    ...(fromBrowser > 0 ? ([[t.browser, fromBrowser, t.browserHint]] as const) : []),
  ];
  return (
    <>
      <p class="figure">{t.safeOf(safe, seen - deleted)}</p>
      <ul class="phones-counts" aria-label={t.counts}>
        {shown.map(([name, number, hint]) => (
          <li key={name}>
            <span class="cap">{name}</span>
            <span class="strong num">{inWords(number)}</span>
            {hint !== undefined && <span class="cap">{hint}</span>}
          </li>
        ))}
      </ul>
    </>
  );
}

function Endings({ phone, onGone }: { phone: ShownPhone; onGone: () => void }) {
  const [asked, setAsked] = useState(false);
  const { id, name, approver } = phone;
  return (
    <section class="card rows phones-endings">
      <div class="phones-ending">
        <div>
          <h2 class="strong">{t.moveTitle}</h2>
          <p class="cap">{t.moveText}</p>
        </div>
        <LinkButton look="secondary" href={`/phones/pair?replaces=${encodeURIComponent(id)}`}>
          {t.move}
        </LinkButton>
      </div>
      <div class="phones-ending">
        <div>
          <h2 class="strong">{t.revokeTitle}</h2>
          <p class="cap">{t.revokeText}</p>
        </div>
        <Button look="warn" onClick={() => setAsked(true)}>
          {t.revoke}
        </Button>
      </div>
      <TypedConfirmation
        open={asked}
        title={t.revokeAsk(name)}
        text={approver ? `${t.revokeText} ${t.revokeApprover}` : t.revokeText}
        expected={name}
        action={t.revokeThis(name)}
        onConfirm={async () => {
          await confirmFirst(() => ask('DELETE /api/phones/:id', { params: { id } }));
          setAsked(false);
          onGone();
        }}
        onClose={() => setAsked(false)}
      />
    </section>
  );
}
