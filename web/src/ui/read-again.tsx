import { FileCheck, FileX } from 'lucide';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { originals as t } from '../text/en/originals.ts';
import { Button } from './button.tsx';
import { Icon } from './icon.tsx';
import { Bar, RefusalNote } from './parts.tsx';
import './read-again.css';

export type Verification = ReplyOf<'GET /api/verification'>;
export type Lost = Verification['lost']['files'][number];
type Mended = Verification['mended'][number];

/** How far the originals were read again; reading all of them now, and ending that. */
export function ReadingAgain({ state, onChanged }: { state: Verification; onChanged: () => void }) {
  const { all, waiting, files, bytes, oldestAt, overdue } = state;
  const now = boxNow();
  const change = useDoing(async () => {
    await ask(all === null ? 'POST /api/verification/start' : 'POST /api/verification/stop');
    onChanged();
  });
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="originals-read">
      <h2 class="head" id="originals-read">
        {all === null ? t.card : t.all}
      </h2>
      <p class="figure">{t.held(files, bytes)}</p>
      {all === null && oldestAt === null && <p class="second">{t.none}</p>}
      {all === null && oldestAt !== null && (
        <>
          <Bar share={1 - overdue / Math.max(1, files)} label={t.within(files - overdue, files)} safe={overdue === 0} />
          <p class="second">{overdue === 0 ? t.withinAll : t.overdue(overdue)}</p>
          <p class="cap">{t.since(oldestAt, now)}</p>
        </>
      )}
      {all !== null && (
        <>
          <Bar share={all.bytes / Math.max(1, all.ofBytes)} label={t.allBytes(all.bytes, all.ofBytes)} />
          <p class="second num">{t.allOf(all.files, all.ofFiles, all.since, now)}</p>
          {waiting && <p class="cap">{t.resting}</p>}
        </>
      )}
      <RefusalNote refusal={change.refusal} />
      {oldestAt !== null && all === null && <p class="cap">{t.readAllHint}</p>}
      {(oldestAt !== null || all !== null) && (
        <div class="buttons">
          <Button look="secondary" busy={change.busy} onClick={() => void change.run()}>
            {all === null ? t.readAll : t.stop}
          </Button>
        </div>
      )}
    </section>
  );
}

/** What is missing or damaged: name, person, date, and what is known of it. */
export function LostFiles({ files }: { files: readonly Lost[] }) {
  const now = boxNow();
  return (
    <ul class="rows found-files">
      {files.map(({ id, name, person, path, takenLocal, damage, foundAt }) => (
        <li key={id}>
          <span class="lost">
            <Icon of={FileX} />
          </span>
          <div class="words">
            <p class="strong">{name}</p>
            <p class="second">{t.of(person, takenLocal, now)}</p>
            <p class="cap">{t.found(damage, foundAt, now)}</p>
            <p class="cap mono">{path}</p>
          </div>
        </li>
      ))}
    </ul>
  );
}

/** What was lost and is there again, and by what. */
export function MendedFiles({ files }: { files: readonly Mended[] }) {
  const now = boxNow();
  if (files.length === 0) return null;
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="originals-mended">
      <div>
        <h2 class="head" id="originals-mended">
          {t.mended}
        </h2>
        <p class="cap">{t.mendedText}</p>
      </div>
      <ul class="rows found-files">
        {files.map(({ id, name, person, takenLocal, damage, how, mendedAt }) => (
          <li key={`${id} ${mendedAt}`}>
            <span class="mended">
              <Icon of={FileCheck} />
            </span>
            <div class="words">
              <p class="strong">{name}</p>
              <p class="second">{t.of(person, takenLocal, now)}</p>
              <p class="cap">{t.mendedBy(damage, how, mendedAt, now)}</p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
