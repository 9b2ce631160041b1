import { useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { settings as t } from '../text/en/settings.ts';
import { Button } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { say } from '../ui/page.tsx';
import { RefusalNote } from '../ui/parts.tsx';

type Plan = ReplyOf<'GET /api/nights'>;
const stepSeconds = 300;
const nightsMax = 60;

/** When phones are to come in, and after how many nights without one somebody is told. */
export function NightsCard({ plan, onChange }: { plan: Plan; onChange: (plan: Plan) => void }) {
  const [opensAt, setOpensAt] = useState(plan.opensAt);
  const [closesAt, setClosesAt] = useState(plan.closesAt);
  const [silent, setSilent] = useState(String(plan.silentNights));
  const { busy, refusal, run } = useDoing(async () => {
    onChange(await ask('PATCH /api/nights', { body: { opensAt, closesAt, silentNights: Number(silent) } }));
    say(t.saved);
  });
  const nights = Number(silent);
  const fits = Number.isInteger(nights) && nights >= 1 && nights <= nightsMax;
  const dirty = opensAt !== plan.opensAt || closesAt !== plan.closesAt || silent !== String(plan.silentNights);
  return (
    <section class="card" aria-labelledby="nights">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <div>
          <h2 class="head" id="nights">
            {t.nights}
          </h2>
          <p class="cap">{t.nightsText(plan.nextReportAt, boxNow())}</p>
        </div>
        <RefusalNote refusal={refusal} />
        <div class="settings-hours">
          <Field label={t.opens} type="time" step={stepSeconds} value={opensAt} onInput={setOpensAt} required />
          <Field label={t.closes} type="time" step={stepSeconds} value={closesAt} onInput={setClosesAt} required />
        </div>
        <Field
          label={t.silentNights}
          value={silent}
          onInput={setSilent}
          inputMode="numeric"
          maxLength={2}
          hint={t.silentNightsHint}
          error={fits ? undefined : t.silentNightsWrong}
          required
        />
        {dirty && (
          <div class="buttons">
            <Button type="submit" busy={busy} disabled={!fits}>
              {t.nightsSave}
            </Button>
          </div>
        )}
      </form>
    </section>
  );
}
