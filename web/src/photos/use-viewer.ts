/** The way between the page's address and the viewer: each photo has one, Back closes it, a shared one opens it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import type { EntryStore } from './entry-store.ts';
import { addressOf, type Filter } from './filters.ts';
import type { GridHandle } from './grid.tsx';
import type { Timeline } from './use-timeline.ts';
import type { Viewer } from './viewer.tsx';

type ViewerWays = Readonly<{
  filter: Filter;
  timeline: Timeline;
  store: EntryStore;
  grid: { current: GridHandle | null };
  trash: (ids: readonly number[]) => Promise<boolean>;
  /** Of the page's address. */
  id: string | undefined;
}>;
/** What an entry of the browser's history is marked with that the viewer added: closing goes back over it. */
type Mark = Readonly<{ viewer?: true }> | null;

export function useViewer({ filter, timeline, store, grid, trash, id }: ViewerWays): {
  open: (id: number) => void;
  /** The address names one that is not there. */
  gone: boolean;
} {
  const { route } = useLocation();
  const [closed, setClosed] = useState(0);
  const viewer = useRef<Viewer | 'opening' | undefined>(undefined);
  const wanted = id === undefined || !/^\d{1,15}$/.test(id) ? undefined : Number(id);
  const position = wanted === undefined ? -1 : timeline.index.positionOf(wanted);

  const onClosed = (last: number | undefined) => {
    viewer.current = undefined;
    setClosed((times) => times + 1);
    if (/^\/photos\/\d+$/.test(location.pathname)) {
      if ((history.state as Mark)?.viewer === true) history.back();
      else route(addressOf(filter), true);
    }
    if (last === undefined) return;
    // After the browser went back, so that the last word is this one.
    requestAnimationFrame(() => grid.current?.show(last, true));
  };

  useEffect(() => {
    if (wanted === undefined) {
      if (viewer.current !== undefined && viewer.current !== 'opening') viewer.current.close();
      return;
    }
    if (position === -1 || viewer.current !== undefined) return;
    viewer.current = 'opening';
    void import('./viewer.tsx').then(({ openViewer }) => {
      // Somebody may have gone back meanwhile.
      if (location.pathname !== `/photos/${wanted}`) {
        viewer.current = undefined;
        // Or on, to another one, which waited for this.
        setClosed((times) => times + 1);
        return;
      }
      viewer.current = openViewer({
        index: timeline.index,
        position,
        store,
        tile: (one) => grid.current?.tile(one),
        trash,
        onMove: (to) => history.replaceState(history.state, '', addressOf(filter, to)),
        onClosed,
      });
    });
  }, [wanted, position !== -1, closed]);
  useEffect(
    () => () => {
      if (viewer.current !== undefined && viewer.current !== 'opening') viewer.current.close();
    },
    [],
  );

  return {
    open: (to) => {
      history.pushState({ viewer: true } satisfies Mark, '', addressOf(filter, to));
      // Told as a step of the history, not as a new page: that would scroll to the top.
      dispatchEvent(new PopStateEvent('popstate'));
    },
    gone: wanted !== undefined && timeline.whole && position === -1 && viewer.current === undefined,
  };
}
