/** Owns the list of phones: which brings what, the worst first, and who joined of late. */
import { ChevronRight, Smartphone } from 'lucide';
import { boxNow } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { phones as t } from '../text/en/phones.ts';
import { LinkButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Page } from '../ui/page.tsx';
import { Avatar, CouldNotLoad, EmptyState, Skeleton } from '../ui/parts.tsx';
import { PhoneStatePill } from '../ui/phone-state.tsx';
import { JoinedNotes } from './joined-note.tsx';
import './phones.css';
import { type ShownPhone, usePhones } from './use-phones.ts';
import { clientWords } from './words.ts';

export function Phones() {
  const { answer, refusal, again } = usePhones();
  const owner = usePerson().role === 'owner';
  const list = answer?.phones ?? [];
  const some = list.length > 0;
  return (
    <Page title={t.title} aside={some && <LinkButton href="/phones/pair">{t.pair}</LinkButton>}>
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer === undefined && refusal === undefined && <Skeleton height="20rem" />}
      {answer !== undefined && !some && (
        <div class="card">
          <EmptyState
            icon={Smartphone}
            title={t.emptyTitle}
            action={<LinkButton href="/phones/pair">{t.pairFirst}</LinkButton>}
          >
            {t.emptyText}
          </EmptyState>
        </div>
      )}
      {some && (
        <>
          <p class="second">{owner ? t.lead(list.length) : t.leadOwn(list.length)}</p>
          <JoinedNotes phones={list} onGone={() => void again()} />
          <section class="card phones-list" aria-label={t.list}>
            {answer?.library === 'missing' && <p class="cap">{t.kept}</p>}
            <ul class="rows">
              {list.map((phone) => (
                <li key={phone.id}>
                  <Row phone={phone} />
                </li>
              ))}
            </ul>
          </section>
        </>
      )}
    </Page>
  );
}

function Row({ phone }: { phone: ShownPhone }) {
  const { standing } = phone;
  const last = standing?.lastReceivedAt ?? null;
  const counts = standing?.counts ?? null;
  const none = standing?.state === 'unknown' ? t.unknown : t.nothingYet;
  const lastWords = last === null ? none : t.lastPhoto(last, boxNow());
  return (
    <a class="phones-row" href={`/phones/${phone.id}`}>
      <Avatar name={phone.person} />
      <div class="phones-who">
        <p class="strong phones-name">{phone.name}</p>
        <p class="cap wide-only">
          {phone.person}
          {phone.client !== null && `, ${clientWords(phone)}`}
        </p>
        <p class="cap narrow-only">{phone.person}</p>
        <p class="cap narrow-only num">{lastWords}</p>
      </div>
      <div class="phones-evidence">
        <p class="num">
          {counts === null || counts.seen === 0 ? lastWords : t.safeOf(counts.safe, counts.seen - counts.deleted)}
        </p>
        <p class="cap num">{counts === null || counts.seen === 0 ? phone.baseFolder : lastWords}</p>
      </div>
      <div class="phones-pill">{standing !== undefined && <PhoneStatePill phone={standing} />}</div>
      <Icon of={ChevronRight} />
    </a>
  );
}
