/**
 * Through the years by one pull: a rail whose months are as long as they are in the grid. With a mouse or a finger, and
 * as a slider by keys: an arrow is a month, Page a year.
 */
import { ChevronsUpDown } from 'lucide';
import { useEffect, useRef, useState } from 'preact/hooks';
import { photos } from '../text/en/photos.ts';
import { month as monthName, monthShort } from '../text/format.ts';
import { Icon } from '../ui/icon.tsx';
import type { GridHandle } from './grid.tsx';
import type { GridLayout, MonthBox } from './grid-layout.ts';

const labelApart = 28;
const shownAfterScrollMs = 1_500;
/** A timeline of less than this many windows needs no rail. */
const windowsMin = 3;

type ScrubberProps = Readonly<{ layout: GridLayout | undefined; grid: { current: GridHandle | null } }>;

export function Scrubber({ layout, grid }: ScrubberProps) {
  const rail = useRef<HTMLDivElement>(null);
  const grip = useRef<HTMLDivElement>(null);
  const [month, setMonth] = useState(0);
  const [dragging, setDragging] = useState(false);
  const [scrolling, setScrolling] = useState(false);
  const isShown = layout !== undefined && layout.months.length > 1 && layout.height >= window.innerHeight * windowsMin;
  const height = useHeight(rail, isShown);
  const frame = useRef(0);

  useEffect(() => {
    let timer: number | undefined;
    const look = () => {
      const now = grid.current?.layout();
      if (now === undefined) return;
      const y = grid.current?.y() ?? 0;
      const share = Math.min(Math.max(y / Math.max(1, now.height - window.innerHeight), 0), 1);
      grip.current?.style.setProperty('--at', String(share));
      setMonth(now.monthAt(Math.max(0, y + 1)));
    };
    const onScroll = () => {
      look();
      // Above the grid it would lie over what stands there.
      setScrolling((grid.current?.y() ?? 0) > 0);
      window.clearTimeout(timer);
      timer = window.setTimeout(() => setScrolling(false), shownAfterScrollMs);
    };
    look();
    window.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      window.removeEventListener('scroll', onScroll);
      window.clearTimeout(timer);
    };
  }, [grid, layout]);

  const months = layout?.months ?? [];
  if (layout === undefined || !isShown) {
    return <div class="ph-scrubber" ref={rail} />;
  }
  const current = months[Math.min(month, months.length - 1)];
  const pull = (clientY: number) => {
    const box = rail.current?.getBoundingClientRect();
    if (box === undefined) return;
    const share = Math.min(Math.max((clientY - box.top) / box.height, 0), 1);
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => {
      grid.current?.scrollTo(share * Math.max(0, layout.height - window.innerHeight));
    });
  };
  const press = (event: PointerEvent) => {
    if (event.button !== 0) return;
    event.preventDefault();
    rail.current?.setPointerCapture(event.pointerId);
    grip.current?.focus({ preventScroll: true });
    setDragging(true);
    pull(event.clientY);
  };
  const key = (event: KeyboardEvent) => {
    const to = monthAfter(event.key, months, month);
    if (to === undefined) return;
    event.preventDefault();
    grid.current?.scrollTo(months[to]?.top ?? 0);
  };
  return (
    <div
      class={`ph-scrubber shown${dragging ? ' dragging' : ''}${scrolling ? ' scrolling' : ''}`}
      ref={rail}
      onPointerDown={press}
      onPointerMove={(event) => {
        if (dragging) pull(event.clientY);
      }}
      onPointerUp={() => setDragging(false)}
      onPointerCancel={() => setDragging(false)}
    >
      <div class="ph-years" aria-hidden="true">
        {years(months, layout.height, height).map(({ year, at }) => (
          <span key={year} class="cap num" style={{ top: `${at}px` }}>
            {year}
          </span>
        ))}
      </div>
      <div
        class="ph-grip"
        ref={grip}
        role="slider"
        tabIndex={0}
        aria-label={photos.scrubber}
        aria-orientation="vertical"
        aria-valuemin={0}
        aria-valuemax={months.length - 1}
        aria-valuenow={Math.min(month, months.length - 1)}
        aria-valuetext={current === undefined ? '' : monthName(current.month)}
        onKeyDown={key}
      >
        <span class="ph-bubble" aria-hidden="true">
          {current !== undefined && monthShort(current.month)}
        </span>
        <span class="ph-thumb" aria-hidden="true">
          <Icon of={ChevronsUpDown} />
        </span>
      </div>
    </div>
  );
}

/** The month that a key leads to: down is older, as on the page. */
function monthAfter(key: string, months: readonly MonthBox[], at: number): number | undefined {
  const last = months.length - 1;
  const year = (step: 1 | -1) => {
    const wanted = months[at]?.month ?? '';
    const aYear = `${String(Number(wanted.slice(0, 4)) - step).padStart(4, '0')}${wanted.slice(4)}`;
    const found =
      step === 1
        ? months.findIndex(({ month }) => month <= aYear)
        : months.findLastIndex(({ month }) => month >= aYear);
    return found === -1 ? (step === 1 ? last : 0) : found;
  };
  switch (key) {
    case 'ArrowDown':
    case 'ArrowLeft':
      return Math.min(last, at + 1);
    case 'ArrowUp':
    case 'ArrowRight':
      return Math.max(0, at - 1);
    case 'PageDown':
      return year(1);
    case 'PageUp':
      return year(-1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}

/** Each year where it begins on the rail, so that no two are nearer than they can be read. */
function years(months: readonly MonthBox[], whole: number, height: number): Array<{ year: string; at: number }> {
  const labels: Array<{ year: string; at: number }> = [];
  for (const [number, { month, top }] of months.entries()) {
    const year = month.slice(0, 4);
    if (number > 0 && months[number - 1]?.month.startsWith(year)) continue;
    const at = Math.round((top / Math.max(1, whole)) * height);
    const last = labels.at(-1);
    if (last === undefined || at - last.at >= labelApart) labels.push({ year, at });
  }
  return labels;
}

function useHeight(place: { current: HTMLElement | null }, isShown: boolean): number {
  const [height, setHeight] = useState(0);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const observer = new ResizeObserver(([entry]) => setHeight(entry?.contentRect.height ?? 0));
    observer.observe(element);
    return () => observer.disconnect();
  }, [place, isShown]);
  return height;
}
