/**
 * Owns the moment in which a phone's first photo is there: waits by the live events and by looking now and then (the page
 * is often hidden behind the app meanwhile), and shows its picture. Never claims more than what the box lists.
 */
import { Check } from 'lucide';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { asConnector, type Connector } from '../ask/connector.ts';
import { useLive } from '../ask/live.ts';
import { fetchAsPhone } from '../ask/own-phone.ts';
import { listenAsPhone } from '../ask/phone-live.ts';
import { useSession } from '../ask/session.tsx';
import { connect as t } from '../text/en/connect.ts';
import './first-photo.css';
import { Icon } from './icon.tsx';
import { say } from './page.tsx';

type Arrived = Readonly<{ id?: number; name?: string; first: boolean }>;
const againMs = 15_000;

export function FirstPhoto({ connector }: { connector: Connector }) {
  const { before, arrived } = useFirstPhoto(connector);
  const first = arrived?.first ?? before === 0;
  useEffect(() => {
    if (arrived !== undefined) say(arrived.first ? t.firstSafe : t.nextSafe);
  }, [arrived]);
  return (
    <section class={arrived === undefined ? 'card first-photo' : 'card first-photo safe'}>
      {arrived === undefined ? (
        <span class="first-photo-place" aria-hidden="true">
          <span class="ring" />
        </span>
      ) : (
        <Thumbnail key={arrived.id} arrived={arrived} connector={connector} />
      )}
      <div>
        <h2 class="head">{arrived === undefined ? waiting(first) : first ? t.firstSafe : t.nextSafe}</h2>
        <p class="second">{arrived === undefined ? t.waitingText : t.safeText}</p>
      </div>
    </section>
  );
}

const waiting = (first: boolean) => (first ? t.waitingPhoto : t.waitingNext);

function Thumbnail({ arrived: { id, name = '' }, connector }: { arrived: Arrived; connector: Connector }) {
  const [url, setUrl] = useState<string>();
  const { token } = connector;
  useEffect(() => {
    if (id === undefined) return;
    const leaving = new AbortController();
    let made: string | undefined;
    const load = async () => {
      if (token === undefined) return setUrl(`/api/assets/${id}/thumbnail`);
      const reply = await fetchAsPhone({ token }, '/api/assets/:id/thumbnail', { id }, leaving.signal);
      if (!reply.ok) return;
      made = URL.createObjectURL(await reply.blob());
      setUrl(made);
    };
    // Without its picture the photo is as safe.
    void load().catch(() => undefined);
    return () => {
      leaving.abort();
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [id, token]);
  return (
    <span class="first-photo-place">
      {url !== undefined && (
        <img src={url} width="96" height="96" alt={t.photoAlt(name)} onError={() => setUrl(undefined)} />
      )}
      <span class="first-photo-check" aria-hidden="true">
        <Icon of={Check} size={16} stroke={2.1} />
      </span>
    </span>
  );
}

/** `before`: how many of its photos were there when the page was opened; undefined until that is known. */
function useFirstPhoto(connector: Connector): { before: number | undefined; arrived: Arrived | undefined } {
  const { phone, token } = connector;
  const { state } = useSession();
  const [before, setBefore] = useState<number>();
  const [arrived, setArrived] = useState<Arrived>();
  const known = useRef<number | undefined>(undefined);
  const look = useCallback(
    async (asset?: number) => {
      const by = asConnector(connector);
      const found = await (asset === undefined ? lookForAny(phone, by, known) : lookAt(asset, phone, by, known));
      setBefore(known.current);
      // The first one that came stays on the page, whatever comes after it.
      if (found !== undefined) setArrived((one) => one ?? found);
    },
    [phone, token],
  );
  const hear = useCallback(
    (event: { type: string; asset?: number }) => {
      if (event.type === 'arrived') void look(event.asset).catch(() => undefined);
      else if (event.type === 'hello' || event.type === 'reset' || event.type === 'missed') {
        void look().catch(() => undefined);
      }
    },
    [look],
  );
  useLive(hear);
  const done = arrived !== undefined;
  useEffect(() => {
    if (done) return;
    void look().catch(() => undefined);
    const timer = window.setInterval(() => document.hidden || void look().catch(() => undefined), againMs);
    const shown = () => document.hidden || void look().catch(() => undefined);
    document.addEventListener('visibilitychange', shown);
    return () => {
      window.clearInterval(timer);
      document.removeEventListener('visibilitychange', shown);
    };
  }, [done, look]);
  const heardAnyway = token === undefined || (state.is === 'there' && state.current.stage === 'open');
  useEffect(() => {
    if (done || heardAnyway || state.is === 'unknown' || token === undefined) return;
    return listenAsPhone(token, { onEvent: hear, onRefused: () => undefined });
  }, [done, heardAnyway, state.is, token, hear]);
  return { before, arrived };
}

type By = { token?: string };
type Known = { current: number | undefined };

/** How many it has; where there were none, which came first. */
async function lookForAny(phone: string, by: By, known: Known): Promise<Arrived | undefined> {
  const { months } = await ask('GET /api/timeline/months', { query: { phone }, ...by });
  const total = months.reduce((sum, { count }) => sum + count, 0);
  const before = known.current ?? total;
  known.current = before;
  if (total <= before) return undefined;
  if (before > 0) return { first: false };
  const { entries } = await ask('GET /api/timeline', { query: { phone, limit: 1 }, ...by });
  return entries[0] === undefined ? undefined : { id: entries[0].id, name: entries[0].name, first: true };
}

/** The box tells of all phones of a person: whether this one is of this phone. */
async function lookAt(asset: number, phone: string, by: By, known: Known): Promise<Arrived | undefined> {
  const { id, name, kind, phones } = await ask('GET /api/assets/:id', { params: { id: asset }, ...by });
  if ((kind !== 'photo' && kind !== 'video') || !phones.some((one) => one.phone === phone)) return undefined;
  return { id, name, first: (known.current ?? 0) === 0 };
}
