import { Sparkles } from 'lucide';
import { useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { phones as t } from '../text/en/phones.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Icon } from '../ui/icon.tsx';
import { NotMine } from '../ui/not-mine.tsx';
import { say } from '../ui/page.tsx';
import type { ShownPhone } from './use-phones.ts';

type JoinedNoteProps = Readonly<{ phone: ShownPhone; onGone: () => void }>;

/** For a day after they joined: whoever does not know one turns it away with two presses. */
export function JoinedNotes({ phones, onGone }: { phones: readonly ShownPhone[]; onGone: () => void }) {
  const recent = phones.filter(({ joinedRecently }) => joinedRecently);
  if (recent.length === 0) return null;
  return (
    <section class="card phones-joined" aria-label={t.joinedRecently}>
      <ul>
        {recent.map((phone) => (
          <li key={phone.id}>
            <JoinedNote phone={phone} onGone={onGone} />
          </li>
        ))}
      </ul>
      <p class="cap">{t.joinedAsk}</p>
    </section>
  );
}

function JoinedNote({ phone, onGone }: JoinedNoteProps) {
  const [asked, setAsked] = useState(false);
  const { id, name, person, joinedAt } = phone;
  const turning = useDoing(async () => {
    await confirmFirst(() => ask('DELETE /api/phones/:id', { params: { id } }));
    setAsked(false);
    say(t.revoked(name));
    onGone();
  });
  return (
    <div class="phones-joined-one">
      <Icon of={Sparkles} />
      <p class="strong">{t.joined(name, person, joinedAt, boxNow())}</p>
      <Button look="warn" onClick={() => setAsked(true)}>
        {t.notMine}
      </Button>
      <NotMine phone={name} open={asked} doing={turning} onClose={() => setAsked(false)} />
    </div>
  );
}
