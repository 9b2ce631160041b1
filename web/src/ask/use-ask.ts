import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Refusal } from './ask.ts';

export type Asked<T> = Readonly<{
  /** The last answer; kept while asking again, so that nothing flickers. */
  answer: T | undefined;
  refusal: Refusal | undefined;
  asking: boolean;
  again: () => Promise<void>;
  /** Puts an answer in place that another request gave. */
  put: (answer: T) => void;
}>;

/** Asks when shown, and anew when one of `on` changes; an answer that was overtaken by a newer question is dropped. */
export function useAsk<T>(question: (signal: AbortSignal) => Promise<T>, on: readonly unknown[] = []): Asked<T> {
  const [answer, setAnswer] = useState<T>();
  const [refusal, setRefusal] = useState<Refusal>();
  const [asking, setAsking] = useState(true);
  const running = useRef<AbortController | undefined>(undefined);
  const again = useCallback(async () => {
    running.current?.abort();
    const own = new AbortController();
    running.current = own;
    setAsking(true);
    try {
      const got = await question(own.signal);
      if (own.signal.aborted) return;
      setAnswer(() => got);
      setRefusal(undefined);
    } catch (error) {
      if (own.signal.aborted) return;
      setRefusal(asRefusal(error));
    }
    setAsking(false);
  }, on);
  useEffect(() => {
    void again();
    return () => running.current?.abort();
  }, [again]);
  return { answer, refusal, asking, again, put: (value) => setAnswer(() => value) };
}

/** What went wrong, in words for a person. */
export function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal('page', error instanceof Error ? error.message : String(error));
}

export type Doing<A extends readonly unknown[]> = Readonly<{
  busy: boolean;
  refusal: Refusal | undefined;
  /** Runs once at a time; true when it went well. */
  run: (...args: A) => Promise<boolean>;
  clear: () => void;
}>;

/** An action of a button or a form: busy while it runs, with its refusal. */
export function useDoing<A extends readonly unknown[]>(action: (...args: A) => Promise<unknown>): Doing<A> {
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>();
  const running = useRef(false);
  const run = async (...args: A): Promise<boolean> => {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setRefusal(undefined);
    try {
      await action(...args);
      return true;
    } catch (error) {
      setRefusal(asRefusal(error));
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  };
  return { busy, refusal, run, clear: () => setRefusal(undefined) };
}
