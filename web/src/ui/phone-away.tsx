import { Plane } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { alerts as t } from '../text/en/alerts.ts';
import { AwayDialog } from './away-dialog.tsx';
import { Button } from './button.tsx';
import { Icon } from './icon.tsx';
import { RefusalNote } from './parts.tsx';

type AwayProps = Readonly<{
  phone: Readonly<{ id: string; name: string; awayUntil: number | null }>;
  onChanged: () => void;
}>;

/** Whether somebody is to miss a phone: it may be away until a date, and back before it. */
export function PhoneAway({ phone, onChanged }: AwayProps) {
  const [asked, setAsked] = useState(false);
  const { id, awayUntil } = phone;
  const now = boxNow();
  const away = awayUntil !== null && awayUntil > now;
  const home = useDoing(async () => {
    await ask('PUT /api/phones/:id/away', { params: { id }, body: { until: null } });
    onChanged();
  });
  return (
    <section class="card stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="phone-away">
      <div>
        <h2 class="head row" id="phone-away" style={{ '--gap': 'var(--s2)' }}>
          <Icon of={Plane} />
          {t.awayCard}
        </h2>
        <p class="cap">{away ? t.awayUntil(awayUntil, now) : t.awayCardText}</p>
      </div>
      <RefusalNote refusal={home.refusal} />
      <div class="buttons">
        {away ? (
          <Button look="secondary" busy={home.busy} onClick={() => void home.run()}>
            {t.home}
          </Button>
        ) : (
          <Button look="secondary" onClick={() => setAsked(true)}>
            {t.awaySet}
          </Button>
        )}
      </div>
      <AwayDialog
        phone={phone}
        open={asked}
        onClose={() => setAsked(false)}
        onSaved={() => {
          setAsked(false);
          onChanged();
        }}
      />
    </section>
  );
}
