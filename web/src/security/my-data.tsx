import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk } from '../ask/use-ask.ts';
import { security as t } from '../text/en/security.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { TypedConfirmation } from '../ui/typed-confirmation.tsx';

/** A member's own way out: everything of theirs is deleted. */
export function MyData() {
  const { name, id } = usePerson();
  const { answer, again, put } = useAsk((signal) => ask('GET /api/me/data', { signal }));
  const [asked, setAsked] = useState(false);
  useLive((event) => {
    if (event.type === 'erasure' && event.person === id) put({ erasure: event.ended ? null : event });
  });
  const erasure = answer?.erasure;
  return (
    <section class="card stack" aria-labelledby="my-data">
      <div>
        <h2 class="head" id="my-data">
          {t.myData}
        </h2>
        <p class="cap">{t.myDataText}</p>
      </div>
      {erasure === undefined || erasure === null ? (
        <div>
          <Button look="warn" onClick={() => setAsked(true)}>
            {t.deleteMine}
          </Button>
        </div>
      ) : (
        <p role="status">{t.deleting(erasure.done, erasure.files)}</p>
      )}
      <TypedConfirmation
        open={asked}
        title={t.deleteMineTitle}
        text={t.deleteDataText}
        expected={name}
        action={t.deleteMine}
        onConfirm={async (typed) => {
          await confirmFirst(() => ask('DELETE /api/me/data', { body: { typed } }));
          setAsked(false);
          await again();
        }}
        onClose={() => setAsked(false)}
      />
    </section>
  );
}
