/** Owns the nights: the list of their reports. One of them is in report.tsx. */
import { MoonStar, ShieldCheck, TriangleAlert, Unplug } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { nights as t } from '../text/en/nights.ts';
import { Button } from '../ui/button.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, EmptyState, Pill, RefusalNote, Skeleton } from '../ui/parts.tsx';
import './nights.css';

type Head = ReplyOf<'GET /api/reports'>['reports'][number];
const pageSize = 30;
/** As many as are kept. */
const shownMax = 400;

export function Nights() {
  const [older, setOlder] = useState<readonly Head[]>([]);
  const [next, setNext] = useState<string | null>();
  const { answer, refusal, again } = useAsk(async (signal) => {
    const [list, plan] = await Promise.all([
      ask('GET /api/reports', { query: { limit: pageSize }, signal }),
      ask('GET /api/nights', { signal }),
    ]);
    return { ...list, nextReportAt: plan.nextReportAt };
  });
  const before = next === undefined ? answer?.next : next;
  const loading = useDoing(async () => {
    if (typeof before !== 'string') return;
    const page = await ask('GET /api/reports', { query: { limit: pageSize, before } });
    setOlder([...older, ...page.reports]);
    setNext(page.next);
  });
  const reports = [...(answer?.reports ?? []), ...older];
  return (
    <Page title={t.title} back={{ href: '/', label: common.home }}>
      <p class="second">{t.lead}</p>
      {answer === undefined && refusal === undefined && <Skeleton height="24rem" />}
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer !== undefined && reports.length === 0 && (
        <div class="card">
          <EmptyState icon={MoonStar} title={t.noneTitle}>
            {t.noneText(answer.nextReportAt, boxNow())}
          </EmptyState>
        </div>
      )}
      {reports.length > 0 && (
        <ul class="card rows nights-list">
          {reports.map((report) => (
            <li key={report.night}>
              <Row report={report} />
            </li>
          ))}
        </ul>
      )}
      <RefusalNote refusal={loading.refusal} />
      {typeof before === 'string' && reports.length < shownMax && (
        <p>
          <Button look="secondary" busy={loading.busy} onClick={() => void loading.run()}>
            {t.older}
          </Button>
        </p>
      )}
    </Page>
  );
}

function Row({ report: { night, library, count, bytes, phones, alerts } }: { report: Head }) {
  return (
    <a href={`/nights/${night}`}>
      <span class="strong">{t.to(night, boxNow())}</span>
      <span class="cap num">{t.brought(count, bytes, phones)}</span>
      {library === 'missing' ? (
        <Pill look="act" icon={Unplug}>
          {t.diskAway}
        </Pill>
      ) : alerts > 0 ? (
        <Pill look="watch" icon={TriangleAlert}>
          {t.alertsOpen(alerts)}
        </Pill>
      ) : (
        <Pill look="safe" icon={ShieldCheck}>
          {t.calm}
        </Pill>
      )}
    </a>
  );
}
