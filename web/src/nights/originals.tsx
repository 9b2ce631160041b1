/** Owns the page about the files on the disk: how far they were read again, and which of them are not what came. */
import { ShieldCheck } from 'lucide';
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { originals as t } from '../text/en/originals.ts';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Page } from '../ui/page.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { type Lost, LostFiles, MendedFiles, ReadingAgain, type Verification } from '../ui/read-again.tsx';
import { NumberedSteps } from '../ui/steps.tsx';
import './nights.css';

const pageSize = 50;
/** Whoever has more has lost a disk. */
const shownMax = 2_000;
const againMs = 2_000;

export function Originals() {
  const { answer, refusal, again } = useAsk((signal) =>
    ask('GET /api/verification', { query: { limit: pageSize }, signal }),
  );
  // What came again, or was found, changes what needs somebody.
  useLive((event) => {
    if (event.type === 'home' || event.type === 'missed') void again();
  });
  const reading = answer !== undefined && (answer.running || answer.all !== null);
  useEffect(() => {
    if (!reading) return;
    const timer = window.setInterval(() => document.hidden || void again(), againMs);
    return () => window.clearInterval(timer);
  }, [reading, again]);
  return (
    <Page title={t.title} back={{ href: '/settings', label: common.settings }}>
      <p class="second measure">{t.lead}</p>
      {answer === undefined && refusal === undefined && <Skeleton height="24rem" />}
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer !== undefined && (
        <div class="nights-columns">
          <div>
            <LostCard lost={answer.lost} />
            <MendedFiles files={answer.mended} />
          </div>
          <div>
            <ReadingAgain state={answer} onChanged={() => void again()} />
          </div>
        </div>
      )}
    </Page>
  );
}

function LostCard({ lost }: Pick<Verification, 'lost'>) {
  const [older, setOlder] = useState<readonly Lost[]>([]);
  const [next, setNext] = useState<string | null>();
  const cursor = next === undefined ? lost.next : next;
  const loading = useDoing(async () => {
    if (cursor === null) return;
    const page = await ask('GET /api/verification', { query: { limit: pageSize, cursor } });
    setOlder([...older, ...page.lost.files]);
    setNext(page.lost.next);
  });
  // The first page may have grown since: no file is shown twice.
  const known = new Set(lost.files.map(({ id }) => id));
  const shown = [...lost.files, ...older.filter(({ id }) => !known.has(id))];
  if (lost.count === 0) {
    return (
      <section class="card nights-watch">
        <span class="nights-whole">
          <Icon of={ShieldCheck} size={24} />
        </span>
        <div>
          <h2 class="strong">{t.lost}</h2>
          <p class="second">{t.lostNone}</p>
        </div>
      </section>
    );
  }
  return (
    <>
      <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="originals-lost">
        <h2 class="head" id="originals-lost">
          {t.lostCount(lost.count)}
        </h2>
        <LostFiles files={shown} />
        <RefusalNote refusal={loading.refusal} />
        {cursor !== null && shown.length < shownMax && (
          <p>
            <Button look="secondary" busy={loading.busy} onClick={() => void loading.run()}>
              {t.more}
            </Button>
          </p>
        )}
      </section>
      <section class="stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="originals-steps">
        <h2 class="head" id="originals-steps">
          {t.whatToDo}
        </h2>
        <NumberedSteps steps={t.steps} />
      </section>
    </>
  );
}
