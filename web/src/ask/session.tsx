/**
 * Owns who is signed in in this browser, for all pages. Never shows anything: the app decides by it what to show.
 */
import { type ComponentChildren, createContext } from 'preact';
import { useCallback, useContext, useEffect, useMemo, useState } from 'preact/hooks';
import { ask, Refusal, type ReplyOf, whenSignedOut } from './ask.ts';
import { closeLive, openLive } from './live.ts';
import { tellNeeds } from './needs.ts';

export type Current = ReplyOf<'GET /api/sessions/current'>;
/** `unknown`: not asked yet; `silent`: the box does not answer; `none`: nobody; else who, and what is still due. */
export type SessionState = { is: 'unknown' } | { is: 'silent' } | { is: 'none' } | { is: 'there'; current: Current };
export type Session = Readonly<{
  state: SessionState;
  /** Asks the box again; after each step of a sign-in, and after what changes a person. */
  look: () => Promise<SessionState>;
  signOut: () => Promise<void>;
}>;

const Context = createContext<Session | undefined>(undefined);

export function SessionProvider({ children }: { children: ComponentChildren }) {
  const [state, setState] = useState<SessionState>({ is: 'unknown' });
  const look = useCallback(async () => {
    const next = await currentState();
    setState(next);
    return next;
  }, []);
  useEffect(() => {
    void look();
    whenSignedOut(() => void look());
    return () => whenSignedOut(undefined);
  }, [look]);
  const open = state.is === 'there' && state.current.stage === 'open';
  useEffect(() => {
    if (!open) return;
    // Left alone and locked, or ended from elsewhere: nobody need press anything for the page to know. A box that does not
    // answer is no reason to take away what it said before.
    openLive(() => void currentState().then((next) => next.is !== 'silent' && setState(next)));
    return () => {
      closeLive();
      // Whoever comes next is somebody else, maybe.
      tellNeeds(undefined);
    };
  }, [open]);
  const session = useMemo(
    () => ({
      state,
      look,
      signOut: async () => {
        await ask('DELETE /api/sessions/current');
        await look();
      },
    }),
    [state, look],
  );
  return <Context.Provider value={session}>{children}</Context.Provider>;
}

async function currentState(): Promise<SessionState> {
  try {
    return { is: 'there', current: await ask('GET /api/sessions/current') };
  } catch (error) {
    const silent = error instanceof Refusal && (error.status === 0 || error.status >= 500);
    return { is: silent ? 'silent' : 'none' };
  }
}

export function useSession(): Session {
  const session = useContext(Context);
  if (session === undefined) throw new Error('There is no session around this page.');
  return session;
}

/** The person of an open session; only for pages that the app shows to such. */
export function usePerson(): Current['person'] {
  const { state } = useSession();
  if (state.is !== 'there') throw new Error('This page is for somebody who is signed in.');
  return state.current.person;
}
