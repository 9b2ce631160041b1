/**
 * Owns the grid on the screen: which rows are in the page, what stays in place when the timeline changes, the keyboard.
 * Never asks the box for a timeline, and opens nothing itself. The photos page uses it.
 *
 * The window scrolls, not a box in it: phones hide their bars only then.
 */
import type { RefObject } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { photos } from '../text/en/photos.ts';
import type { EntryStore } from './entry-store.ts';
import { positionAfter } from './grid-keys.ts';
import { GridLayout, type GridShape, type Rest } from './grid-layout.ts';
import { anchorAt, resolve } from './scroll-anchor.ts';
import { noteScroll, Tile } from './tile.tsx';
import type { TimelineIndex } from './timeline-index.ts';

/** In the page above and below what is seen, in windows; with the window itself two and a half. */
const beyond = 0.75;
/** While more than a window passes at a step, only what is seen, and nothing of it is asked for until it rests. */
const beyondPassing = 0.1;
const settleMs = 120;
const phoneWidthMax = 600;
const wideColumnsFrom = 480;
const headRem = 3.5;
/** What moves to the keyboard's place stays this far from the edges, pixels. */
const [edgeTop, edgeBottom] = [72, 96];

export type GridPress = Readonly<{ id: number; position: number; shift: boolean; select: boolean }>;
export type GridProps = Readonly<{
  index: TimelineIndex;
  rest: Rest;
  store: EntryStore;
  selected: ReadonlySet<number>;
  selecting: boolean;
  hrefOf: (id: number) => string;
  /** A press on a tile, or its key: `select`: on its check, or by Space. */
  onPress: (press: GridPress) => void;
  /** What others may ask of it: the scrubber, the viewer. */
  handle: { current: GridHandle | null };
  onLayout: (layout: GridLayout) => void;
}>;
export type GridHandle = Readonly<{
  layout: () => GridLayout | undefined;
  /** Where the window begins, counted from the top of the grid: as of the last look, so that asking costs nothing. */
  y: () => number;
  scrollTo: (y: number) => void;
  /** Into view, if it is not; and the focus to it. */
  show: (id: number, focus: boolean) => void;
  tile: (id: number) => HTMLElement | undefined;
  isShown: (id: number) => boolean;
}>;

export function Grid(props: GridProps) {
  const { index, rest, store, selected, selecting, hrefOf, onPress, handle, onLayout } = props;
  const place = useRef<HTMLDivElement>(null);
  const shape = useShape(place);
  const layout = useMemo(
    () => (shape === undefined ? undefined : new GridLayout(index, rest, shape)),
    [index, rest, shape],
  );
  const [range, setRange] = useState({ from: 0, to: 0, passing: false });
  const [active, setActive] = useState<number>();
  const focusNext = useRef<number | undefined>(undefined);
  const [, redraw] = useState(0);

  const y = useCallback(() => -(place.current?.getBoundingClientRect().top ?? 0), []);
  const current = useRef(layout);
  const lastY = useRef(0);
  const settled = useRef<number | undefined>(undefined);
  const look = useCallback(() => {
    const now = current.current;
    if (now === undefined) return;
    const seen = window.innerHeight;
    const at = y();
    const passing = Math.abs(at - lastY.current) > seen;
    if (at !== lastY.current) noteScroll();
    lastY.current = at;
    const more = seen * (passing ? beyondPassing : beyond);
    const from = now.rowAt(at - more);
    const to = Math.min(now.rows, now.rowAt(at + seen + more) + 1);
    setRange((before) =>
      before.from === from && before.to === to && before.passing === passing ? before : { from, to, passing },
    );
    window.clearTimeout(settled.current);
    // When it rests, it looks once more: then all of it is wanted.
    if (passing) settled.current = window.setTimeout(look, settleMs);
  }, [y]);
  const scrollTo = useCallback(
    (to: number) => {
      window.scrollBy({ top: to - y(), behavior: 'instant' });
      look();
    },
    [y, look],
  );

  // Before it is painted: what was looked at is where it was.
  useLayoutEffect(() => {
    const before = current.current;
    current.current = layout;
    if (layout === undefined) return;
    const at = y();
    const anchor = before === undefined || at <= 0 ? undefined : anchorAt(before, at);
    const to = anchor === undefined ? undefined : resolve(anchor, layout);
    if (to !== undefined && Math.abs(to - at) >= 1) scrollTo(to);
    else look();
    onLayout(layout);
  }, [layout, y, look, scrollTo, onLayout]);

  useEffect(() => {
    window.addEventListener('scroll', look, { passive: true });
    window.addEventListener('resize', look);
    const end = store.onChange(() => redraw((times) => times + 1));
    return () => {
      window.clearTimeout(settled.current);
      window.removeEventListener('scroll', look);
      window.removeEventListener('resize', look);
      end();
    };
  }, [look, store]);

  const show = useCallback(
    (id: number, focus: boolean) => {
      const now = current.current;
      const position = now?.index.positionOf(id) ?? -1;
      if (now === undefined || position === -1) return;
      const { top, height } = now.lineOf(now.rowOf(position));
      const at = y();
      if (top < at + edgeTop) scrollTo(top - edgeTop);
      else if (top + height > at + window.innerHeight - edgeBottom) {
        scrollTo(top + height - window.innerHeight + edgeBottom);
      }
      if (!focus) return;
      focusNext.current = id;
      setActive(id);
      redraw((times) => times + 1);
    },
    [y, scrollTo],
  );
  const tile = useCallback(
    (id: number) => place.current?.querySelector<HTMLElement>(`[data-id="${id}"]`) ?? undefined,
    [],
  );
  handle.current = {
    layout: () => current.current,
    y: () => lastY.current,
    scrollTo,
    show,
    tile,
    isShown: (id) => {
      const box = tile(id)?.getBoundingClientRect();
      return box !== undefined && box.bottom > 0 && box.top < window.innerHeight;
    },
  };
  useLayoutEffect(() => {
    const id = focusNext.current;
    const link = id === undefined ? null : tile(id)?.querySelector<HTMLElement>('a');
    if (!link) return;
    focusNext.current = undefined;
    link.focus({ preventScroll: true });
  });

  const rows = layout === undefined ? [] : rowsShown(layout, range, active);
  const ids = layout === undefined ? [] : idsOf(layout, range);
  useEffect(() => {
    if (!range.passing) store.want(ids);
  }, [ids.join(), range.passing, store]);

  const activeId = active !== undefined && index.positionOf(active) !== -1 ? active : ids[0];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: one listener for all its links and checkboxes
    <div
      class={shape?.form.is === 'squares' ? 'ph-grid squares' : 'ph-grid'}
      ref={place}
      style={{ height: layout === undefined ? '100vh' : `${Math.ceil(layout.height)}px` }}
      onClick={(event) => {
        const press = pressOf(event, layout);
        if (press === undefined) return;
        event.preventDefault();
        event.stopPropagation();
        setActive(press.id);
        onPress(press);
      }}
      onKeyDown={(event) => {
        const press = pressOf(event, layout);
        if (press === undefined || layout === undefined) return;
        if (event.key === ' ') {
          event.preventDefault();
          onPress({ ...press, select: true, shift: event.shiftKey });
          return;
        }
        const next = positionAfter(event.key, layout, press.position);
        const id = next === undefined ? undefined : index.idAt(next);
        if (next === undefined || id === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        show(id, true);
        if (event.shiftKey && event.key.startsWith('Arrow')) {
          onPress({ id, position: next, select: true, shift: true });
        }
      }}
    >
      {rows.map((row) => {
        const { top, height } = layout?.lineOf(row) ?? { top: 0, height: 0 };
        if (layout?.isHead(row)) {
          const { day } = index.days[layout.dayOf(row)] ?? { day: '1970-01-01' };
          return <DayHead key={day} day={day} top={top} height={height} />;
        }
        const tiles = layout?.tiles(row) ?? [];
        return (
          <div class="ph-row" key={index.idAt(tiles[0]?.position ?? 0)} style={{ transform: `translateY(${top}px)` }}>
            {tiles.map(({ position, left, width }) => {
              const id = index.idAt(position) ?? 0;
              return (
                <Tile
                  key={id}
                  id={id}
                  entry={store.get(id)}
                  left={left}
                  width={width}
                  height={height}
                  href={hrefOf(id)}
                  selected={selected.has(id)}
                  selecting={selecting}
                  active={id === activeId}
                />
              );
            })}
          </div>
        );
      })}
    </div>
  );
}

