import { boxNow, type ReplyOf } from '../ask/ask.ts';
import { home as t } from '../text/en/home.ts';

type Nights = ReplyOf<'GET /api/home'>['nights'];

/** The report of the last night in a few lines, or when the first one comes. */
export function LastNight({ nights: { report, nextReportAt } }: { nights: Nights }) {
  const now = boxNow();
  return (
    <section class="card stack home-last-night" style={{ '--gap': 'var(--s2)' }} aria-labelledby="home-last-night">
      <div class="home-card-head">
        <h2 class="head" id="home-last-night">
          {report === null ? t.lastNight : t.nightOf(report.night, now)}
        </h2>
        {report !== null && <a href="/nights">{t.allNights}</a>}
      </div>
      {report === null ? (
        <p class="second">{t.firstNight(nextReportAt, now)}</p>
      ) : (
        <>
          <p class="figure">{t.newFiles(report.count)}</p>
          {report.library === 'missing' ? (
            <p class="second">{t.notCounted}</p>
          ) : (
            <p class="second">{t.nightFrom(report.count, report.bytes, report.phones)}</p>
          )}
          {report.waiting > 0 && <p class="second">{t.nightWaiting(report.waiting, report.videos)}</p>}
          {report.silent > 0 && <p class="second">{t.nightSilent(report.silent)}</p>}
          <p>
            <a class="home-report" href={`/nights/${report.night}`}>
              {t.seeReport}
            </a>
          </p>
        </>
      )}
    </section>
  );
}
