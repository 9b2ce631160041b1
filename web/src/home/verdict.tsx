import { CircleCheck, Moon } from 'lucide';
import { boxNow, type ReplyOf } from '../ask/ask.ts';
import { home as t } from '../text/en/home.ts';
import { day } from '../text/format.ts';
import { LinkButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { usePageTitle } from '../ui/page.tsx';
import { NightStrip } from './night-strip.tsx';

type View = ReplyOf<'GET /api/home'>;
const dayMs = 86_400_000;
type Words = Readonly<{ title: string; text: string | undefined }>;

/** The answer first. The sky is there only while nothing needs anybody: trouble is seen from across the room. */
export function Verdict({ view }: { view: View }) {
  const { verdict, night } = view;
  const { title, text } = wordsOf(view);
  const place = usePageTitle(t.title);
  const heading = (
    <h1 class="verdict" tabIndex={-1} ref={place}>
      {title}
    </h1>
  );
  if (verdict.code === 'needs-you') {
    return (
      <div class="home-words home-plain">
        {heading}
        <p class="second">{text}</p>
      </div>
    );
  }
  const calm = verdict.code !== 'no-phone';
  return (
    <section class="sky home-sky">
      <div class="home-words">
        <p class="home-eyebrow">
          <Icon of={calm ? CircleCheck : Moon} />
          {day(view.at, boxNow())}
        </p>
        {heading}
        {text !== undefined && <p class="second">{text}</p>}
        {!calm && (
          <p>
            <LinkButton href="/phones/pair">{t.pairFirst}</LinkButton>
          </p>
        )}
      </div>
      {night.lanes.length > 0 && <NightStrip night={night} />}
    </section>
  );
}

/** What is still true, and what the night brought, while that is news. */
function needsText({ needs, seen, nights: { report }, at }: View): string {
  if ([...needs, ...seen].some(({ code }) => code === 'verification-failed')) return t.verdicts.needsTextLost;
  const fresh = report !== null && report.count > 0 && at - report.madeAt < dayMs;
  return fresh ? t.verdicts.needsTextNew(report.count, report.phones) : t.verdicts.needsText;
}

function wordsOf(view: View): Words {
  const { verdict, phones, nights } = view;
  const { verdicts } = t;
  switch (verdict.code) {
    case 'needs-you':
      return { title: verdicts['needs-you'](verdict.params.count), text: needsText(view) };
    case 'no-phone':
      return { title: verdicts['no-phone'], text: t.pairFirstText };
    case 'arriving': {
      const { person, count, phones: sending } = verdict.params;
      return { title: verdicts.arriving(person), text: verdicts.arrivingText(count, sending) };
    }
    case 'all-safe':
      return {
        title: verdicts['all-safe'],
        text: verdicts.allSafeText(verdict.params.safe, verdict.params.phones),
      };
    case 'came-in': {
      const { count, phones: came } = verdict.params;
      const [only] = phones;
      const title = came === 1 && only !== undefined ? verdicts.oneCameIn(only.name) : verdicts['came-in'];
      return { title, text: verdicts.cameInText(count, came) };
    }
    case 'some-came': {
      const { came, phones: of, new: fresh } = verdict.params;
      if (of === 0) return { title: verdicts.onlyNew, text: verdicts.onlyNewText(fresh) };
      return { title: verdicts['some-came'](came, of), text: verdicts.someText(nights.silentNights) };
    }
  }
}
