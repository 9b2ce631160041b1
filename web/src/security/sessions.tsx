import { Check, LogOut, Monitor, Smartphone } from 'lucide';
import { ask, boxNow } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { security as t } from '../text/en/security.ts';
import { moment } from '../text/format.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Icon } from '../ui/icon.tsx';
import { say } from '../ui/page.tsx';
import { CouldNotLoad, Pill, RefusalNote, Skeleton } from '../ui/parts.tsx';

export function SessionsCard() {
  const { answer, refusal, again } = useAsk((signal) => ask('GET /api/sessions', { signal }));
  const ending = useDoing(async (id: string) => {
    await confirmFirst(() => ask('DELETE /api/sessions/:id', { params: { id } }));
    await again();
  });
  const endingOthers = useDoing(async () => {
    const { ended } = await confirmFirst(() => ask('DELETE /api/sessions'));
    say(t.othersEnded(ended));
    await again();
  });
  const others = answer?.sessions.some(({ current }) => !current) === true;
  return (
    <section class="card stack" aria-labelledby="sessions">
      <div class="security-card-head">
        <div>
          <h2 class="head" id="sessions">
            {t.sessions}
          </h2>
          <p class="cap">{t.sessionsText}</p>
        </div>
        {others && (
          <Button look="secondary" busy={endingOthers.busy} onClick={() => void endingOthers.run()}>
            {t.signOutOthers}
          </Button>
        )}
      </div>
      <RefusalNote refusal={ending.refusal ?? endingOthers.refusal} />
      {answer === undefined && refusal === undefined && <Skeleton height="4rem" />}
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      <ul class="rows">
        {answer?.sessions.map(({ id, device, address, lastUsedAt, current }) => (
          <li key={id} class="security-line">
            <Icon of={/Android|iPhone|iPad/.test(device) ? Smartphone : Monitor} />
            <div class="security-words">
              <p class="strong">{device}</p>
              <p class="cap">{t.usedAt(address, moment(lastUsedAt, boxNow()))}</p>
            </div>
            {current ? (
              <Pill look="quiet" icon={Check}>
                {t.thisOne}
              </Pill>
            ) : (
              <IconButton of={LogOut} label={t.signOutThis(device)} onClick={() => void ending.run(id)} />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