function DayHead({ day, top, height }: { day: string; top: number; height: number }) {
  const { head, also } = photos.day(day, Date.now());
  return (
    <h2 class="ph-day head" style={{ height: `${height}px`, transform: `translateY(${top}px)` }}>
      {head}
      {also !== undefined && <span class="cap"> {also}</span>}
    </h2>
  );
}

/** The range, and the row that has the focus wherever it is: it must not be lost while somebody scrolls. */
function rowsShown(
  layout: GridLayout,
  { from, to }: { from: number; to: number },
  active: number | undefined,
): number[] {
  const rows = Array.from({ length: Math.max(0, Math.min(to, layout.rows) - from) }, (_, at) => from + at);
  const position = active === undefined ? -1 : layout.index.positionOf(active);
  if (position === -1) return rows;
  const row = layout.rowOf(position);
  if (row < from) rows.unshift(row);
  else if (row >= to) rows.push(row);
  return rows;
}

function idsOf(layout: GridLayout, { from, to }: { from: number; to: number }): number[] {
  const ids: number[] = [];
  for (let row = from; row < Math.min(to, layout.rows); row++) {
    for (const { position } of layout.tiles(row)) ids.push(layout.index.idAt(position) ?? 0);
  }
  return ids;
}

/** Undefined: beside all tiles, or what the browser does by itself (another tab). */
function pressOf(event: MouseEvent | KeyboardEvent, layout: GridLayout | undefined): GridPress | undefined {
  const target = event.target instanceof Element ? event.target : undefined;
  const id = Number(target?.closest<HTMLElement>('[data-id]')?.dataset['id'] ?? Number.NaN);
  const position = layout?.index.positionOf(id) ?? -1;
  if (position === -1) return undefined;
  const select = target?.closest('.ph-check') != null;
  if (event instanceof MouseEvent && (event.ctrlKey || event.metaKey || event.button !== 0) && !select)
    return undefined;
  return { id, position, shift: event.shiftKey, select };
}

/** Follows the width that there is for it. */
function useShape(place: RefObject<HTMLDivElement | null>): GridShape | undefined {
  const [shape, setShape] = useState<GridShape>();
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return;
    const measure = () => {
      const width = element.clientWidth;
      const headHeight = Math.round(headRem * Number.parseFloat(getComputedStyle(document.documentElement).fontSize));
      const squares = window.innerWidth < phoneWidthMax;
      const columns = width >= wideColumnsFrom ? 4 : 3;
      setShape((before) => {
        const same = before?.width === width && before.headHeight === headHeight;
        if (same && (before.form.is === 'squares') === squares) return before;
        return { width, headHeight, form: squares ? { is: 'squares', columns } : { is: 'justified' } };
      });
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [place]);
  return shape;
}
