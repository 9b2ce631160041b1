import { boxNow, type ReplyOf } from '../ask/ask.ts';
import { originals as t } from '../text/en/originals.ts';
import { Bar } from '../ui/parts.tsx';

export type Verification = ReplyOf<'GET /api/verification'>;

/** How far the files were read again, in a few lines; the page of it has the rest. */
export function OriginalsCard({ verification: { all, oldestAt, lost } }: { verification: Verification }) {
  const now = boxNow();
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="originals">
      <div>
        <h2 class="head" id="originals">
          {t.card}
        </h2>
        {lost.count > 0 && <p class="second">{t.lostCount(lost.count)}</p>}
        {lost.count === 0 && <p class="second">{oldestAt === null ? t.none : t.whole}</p>}
        {all === null && oldestAt !== null && <p class="cap">{t.since(oldestAt, now)}</p>}
      </div>
      {all !== null && (
        <>
          <Bar share={all.bytes / Math.max(1, all.ofBytes)} label={t.allBytes(all.bytes, all.ofBytes)} />
          <p class="cap num">{t.allOf(all.files, all.ofFiles, all.since, now)}</p>
        </>
      )}
      <p>
        <a href="/originals">{lost.count > 0 ? t.show : t.toPage}</a>
      </p>
    </section>
  );
}
