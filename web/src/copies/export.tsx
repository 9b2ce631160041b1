/**
 * Owns the page about the way out: what to say at the console, since only there an export begins, and how far it is.
 * Shown by the app at /export.
 */
import { CircleCheck, CircleX, CopyPlus, Hand, Images } from 'lucide';
import { useEffect, useState } from 'preact/hooks';
import { ask, type ReplyOf } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { exporting as t } from '../text/en/export.ts';
import { mirrors as words } from '../text/en/mirrors.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { CopyLine } from '../ui/copy-line.tsx';
import { Field, SelectField } from '../ui/field.tsx';
import type { IconNode } from '../ui/icon.tsx';
import { Page, say } from '../ui/page.tsx';
import { Bar, CouldNotLoad, EmptyState, Pill, type PillLook, RefusalNote, Skeleton } from '../ui/parts.tsx';
import { NumberedSteps } from '../ui/steps.tsx';
import { shellWord } from './shell-words.ts';
import './copies.css';

type View = NonNullable<ReplyOf<'GET /api/export'>['export']>;
const runningMs = 2_000;
const restingMs = 4_000;
const problemsShown = 20;

export function ExportPage() {
  const { role } = usePerson();
  return (
    <Page title={t.title} back={{ href: '/disks', label: words.disks }}>
      <p class="second measure">{t.lead}</p>
      {role === 'owner' ? (
        <div class="copies-columns">
          <div>
            <Begin />
          </div>
          <div>
            <Last />
          </div>
        </div>
      ) : (
        <EmptyState
          icon={Images}
          title={t.ownerOnly}
          action={
            <LinkButton look="secondary" href="/photos">
              {t.toPhotos}
            </LinkButton>
          }
        >
          {t.ownPhotos}
        </EmptyState>
      )}
    </Page>
  );
}

function Begin() {
  const { answer } = useAsk((signal) => ask('GET /api/people', { signal }));
  const [person, setPerson] = useState('');
  const [folder, setFolder] = useState('/mnt/');
  const people = (answer?.people ?? []).map(({ name }) => ({ value: name, label: name }));
  const whole = folder.startsWith('/');
  const command = ['nightjar export', shellWord(folder), ...(person === '' ? [] : ['--person', shellWord(person)])];
  return (
    <>
      <section class="card stack" aria-labelledby="export-begin">
        <div>
          <h2 class="head" id="export-begin">
            {t.begin}
          </h2>
          <p class="second measure">{t.beginText}</p>
        </div>
        <SelectField
          label={t.who}
          value={person}
          options={[{ value: '', label: t.everybody }, ...people]}
          onChange={setPerson}
        />
        <Field
          label={t.folder}
          value={folder}
          onInput={setFolder}
          hint={t.folderHint}
          error={whole ? undefined : t.folderForm}
          autocomplete="off"
          maxLength={4_096}
        />
        <CopyLine label={t.command} text={command.join(' ')} />
      </section>
      <NumberedSteps steps={t.steps} />
    </>
  );
}

const looks: Readonly<Record<View['state'], readonly [PillLook, IconNode]>> = {
  running: ['waiting', CopyPlus],
  done: ['safe', CircleCheck],
  stopped: ['quiet', Hand],
  failed: ['act', CircleX],
};

function Last() {
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/export', { signal }));
  const running = answer?.export?.state === 'running';
  useEffect(() => {
    const timer = window.setInterval(() => document.hidden || void again(), running ? runningMs : restingMs);
    return () => window.clearInterval(timer);
  }, [running, again]);
  const stop = useDoing(async () => {
    await ask('POST /api/export/stop');
    say(t.stopped);
    await again();
  });
  if (answer === undefined) {
    return refusal === undefined ? <Skeleton height="12rem" /> : <CouldNotLoad refusal={refusal} again={again} />;
  }
  const { export: view } = answer;
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="export-last">
      <div class="row spread">
        <h2 class="head" id="export-last">
          {t.last}
        </h2>
        {view !== null && (
          <Pill look={looks[view.state][0]} icon={looks[view.state][1]}>
            {t.states[view.state]}
          </Pill>
        )}
      </div>
      {view === null && <p class="second">{t.none}</p>}
      {view !== null && <Shown view={view} />}
      <RefusalNote refusal={stop.refusal} />
      {running && (
        <div class="buttons">
          <Button look="secondary" busy={stop.busy} onClick={() => void stop.run()}>
            {t.stop}
          </Button>
        </div>
      )}
    </section>
  );
}

function Shown({ view }: { view: View }) {
  const { person, folder, state, ofFiles, copied, had, reason, problems, problemsMore } = view;
  const missing = problems.length + problemsMore;
  return (
    <>
      <div>
        <p class="strong">{t.to(person)}</p>
        <p class="cap mono">{folder}</p>
      </div>
      {state === 'running' ? (
        <>
          <Bar share={(copied + had) / Math.max(1, ofFiles)} label={t.progress(view)} />
          <p class="cap num">{t.progress(view)}</p>
        </>
      ) : (
        <p class="second">{t.copied(view)}</p>
      )}
      {reason !== null && <p class="second">{reason}</p>}
      {missing > 0 && (
        <>
          <p class="strong">{t.problems(missing)}</p>
          <ul class="rows copies-problems">
            {problems.slice(0, problemsShown).map(({ path, reason: why }) => (
              <li key={path}>
                <p class="cap mono">{path}</p>
                <p class="cap">{t.reason[why]}</p>
              </li>
            ))}
          </ul>
          {missing > problemsShown && <p class="cap">{t.more(missing - problemsShown)}</p>}
        </>
      )}
    </>
  );
}
