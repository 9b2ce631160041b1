import { CircleAlert, CircleDot, ImageOff, Play } from 'lucide';
import { Component } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { thumbHashToRGBA } from 'thumbhash';
import { photos } from '../text/en/photos.ts';
import { minutesAndSeconds } from '../text/format.ts';
import { Icon } from '../ui/icon.tsx';
import type { Entry } from './entry-store.ts';
import { PictureQueue } from './picture-queue.ts';

const pictures = new PictureQueue();
/** What was there this quickly came from the browser's own cache: it does not fade in. */
const cachedMsMax = 60;
const againMs = 20_000;
/** Each fade is a layer of its own for the compositor: dozens of them at once are what makes scrolling stutter. */
const restMs = 250;
let scrolledAt = 0;
/** The page was scrolled just now: what comes in meanwhile does not fade. */
export function noteScroll(): void {
  scrolledAt = performance.now();
}

function px(value: number): string {
  return `${value}px`;
}

export type TileProps = Readonly<{
  id: number;
  entry: Entry | undefined;
  left: number;
  width: number;
  height: number;
  href: string;
  selected: boolean;
  /** A press selects; nothing is opened. */
  selecting: boolean;
  /** The one that the tabulator comes to. */
  active: boolean;
}>;

/** One photo or video: the thumbhash at once, its picture over it. What presses on it do, the grid decides. */
export class Tile extends Component<TileProps> {
  /** Most of a grid is what it was at the step before. */
  override shouldComponentUpdate(next: TileProps): boolean {
    return (Object.keys(next) as Array<keyof TileProps>).some((name) => next[name] !== this.props[name]);
  }

  override render() {
    return <TileShown {...this.props} />;
  }
}

const labels = new WeakMap<Entry, string>();
function labelOf(entry: Entry): string {
  const label = labels.get(entry) ?? photos.tile(entry);
  labels.set(entry, label);
  return label;
}

function TileShown({ id, entry, left, width, height, href, selected, selecting, active }: TileProps) {
  const label = entry === undefined ? photos.tileUnknown : labelOf(entry);
  return (
    <div
      class={selected ? 'ph-tile selected' : 'ph-tile'}
      style={{ left: px(left), width: px(width), height: px(height) }}
      data-id={id}
    >
      <a
        class="ph-open"
        href={href}
        aria-label={label}
        aria-current={selected ? 'true' : undefined}
        tabIndex={active ? 0 : -1}
        draggable={false}
      >
        {entry !== undefined && <Picture key={entry.picture} entry={entry} />}
        {entry !== undefined && <Badge entry={entry} />}
      </a>
      {/* biome-ignore lint/a11y/useSemanticElements: drawn by its state, and pressed together with the tile's keys */}
      <button
        type="button"
        class={selecting ? 'ph-check always' : 'ph-check'}
        role="checkbox"
        aria-checked={selected}
        aria-label={photos.select(entry?.name)}
        tabIndex={-1}
      >
        <span />
      </button>
    </div>
  );
}

function Badge({ entry: { kind, durationMs, motion } }: { entry: Entry }) {
  if (kind === 'video') {
    return (
      <span class="ph-badge num">
        <Icon of={Play} size={14} stroke={2.1} />
        {durationMs !== null && minutesAndSeconds(durationMs)}
      </span>
    );
  }
  if (motion === null) return null;
  return (
    <span class="ph-badge">
      <Icon of={CircleDot} size={14} stroke={2.1} />
      {photos.live}
    </span>
  );
}

type State = 'waiting' | 'at-once' | 'faded' | 'failed';

/** Fetched when it is its turn; one that left the screen is not fetched any more. */
function Picture({ entry: { id, thumbhash, picture, name } }: { entry: Entry }) {
  const [state, setState] = useState<State>('waiting');
  const [tries, setTries] = useState(0);
  const place = useRef<HTMLImageElement>(null);
  useEffect(() => {
    const image = place.current;
    if (image === null || picture === 'refused') return;
    let startedAt = 0;
    let again: number | undefined;
    const done = pictures.add(picture === 'ready' ? 'ready' : 'wanted', () => {
      startedAt = performance.now();
      image.src = `/api/assets/${id}/thumbnail`;
      if (image.complete && image.naturalWidth > 0) {
        setState('at-once');
        // Its turn may come before `add` returns.
        queueMicrotask(() => done());
      }
    });
    image.onload = () => {
      const now = performance.now();
      setState(now - startedAt < cachedMsMax || now - scrolledAt < restMs ? 'at-once' : 'faded');
      done();
    };
    image.onerror = () => {
      done();
      setState('failed');
      again = window.setTimeout(() => setTries(tries + 1), againMs);
    };
    return () => {
      done();
      window.clearTimeout(again);
      image.onload = null;
      image.onerror = null;
      // Without an address the browser stops fetching; taken out of the page alone it would go on.
      if (!image.complete) image.removeAttribute('src');
    };
  }, [id, picture, tries]);
  const shown = state === 'at-once' || state === 'faded';
  if (picture === 'refused') {
    return (
      <span class="ph-refused">
        <Icon of={ImageOff} size={24} />
        <span>{name}</span>
      </span>
    );
  }
  return (
    <>
      {!shown && thumbhash !== null && <Blur hash={thumbhash} />}
      <img ref={place} class={`ph-picture ${state}`} alt="" decoding="async" draggable={false} />
      {state === 'failed' && picture === 'ready' && (
        <span class="ph-failed">
          <Icon of={CircleAlert} />
        </span>
      )}
    </>
  );
}

/** The thumbhash (at most 32 pixels a side), as large as its tile. */
function Blur({ hash }: { hash: string }) {
  const place = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const canvas = place.current;
    if (canvas !== null) paintSoon(canvas, hash);
  }, [hash]);
  return <canvas ref={place} class="ph-blur" width={1} height={1} />;
}

/** Of what scrolls by fast, most is gone before its turn: as many as fit into a part of a frame. */
const paintMsMax = 5;
const unpainted = new Map<HTMLCanvasElement, string>();
let frame = 0;

function paintSoon(canvas: HTMLCanvasElement, hash: string): void {
  unpainted.set(canvas, hash);
  if (frame === 0) frame = requestAnimationFrame(paint);
}

function paint(): void {
  frame = 0;
  const until = performance.now() + paintMsMax;
  for (const [canvas, hash] of unpainted) {
    unpainted.delete(canvas);
    if (!canvas.isConnected) continue;
    paintOne(canvas, hash);
    if (performance.now() > until) break;
  }
  if (unpainted.size > 0) frame = requestAnimationFrame(paint);
}

function paintOne(canvas: HTMLCanvasElement, hash: string): void {
  try {
    const bytes = Uint8Array.from(atob(hash), (letter) => letter.charCodeAt(0));
    const { w, h, rgba } = thumbHashToRGBA(bytes);
    canvas.width = w;
    canvas.height = h;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context?.putImageData(new ImageData(new Uint8ClampedArray(rgba), w, h), 0, 0);
  } catch {
    // It is only a hint of what comes.
  }
}
