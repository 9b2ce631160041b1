import { CircleCheck, CircleX, Clock, FolderInput, Pause } from 'lucide';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { imports as t } from '../text/en/imports.ts';
import { Button } from '../ui/button.tsx';
import { CopyLine } from '../ui/copy-line.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import { Pill, type PillLook, RefusalNote } from '../ui/parts.tsx';
import { shellWord } from './shell-words.ts';

export type Import = ReplyOf<'GET /api/imports/:id'>;
type Report = Import['report'];
const looks: Readonly<Record<Import['state'], readonly [PillLook, IconNode]>> = {
  running: ['waiting', FolderInput],
  waiting: ['watch', Clock],
  done: ['safe', CircleCheck],
  stopped: ['quiet', Pause],
  failed: ['act', CircleX],
};
const problemsShown = 50;

const sum = (of: Report['imported'], what: 'files' | 'bytes') =>
  Object.values(of).reduce((total, one) => total + one[what], 0);

type CardProps = Readonly<{
  it: Import;
  /** The same was not begun again since. */
  last: boolean;
  onChanged: () => Promise<void>;
}>;

/** One import: how far it is, what it came to, and pausing it. */
export function ImportCard({ it, last, onChanged }: CardProps) {
  const now = boxNow();
  const { id, person, state, reason, nextAt, createdAt, endedAt, report } = it;
  const [look, icon] = looks[state];
  const { name } = it;
  const had = sum(report.had, 'files');
  const size = sum(report.imported, 'bytes');
  const out = Object.values(report.leftOut).reduce((total, n) => total + n, 0);
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby={id}>
      <div class="copies-head">
        <Icon of={FolderInput} size={24} />
        <h3 class="head" id={id}>
          {t.of(name)}
        </h3>
        <Pill look={look} icon={icon}>
          {t.states[state]}
        </Pill>
      </div>
      <p class="cap">{t.forWhom(person, createdAt, now)}</p>
      <div>
        <p class="strong num">{t.imported(it)}</p>
        <p class="second num">
          {size > 0 && `${t.importedSize(size)}.`} {had > 0 && t.had(had)} {out > 0 && t.out(out)}
        </p>
      </div>
      {(state === 'waiting' || state === 'failed') && (
        <p class="second measure">
          {t.why(reason)} {nextAt !== null && t.tries(nextAt, now)}
        </p>
      )}
      {endedAt !== null && <p class="cap">{t.ended(endedAt, now)}</p>}
      <Actions {...{ it, last, onChanged }} />
      {state !== 'running' && <ReportDetails name={name} report={report} />}
    </section>
  );
}

/** Pausing ends it; going on begins the same again, which brings only the rest. */
function Actions({ it, last, onChanged }: CardProps) {
  const { id, name, state, source, folder, person, allFiles } = it;
  const stop = useDoing(async () => {
    await ask('POST /api/imports/:id/stop', { params: { id } });
    await onChanged();
  });
  const goOn = useDoing(async () => {
    await ask('POST /api/imports', { body: { source, folder: folder ?? '', person, allFiles } });
    await onChanged();
  });
  if (state === 'running' || state === 'waiting') {
    return (
      <>
        <RefusalNote refusal={stop.refusal} />
        <div class="buttons">
          <Button
            look="secondary"
            icon={Pause}
            busy={stop.busy}
            label={t.pauseThis(name)}
            onClick={() => void stop.run()}
          >
            {t.pause}
          </Button>
        </div>
        <p class="cap">{t.stopText}</p>
      </>
    );
  }
  // Where another person's came from is theirs alone.
  if (folder === null || state === 'done' || !last) return null;
  if (source === 'folder') {
    const all = allFiles ? ' --all-files' : '';
    const command = `nightjar import ${shellWord(folder)} --person ${shellWord(person)}${all}`;
    return <CopyLine label={t.goOnConsole} text={command} />;
  }
  return (
    <>
      <RefusalNote refusal={goOn.refusal} />
      <div class="buttons">
        <Button look="secondary" busy={goOn.busy} label={t.goOnThis(name)} onClick={() => void goOn.run()}>
          {t.goOn}
        </Button>
      </div>
    </>
  );
}

function ReportDetails({ name, report }: { name: string; report: Report }) {
  const kinds = Object.keys(report.imported) as (keyof Report['imported'])[];
  const left = Object.entries(report.leftOut);
  const more = Math.max(0, report.problems.length - problemsShown) + report.problemsMore;
  return (
    <details class="copies-report">
      <summary>
        {t.report}
        <span class="only-read"> {t.reportOf(name)}</span>
      </summary>
      <table class="num">
        <tbody>
          {kinds.flatMap((kind) => {
            const { files, bytes } = report.imported[kind];
            return files === 0
              ? []
              : [<Row key={kind} what={t.reportImported} of={t.kind(kind, files)} n={t.importedSize(bytes)} />];
          })}
          {kinds.flatMap((kind) => {
            const { files } = report.had[kind];
            return files === 0 ? [] : [<Row key={`had ${kind}`} what={t.reportHad} of={t.kind(kind, files)} n="" />];
          })}
          {left.map(([code, n]) => (
            <Row key={code} what={t.reportOut} of={t.reason(code)} n={t.count(n)} />
          ))}
        </tbody>
      </table>
      {report.problems.length > 0 && (
        <div class="copies-problems">
          <p class="strong">{t.problems}</p>
          <p class="cap">{t.problemsText}</p>
          <ul class="rows">
            {report.problems.slice(0, problemsShown).map(({ path, reason }) => (
              <li key={path}>
                <p class="cap mono">{path}</p>
                <p class="cap">{t.reason(reason)}</p>
              </li>
            ))}
          </ul>
        </div>
      )}
      {more > 0 && <p class="cap">{t.problemsMore(more)}</p>}
    </details>
  );
}

function Row({ what, of, n }: { what: string; of: string; n: string }) {
  return (
    <tr>
      <th scope="row">
        <span class="cap">{what}</span>
        <br />
        {of}
      </th>
      <td>{n}</td>
    </tr>
  );
}
