import { Plug } from 'lucide';
import { useEffect, useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { connect as t } from '../text/en/connect.ts';
import { Button } from './button.tsx';
import './connected-apps.css';
import { Dialog } from './dialog.tsx';
import { Icon } from './icon.tsx';
import { say } from './page.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from './parts.tsx';

type Connection = ReplyOf<'GET /api/connections'>['connections'][number];
type AppsProps = Readonly<{
  phone: string;
  /** The phone's own; without it the session asks. */
  token?: string;
  /** Whether it is one's own phone: to another's the owner connects nothing. */
  own: boolean;
}>;

/** The backup apps of one phone, each with its end. */
export function ConnectedApps({ phone, token, own }: AppsProps) {
  const by = token === undefined ? {} : { token };
  const { answer, refusal, again, put } = useAsk(
    async (signal) =>
      (await ask('GET /api/connections', { ...by, signal })).connections.filter((one) => one.phone === phone),
    [phone, token],
  );
  useEffect(() => {
    // Who comes back from the app sees it here.
    const look = () => document.hidden || void again();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, [again]);
  return (
    <section class="card stack apps" aria-labelledby="connected-apps">
      <h2 class="head" id="connected-apps">
        {t.listTitle}
      </h2>
      {answer === undefined && refusal === undefined && <Skeleton height="3rem" />}
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer?.length === 0 && <p class="second">{own ? t.listNone : t.listNoneOther}</p>}
      {answer !== undefined && answer.length > 0 && (
        <ul class="rows">
          {answer.map((one) => (
            <ConnectedApp
              key={one.id}
              connection={one}
              by={by}
              onGone={() => put(answer.filter(({ id }) => id !== one.id))}
            />
          ))}
        </ul>
      )}
      {own && (
        <p>
          <a class="apps-more" href={`/connect/apps?phone=${encodeURIComponent(phone)}`}>
            {t.listConnect}
          </a>
        </p>
      )}
    </section>
  );
}

function ConnectedApp({ connection, by, onGone }: OneProps) {
  const { id, client, door, createdAt, lastUsedAt } = connection;
  const [asked, setAsked] = useState(false);
  const name = client === null && lastUsedAt === null ? t.waitingName(door) : t.appName(client);
  const now = boxNow();
  const ending = useDoing(async () => {
    await ask('DELETE /api/connections/:id', { params: { id }, ...by });
    setAsked(false);
    say(t.disconnected(name));
    onGone();
  });
  return (
    <li class="apps-one">
      <span class="apps-sign" aria-hidden="true">
        <Icon of={Plug} />
      </span>
      <div>
        <p class="strong">{name}</p>
        <p class="cap num">{t.since(door, createdAt, now)}</p>
        <p class="cap num">{lastUsedAt === null ? t.neverUsed : t.lastUsed(lastUsedAt, now)}</p>
      </div>
      <button type="button" class="button warn" aria-label={t.disconnectLabel(name)} onClick={() => setAsked(true)}>
        {t.disconnect}
      </button>
      <Dialog title={t.disconnectTitle(name)} open={asked} onClose={() => setAsked(false)} busy={ending.busy}>
        <p>{t.disconnectText}</p>
        <RefusalNote refusal={ending.refusal} />
        <div class="buttons">
          <Button look="secondary" onClick={() => setAsked(false)}>
            {t.keepIt}
          </Button>
          <Button look="destructive" busy={ending.busy} onClick={() => void ending.run()}>
            {t.disconnectThis}
          </Button>
        </div>
      </Dialog>
    </li>
  );
}
type OneProps = Readonly<{ connection: Connection; by: { token?: string }; onGone: () => void }>;
