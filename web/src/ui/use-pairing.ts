/**
 * Owns what is known of the pairing that this page has open: opens it, hears what becomes of it, and knows when its time
 * is over. Never shows anything; the panel does.
 */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ask, boxNow, type Refusal, type ReplyOf } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { usePerson } from '../ask/session.tsx';
import { useDoing } from '../ask/use-ask.ts';
import { confirmFirst } from './confirm-first.tsx';

export type OpenPairing = ReplyOf<'POST /api/pairings'>;
type Current = NonNullable<ReplyOf<'GET /api/pairings/current'>['pairing']>;
export type JoinedPhone = Readonly<{ phoneId: string; phone: string; at: number }>;
export type PairingStage =
  | { is: 'asking' }
  | { is: 'open'; pairing: OpenPairing; trusted: boolean; lookedAt: boolean; triesLeft: number }
  | { is: 'joined'; joined: JoinedPhone }
  | { is: 'refused' }
  | { is: 'expired' }
  | { is: 'closed' };

/** The live channel tells at once; this is for a tab whose channel another one took. */
const lookMs = 15_000;
const triesMax = 5;

export type PairingAsked = Readonly<{ person?: string | undefined; replaces?: string | undefined }>;
export type Pairing = Readonly<{
  stage: PairingStage;
  busy: boolean;
  refusal: Refusal | undefined;
  /** Another code in place of this one. */
  renew: () => void;
}>;

/** `onJoined` is called once for each pairing that a phone used up. */
export function usePairing({ person, replaces }: PairingAsked, onJoined: (joined: JoinedPhone) => void): Pairing {
  const own = usePerson().name;
  const [stage, setStage] = useState<PairingStage>({ is: 'asking' });
  const told = useRef('');
  const asking = useRef(false);
  const tellJoined = useRef(onJoined);
  tellJoined.current = onJoined;
  const open = useDoing(async (anew: boolean) => {
    asking.current = true;
    await make(anew).finally(() => {
      asking.current = false;
    });
  });
  const make = async (anew: boolean) => {
    const kept = anew ? undefined : await keptPairing({ person: person ?? own, replaces });
    const pairing = kept ?? (await confirmFirst(() => ask('POST /api/pairings', { body: bodyOf(person, replaces) })));
    setStage(kept === undefined ? fresh(pairing) : { ...fresh(pairing), ...standingOf(kept) });
  };
  const pairingId = stage.is === 'open' ? stage.pairing.id : undefined;
  const look = useCallback(async () => {
    if (pairingId === undefined) return;
    const { pairing } = await ask('GET /api/pairings/current');
    // A newer one is being made in its place.
    if (asking.current) return;
    const now: PairingStage = pairing?.id === pairingId ? stageOf(pairing) : { is: 'closed' };
    if (now.is === 'joined' && told.current !== pairingId) {
      told.current = pairingId;
      tellJoined.current(now.joined);
    }
    setStage((before) => {
      if (before.is !== 'open' || before.pairing.id !== pairingId) return before;
      return now.is === 'asking' && pairing !== null ? { ...before, ...standingOf(pairing) } : now;
    });
  }, [pairingId]);
  useEffect(() => void open.run(false), [person, replaces]);
  useEffect(() => {
    if (pairingId === undefined) return;
    const timer = window.setInterval(() => void look().catch(() => undefined), lookMs);
    return () => window.clearInterval(timer);
  }, [pairingId, look]);
  useLive((event) => {
    if (event.type === 'missed' || event.type === 'pairing') void look().catch(() => undefined);
  });
  const expiresAt = stage.is === 'open' ? stage.pairing.expiresAt : undefined;
  useEffect(() => {
    if (expiresAt === undefined) return;
    const over = () => setStage((before) => (before.is === 'open' ? { is: 'expired' } : before));
    const timer = window.setTimeout(over, Math.max(0, expiresAt - boxNow()));
    return () => window.clearTimeout(timer);
  }, [expiresAt]);
  return { stage, busy: open.busy, refusal: open.refusal, renew: () => void open.run(true) };
}

function bodyOf(person: string | undefined, replaces: string | undefined) {
  return {
    ...(person === undefined ? {} : { person }),
    ...(replaces === undefined ? {} : { replaces }),
  };
}

/**
 * The one that this browser has open for that person, or in the place of that phone: a page that is loaded again does
 * not kill the code.
 */
export async function keptPairing(
  { person, replaces }: PairingAsked,
  signal?: AbortSignal,
): Promise<(Current & OpenPairing) | undefined> {
  const { pairing } = await ask('GET /api/pairings/current', signal === undefined ? {} : { signal });
  if (pairing?.state !== 'open' || pairing.replacesId !== (replaces ?? null)) return undefined;
  if (replaces === undefined && pairing.person !== person) return undefined;
  const { link, code, qrSvg } = pairing;
  return link === null || code === null || qrSvg === null ? undefined : { ...pairing, link, code, qrSvg };
}

function fresh(pairing: OpenPairing): PairingStage & { is: 'open' } {
  return { is: 'open', pairing, trusted: false, lookedAt: false, triesLeft: triesMax };
}

function standingOf({ trustedAt, lookedAt, triesLeft }: Current) {
  return { trusted: trustedAt !== null, lookedAt: lookedAt !== null, triesLeft };
}

/** `asking`: it is open still. */
function stageOf({ state, joined, expiresAt }: Current): PairingStage {
  if (state === 'open') return { is: 'asking' };
  if (state === 'joined' && joined !== null) return { is: 'joined', joined };
  if (state === 'refused') return { is: 'refused' };
  return { is: expiresAt <= boxNow() ? 'expired' : 'closed' };
}
