import { useEffect, useRef } from 'preact/hooks';

const keepAfterMs = 250;
type Kept = Readonly<{ y?: number }> | null;

/**
 * Back leads to where one was: the place is kept with the entry of the browser's history. The browser's own way would
 * restore it before there is anything to scroll.
 */
export function useKeptScroll(ready: boolean): void {
  const wanted = useRef((history.state as Kept)?.y);
  useEffect(() => {
    history.scrollRestoration = 'manual';
    let timer: number | undefined;
    const keep = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(() => {
        const state = history.state as Kept;
        if (location.pathname === '/photos') history.replaceState({ ...state, y: window.scrollY }, '');
      }, keepAfterMs);
    };
    window.addEventListener('scroll', keep, { passive: true });
    return () => {
      window.removeEventListener('scroll', keep);
      window.clearTimeout(timer);
      history.scrollRestoration = 'auto';
    };
  }, []);
  useEffect(() => {
    if (!ready || wanted.current === undefined) return;
    window.scrollTo(0, wanted.current);
    wanted.current = undefined;
  }, [ready]);
}
