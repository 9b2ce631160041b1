import { useEffect, useRef } from 'preact/hooks';
import { ask, type ReplyOf } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { type Asked, useAsk } from '../ask/use-ask.ts';

type Listed = ReplyOf<'GET /api/phones'>['phones'][number];
type Home = ReplyOf<'GET /api/home'>;
type Standing = Home['phones'][number];
/** `standing`: how it stands with it; undefined for a moment, of one that joined just now. */
export type ShownPhone = Listed & Readonly<{ standing: Standing | undefined }>;
export type PhonesView = Readonly<{ phones: readonly ShownPhone[]; library: Home['library'] }>;

/** What changes often is asked for once in so long. */
const againMs = 2_000;

async function lookAtPhones(signal: AbortSignal): Promise<PhonesView> {
  const [{ phones }, home] = await Promise.all([ask('GET /api/phones', { signal }), ask('GET /api/home', { signal })]);
  const order = new Map(home.phones.map(({ id }, at) => [id, at]));
  const shown = phones.map((phone) => ({ ...phone, standing: home.phones.find(({ id }) => id === phone.id) }));
  // As the home page: the worst state first. Who joined just now comes first of all.
  shown.sort((a, b) => (order.get(a.id) ?? -1) - (order.get(b.id) ?? -1));
  return { phones: shown, library: home.library };
}

/** All phones that one may see, with how it stands with each, kept true by what the box tells. */
export function usePhones(): Asked<PhonesView> {
  const asked = useAsk(lookAtPhones);
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  useLive((event) => {
    if (event.type === 'missed') void asked.again();
    if (event.type !== 'home' && event.type !== 'pairing') return;
    timer.current ??= window.setTimeout(() => {
      timer.current = undefined;
      void asked.again();
    }, againMs);
  });
  return asked;
}
