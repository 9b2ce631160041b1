import { Check, ChevronDown } from 'lucide';
import { useState } from 'preact/hooks';
import { boxNow, type ReplyOf } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { alertTitle, overWords, alerts as words } from '../text/en/alerts.ts';
import { home as t } from '../text/en/home.ts';
import { AlertCard } from '../ui/alert-card.tsx';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';

type View = ReplyOf<'GET /api/home'>;
const shownAtFirst = 2;

/** The worst first, two at once: more would be a wall. */
export function Alerts({ needs, onChanged }: { needs: View['needs']; onChanged: () => void }) {
  const [all, setAll] = useState(false);
  const shown = all ? needs : needs.slice(0, shownAtFirst);
  if (needs.length === 0) return null;
  return (
    <div class="home-alerts">
      {shown.map((alert) => (
        <AlertCard
          key={`${alert.code} ${alert.params['phone'] ?? alert.params['disk'] ?? ''}`}
          alert={alert}
          onChanged={onChanged}
        />
      ))}
      {shown.length < needs.length && (
        <div class="home-more">
          <Button look="quiet" onClick={() => setAll(true)}>
            {t.moreNeeds(needs.length - shown.length)}
          </Button>
        </div>
      )}
    </div>
  );
}

/** What was seen is folded into a line until it changes; what is over is a line for a day. */
export function Known({ needs, seen, over }: Pick<View, 'needs' | 'seen' | 'over'>) {
  const me = usePerson().name;
  if (needs.length + seen.length + over.length === 0) return null;
  return (
    <section class="home-known" aria-label={words.list}>
      {over.map(({ id, code, params, clearedAt }) => (
        <p key={id} class="home-over">
          <Icon of={Check} />
          <span>
            <span class="strong">{overWords({ code, params })}</span>{' '}
            <span class="cap">{words.overAt(clearedAt, boxNow())}</span>
          </span>
        </p>
      ))}
      {seen.length > 0 && (
        <details class="home-seen">
          <summary>
            <Icon of={ChevronDown} />
            {words.folded(seen.length)}
          </summary>
          <ul>
            {seen.map((alert) => (
              <li key={alert.id}>{alertTitle(alert, { own: alert.params['person'] === me, now: boxNow() })}</li>
            ))}
          </ul>
        </details>
      )}
      <a href="/alerts">{words.all}</a>
    </section>
  );
}
