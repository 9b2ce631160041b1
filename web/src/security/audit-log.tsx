import { Download } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { eventText, security as t } from '../text/en/security.ts';
import { moment } from '../text/format.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';

type Entry = ReplyOf<'GET /api/audit'>['entries'][number];
const pageSize = 50;
/** A page is for reading; whoever needs all of it saves the file. */
const shownMax = 1_000;

export function AuditLog() {
  const [older, setOlder] = useState<readonly Entry[]>([]);
  const [next, setNext] = useState<string | null>();
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/audit', { query: { limit: pageSize }, signal }));
  const cursor = next === undefined ? answer?.next : next;
  const loading = useDoing(async () => {
    if (typeof cursor !== 'string') return;
    const page = await ask('GET /api/audit', { query: { limit: pageSize, cursor } });
    setOlder([...older, ...page.entries]);
    setNext(page.next);
  });
  const entries = [...(answer?.entries ?? []), ...older];
  return (
    <Page title={t.logTitle} back={{ href: '/security', label: t.title }}>
      <div class="row spread">
        <p class="second">{t.logText}</p>
        <div class="row">
          <LinkButton look="quiet" icon={Download} href="/api/audit/export?format=csv" plain>
            {t.exportCsv}
          </LinkButton>
          <LinkButton look="quiet" icon={Download} href="/api/audit/export?format=jsonl" plain>
            {t.exportLines}
          </LinkButton>
        </div>
      </div>
      <div class="card">
        {answer === undefined && refusal === undefined && <Skeleton height="30rem" />}
        {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
        {answer !== undefined && <Entries entries={entries} />}
        <RefusalNote refusal={loading.refusal} />
      </div>
      {typeof cursor === 'string' && entries.length < shownMax && (
        <p>
          <Button look="secondary" busy={loading.busy} onClick={() => void loading.run()}>
            {t.older}
          </Button>
        </p>
      )}
    </Page>
  );
}

function Entries({ entries }: { entries: readonly Entry[] }) {
  if (entries.length === 0) return <p class="second">{t.noEntries}</p>;
  return (
    <table class="security-log">
      <thead>
        <tr>
          <th scope="col">{t.when}</th>
          <th scope="col">{t.who}</th>
          <th scope="col">{t.what}</th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.id}>
            <td class="cap num">{moment(entry.at, boxNow())}</td>
            <td class="strong">{actorOf(entry)}</td>
            <td>
              {eventText(entry.event)}
              {entry.subjectName !== null && entry.subjectName !== entry.actorName && `: ${entry.subjectName}`}
              <p class="cap">
                {detailOf(entry)}
                {entry.times > 1 && ` ${t.times(entry.times)}`}
              </p>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function actorOf({ actor, actorName }: Entry): string {
  if (actorName !== null) return actorName;
  if (actor === 'console') return t.console;
  if (actor === 'box') return t.box;
  return actor === 'nobody' ? t.nobody : t.somebody;
}

/** The facts as the box wrote them down: this page is one level deeper than the others. */
function detailOf({ detail }: Entry): string {
  return Object.entries(detail)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');
}
