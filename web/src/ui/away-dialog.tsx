import { useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { alerts as t } from '../text/en/alerts.ts';
import { day } from '../text/format.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { Field } from './field.tsx';
import { say } from './page.tsx';
import { RefusalNote } from './parts.tsx';
import './away-dialog.css';

const dayMs = 86_400_000;
const daysMax = 365;
const choices = [7, 14, 30] as const;

type AwayProps = Readonly<{
  phone: Readonly<{ id: string; name: string }>;
  open: boolean;
  onClose: () => void;
  onSaved: () => void;
}>;

/** Until when nobody need miss a phone: a date, or one of three. */
export function AwayDialog({ phone, open, onClose, onSaved }: AwayProps) {
  const [date, setDate] = useState(() => dateOf(boxNow() + 14 * dayMs));
  const until = Date.parse(`${date}T12:00`);
  const fits = until > boxNow() && until < boxNow() + daysMax * dayMs;
  const { busy, refusal, run } = useDoing(async () => {
    await ask('PUT /api/phones/:id/away', { params: { id: phone.id }, body: { until } });
    say(t.awaySaid(phone.name, day(until, boxNow())));
    onSaved();
  });
  return (
    <Dialog title={t.awayTitle(phone.name)} open={open} onClose={onClose} busy={busy}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <p class="second">{t.awayText}</p>
        <RefusalNote refusal={refusal} />
        <div class="away-days">
          {choices.map((days, at) => (
            <Button key={days} look="secondary" onClick={() => setDate(dateOf(boxNow() + days * dayMs))}>
              {t.awayDays[at]}
            </Button>
          ))}
        </div>
        <Field
          label={t.awayDate}
          type="date"
          value={date}
          onInput={setDate}
          error={fits ? undefined : t.awayPast}
          required
        />
        <div class="buttons">
          <Button type="submit" busy={busy} disabled={!fits}>
            {t.awaySave}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

/** yyyy-mm-dd by this device's calendar, as a field for dates takes it. */
function dateOf(ms: number): string {
  const at = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
