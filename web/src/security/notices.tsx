import { BellRing } from 'lucide';
import { ask, boxNow } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { noticeText, security as t } from '../text/en/security.ts';
import { moment } from '../text/format.ts';
import { Button } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { RefusalNote } from '../ui/parts.tsx';

/** What happened to the account that the person has not seen yet; nothing when there is nothing. */
export function Notices() {
  const { answer, again } = useAsk((signal) => ask('GET /api/notices', { signal }));
  useLive((event) => {
    if (event.type === 'notice' || event.type === 'missed') void again();
  });
  const unseen = answer?.notices.filter(({ seen }) => !seen) ?? [];
  const codesRest = unseen.some(({ kind }) => kind === 'codes-rest');
  const [newest] = unseen;
  const { busy, refusal, run } = useDoing(async () => {
    if (newest === undefined) return;
    if (codesRest) await ask('POST /api/me/codes/allow');
    await ask('POST /api/notices/seen', { body: { upTo: newest.id } });
    await again();
  });
  if (newest === undefined) return null;
  return (
    <section class="card watch stack" aria-labelledby="notices">
      <h2 class="head" id="notices">
        {t.notices}
      </h2>
      <ul class="stack" style={{ '--gap': 'var(--s2)' }}>
        {unseen.map(({ id, at, kind, detail }) => (
          <li key={id} class="row" style={{ flexWrap: 'nowrap' }}>
            <Icon of={BellRing} />
            <p>
              {noticeText(kind, detail)} <span class="second">{moment(at, boxNow())}</span>
            </p>
          </li>
        ))}
      </ul>
      <RefusalNote refusal={refusal} />
      <div>
        <Button look="secondary" busy={busy} onClick={() => void run()}>
          {t.seen}
        </Button>
      </div>
    </section>
  );
}
