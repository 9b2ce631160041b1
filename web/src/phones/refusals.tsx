import { CircleX } from 'lucide';
import { ask } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk } from '../ask/use-ask.ts';
import { phones as t } from '../text/en/phones.ts';
import { Icon } from '../ui/icon.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import type { ShownPhone } from './use-phones.ts';

/** Which files were refused, and why; the names only to whose they are. */
export function Refusals({ phone }: { phone: ShownPhone }) {
  const { counts } = phone.standing ?? {};
  const refused = counts === null || counts === undefined ? 0 : counts.refused - counts.deleted;
  return refused === 0 ? null : <Refused phone={phone} refused={refused} />;
}

function Refused({ phone, refused }: { phone: ShownPhone; refused: number }) {
  const own = usePerson().id === phone.personId;
  const { answer, refusal } = useAsk(
    (signal) => ask('GET /api/phones/:id/refused', { params: { id: phone.id }, signal }),
    [phone.id, refused],
  );
  return (
    <section class="card stack" aria-labelledby="refused">
      <div>
        <h2 class="head phones-refused" id="refused">
          <Icon of={CircleX} />
          {t.refusedTitle(refused)}
        </h2>
        <p class="second">{t.refusedText}</p>
      </div>
      <RefusalNote refusal={refusal} />
      {answer?.refusals.map(({ code, reason, count, paths }) => (
        <div key={code}>
          <p class="strong">{t.refusedCount(count)}</p>
          <p class="second measure">{reason}</p>
          {paths.length > 0 && (
            <ul class="phones-paths">
              {paths.map((path) => (
                <li key={path}>{path}</li>
              ))}
            </ul>
          )}
          {paths.length > 0 && paths.length < count && <p class="cap">{t.refusedFirst(paths.length, count)}</p>}
        </div>
      ))}
      {answer !== undefined && !own && <p class="cap">{t.refusedOthers}</p>}
    </section>
  );
}
