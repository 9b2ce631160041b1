/** Owns the page of all alerts: what needs somebody, what somebody has seen, and what is over. */
import { Check, Coffee, Eye } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { alertTitle, overWords, alerts as t } from '../text/en/alerts.ts';
import { common } from '../text/en/common.ts';
import { AlertCard } from '../ui/alert-card.tsx';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, EmptyState, RefusalNote, Skeleton } from '../ui/parts.tsx';
import './nights.css';

type Kept = ReplyOf<'GET /api/alerts'>['open'][number];
const pageSize = 30;
/** A page is for reading: older ones are of no use to anybody. */
const shownMax = 500;

export function AlertsPage() {
  const owner = usePerson().role === 'owner';
  const [older, setOlder] = useState<readonly Kept[]>([]);
  const [next, setNext] = useState<string | null>();
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/alerts', { query: { limit: pageSize }, signal }));
  useLive((event) => {
    if (event.type === 'home' || event.type === 'missed') void again();
  });
  const cursor = next === undefined ? answer?.next : next;
  const loading = useDoing(async () => {
    if (typeof cursor !== 'string') return;
    const page = await ask('GET /api/alerts', { query: { limit: pageSize, cursor } });
    setOlder([...older, ...page.cleared]);
    setNext(page.next);
  });
  if (answer === undefined) {
    return (
      <Page title={t.title} back={{ href: '/', label: common.home }}>
        {refusal === undefined ? (
          <Skeleton height="24rem" />
        ) : (
          <CouldNotLoad refusal={refusal} again={() => void again()} />
        )}
      </Page>
    );
  }
  const raised = answer.open.filter(({ state }) => state === 'raised');
  const seen = answer.open.filter(({ state }) => state === 'acknowledged');
  const over = [...answer.cleared, ...older];
  return (
    <Page title={t.title} back={{ href: '/', label: common.home }}>
      {raised.length === 0 ? (
        <div class="card">
          <EmptyState icon={Coffee} title={t.noneTitle}>
            {t.noneText}
          </EmptyState>
        </div>
      ) : (
        <div class="nights-cards">
          {raised.map((alert) => (
            <AlertCard
              key={alert.id}
              alert={{
                ...alert,
                advice: alert.advice.code,
                id: owner || alert.params['phone'] !== undefined ? alert.id : null,
              }}
              onChanged={() => void again()}
            >
              <p class="cap">{t.since(alert.since, boxNow())}</p>
            </AlertCard>
          ))}
        </div>
      )}
      {seen.length > 0 && (
        <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="alerts-seen">
          <div>
            <h2 class="head" id="alerts-seen">
              {t.seen}
            </h2>
            <p class="cap">{t.seenText}</p>
          </div>
          <Lines alerts={seen} />
        </section>
      )}
      <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="alerts-over">
        <div>
          <h2 class="head" id="alerts-over">
            {t.over}
          </h2>
          <p class="cap">{over.length === 0 ? t.overNone : t.overText}</p>
        </div>
        <Lines alerts={over} />
        <RefusalNote refusal={loading.refusal} />
        {typeof cursor === 'string' && over.length < shownMax && (
          <p>
            <Button look="secondary" busy={loading.busy} onClick={() => void loading.run()}>
              {t.older}
            </Button>
          </p>
        )}
      </section>
    </Page>
  );
}

function Lines({ alerts }: { alerts: readonly Kept[] }) {
  const me = usePerson().name;
  const now = boxNow();
  if (alerts.length === 0) return null;
  return (
    <ul class="rows nights-alerts">
      {alerts.map((alert) => {
        const { id, since, clearedAt, severity } = alert;
        return (
          <li key={id}>
            <span class={clearedAt === null ? severity : 'ended'}>
              <Icon of={clearedAt === null ? Eye : Check} />
            </span>
            <div class="words">
              <p>
                {clearedAt === null ? alertTitle(alert, { own: alert.params['person'] === me, now }) : overWords(alert)}
              </p>
              <p class="cap">{clearedAt === null ? t.since(since, now) : t.fromTo(since, clearedAt, now)}</p>
            </div>
          </li>
        );
      })}
    </ul>
  );
}
