import { CloudUpload } from 'lucide';
import { boxNow } from '../ask/ask.ts';
import { thisPhone as t } from '../text/en/this-phone.ts';
import { LinkButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import type { Due } from './due.ts';

/** The phone is due: nothing of it came of late. */
export function DueNote({ due: { why, since, waiting } }: { due: Due }) {
  const now = boxNow();
  return (
    <section class="card watch stack" style={{ '--gap': 'var(--s3)' }} aria-labelledby="phone-due">
      <h2 class="head row" id="phone-due" style={{ '--gap': 'var(--s3)', flexWrap: 'nowrap' }}>
        <Icon of={CloudUpload} />
        {t.dueTitle(since, now)}
      </h2>
      <p class="second">{why === 'waiting' ? t.dueWaiting(waiting) : t.dueSilent}</p>
      <div class="buttons">
        <LinkButton href="/this-phone/backup">{t.backUp}</LinkButton>
      </div>
    </section>
  );
}
