/**
 * Owns the requests to approve: hears of them wherever in the app this browser is, and puts a sheet over the page. Only
 * where this browser is a phone; loaded by the app when it is.
 */
import { useCallback, useEffect, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { ask, Refusal, type ReplyOf } from '../ask/ask.ts';
import { type Heard, useLive } from '../ask/live.ts';
import { type OwnPhone, useApproverKey } from '../ask/own-phone.ts';
import { listenAsPhone } from '../ask/phone-live.ts';
import { useSession } from '../ask/session.tsx';
import { useOwnPhone } from '../ask/use-own-phone.ts';
import { ApprovalSheet } from './approval-sheet.tsx';

type Told = ReplyOf<'GET /api/approvals'>;

/** Pages on which this very browser signs in, or shows what is shown only once. */
const silentPages = /^\/(sign-in|setup|join|pair)(\/|$)/;
const wanted: ReadonlySet<string> = new Set(['hello', 'reset', 'missed', 'approval-asked', 'approval-ended']);

export function Approvals() {
  const phone = useOwnPhone();
  const { path } = useLocation();
  if (phone === null || phone === undefined || silentPages.test(path)) return null;
  return <Watch key={phone.token} phone={phone} path={path} />;
}

function Watch({ phone, path }: { phone: OwnPhone; path: string }) {
  const { state } = useSession();
  const [told, setTold] = useState<Told>();
  const [refused, setRefused] = useState(false);
  /** Answered here, or put aside: not shown again while the box still tells of it. */
  const [settled, setSettled] = useState<ReadonlySet<string>>(new Set());
  const [aside, setAside] = useState<ReadonlySet<string>>(new Set());
  const load = useCallback(async () => {
    try {
      const next = await ask('GET /api/approvals', { token: phone.token });
      const usable = next.approver !== null && (await useApproverKey(next.approver.publicKey));
      setTold(usable ? next : undefined);
    } catch (error) {
      // The phone's own page says so; here there is just nothing to approve.
      if (error instanceof Refusal && error.status === 401) setRefused(true);
    }
  }, [phone.token]);
  const hear = useCallback(
    (event: { type: string }) => {
      if (wanted.has(event.type)) void load();
    },
    [load],
  );
  useLive(hear as (event: Heard) => void);
  // A page of the same person hears of approvals by its own stream; browsers have six connections to the box in all.
  const heardAnyway =
    state.is === 'there' && state.current.stage === 'open' && state.current.person.name === phone.person;
  useEffect(() => {
    void load();
    if (heardAnyway || refused || state.is === 'unknown') return;
    return listenAsPhone(phone.token, { onEvent: hear, onRefused: () => setRefused(true) });
  }, [phone.token, heardAnyway, refused, state.is, hear, load]);
  useEffect(() => {
    if (path === '/this-phone') setAside(new Set());
    void load();
  }, [path, load]);
  const next = told?.approvals.find(({ id }) => !settled.has(id) && !aside.has(id));
  return (
    <ApprovalSheet
      phone={phone}
      request={refused ? undefined : next}
      stillAsked={(id) => told?.approvals.some((one) => one.id === id) === true}
      onSettled={(id) => setSettled(new Set([...settled, id]))}
      onAside={(id) => setAside(new Set([...aside, id]))}
      onDone={() => void load()}
    />
  );
}
