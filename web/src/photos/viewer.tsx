/**
 * Owns one photo at a time, over the whole page, and the way to all the others of the timeline. Gestures, zoom and
 * sliding are PhotoSwipe's; what is shown and said is ours. Never asks for a timeline: it has the one it was opened with.
 * Opened by `use-viewer.ts`, which keeps the page's address.
 */
import PhotoSwipe, { type SlideData } from 'photoswipe';
import 'photoswipe/style.css';
import { render } from 'preact';
import { photos } from '../text/en/photos.ts';
import { say } from '../ui/page.tsx';
import type { Entry, EntryStore } from './entry-store.ts';
import type { TimelineIndex } from './timeline-index.ts';
import './viewer.css';
import { ViewerChrome } from './viewer-chrome.tsx';
import { failedPanel, type OwnSlide, ownContents } from './viewer-content.ts';

export type ViewerOptions = Readonly<{
  index: TimelineIndex;
  position: number;
  store: EntryStore;
  tile: (id: number) => HTMLElement | undefined;
  trash: (ids: readonly number[]) => Promise<boolean>;
  onMove: (id: number) => void;
  /** `last`: the one that was shown at the end. */
  onClosed: (last: number | undefined) => void;
}>;
export type Viewer = Readonly<{ close: () => void }>;

/** Asked for at both sides of what is shown. */
const around = 12;
const previewPixelsMax = 1_600;
/** Originals that every browser shows: for zooming in. */
const shownByAll = /^image\/(jpeg|png|webp|gif)$/;
const wideFrom = 1_024;
const sheetWidth = 380;
const sheetShare = 0.5;
const slidesCached = 6;

export function openViewer(options: ViewerOptions): Viewer {
  return new PhotoViewer(options);
}

class PhotoViewer implements Viewer {
  readonly #options: ViewerOptions;
  readonly #pswp: PhotoSwipe;
  readonly #chrome = document.createElement('div');
  #index: TimelineIndex;
  #details = false;
  #closed = false;
  readonly #endStore: () => void;

  constructor(options: ViewerOptions) {
    this.#options = options;
    this.#index = options.index;
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.#pswp = new PhotoSwipe({
      index: options.position,
      dataSource: [],
      loop: false,
      close: false,
      zoom: false,
      counter: false,
      arrowPrevTitle: photos.previous,
      arrowNextTitle: photos.next,
      // The page behind is inert instead: what floats above the viewer (a toast) can be reached.
      trapFocus: false,
      returnFocus: false,
      bgOpacity: 1,
      showHideAnimationType: still ? 'none' : 'zoom',
      preload: [1, 2],
      errorMsg: photos.previewFails,
      paddingFn: ({ x }) => this.#padding(x),
    });
    this.#endStore = options.store.onChange(() => this.#onKnown());
    this.#wire();
    this.#want(options.position);
    this.#pswp.init();
  }

  close(): void {
    this.#pswp.close();
  }

  #wire(): void {
    const pswp = this.#pswp;
    pswp.addFilter('numItems', () => this.#index.count);
    pswp.addFilter('itemData', (_, position) => this.#slideOf(position));
    pswp.addFilter('thumbEl', (element, { id }) => this.#thumbOf(id) ?? (element as HTMLElement));
    pswp.addFilter('placeholderSrc', (source, { data }) => this.#thumbOf(data['id'])?.src ?? source);
    pswp.addFilter('contentErrorElement', (_, { data }) => failedPanel(data as OwnSlide));
    ownContents(pswp);
    pswp.on('change', () => this.#onChange());
    pswp.on('keydown', (event) => {
      if (this.#onKey(event.originalEvent)) event.preventDefault();
    });
    pswp.on('bindEvents', () => {
      const { element } = pswp;
      if (element === undefined) return;
      element.setAttribute('aria-label', photos.viewer);
      document.querySelector('.shell')?.setAttribute('inert', '');
      // Its own wheel and presses, not the picture's.
      for (const kind of ['wheel', 'pointerdown', 'click']) {
        this.#chrome.addEventListener(kind, (event) => event.stopPropagation());
      }
      this.#chrome.className = 'pv-chrome';
      element.append(this.#chrome);
      this.#draw();
      element.focus({ preventScroll: true });
    });
    pswp.on('close', () => {
      this.#closed = true;
      this.#chrome.hidden = true;
      document.querySelector('.shell')?.removeAttribute('inert');
      this.#endStore();
      this.#options.onClosed(this.#index.idAt(pswp.currIndex));
    });
    pswp.on('destroy', () => render(null, this.#chrome));
  }

  get #entry(): Entry | undefined {
    return this.#options.store.get(this.#index.idAt(this.#pswp.currIndex) ?? -1);
  }

  #thumbOf(id: unknown): HTMLImageElement | undefined {
    const picture = this.#options.tile(Number(id))?.querySelector<HTMLImageElement>('img.at-once, img.faded');
    return picture ?? undefined;
  }

  #slideOf(position: number): SlideData {
    const id = this.#index.idAt(position) ?? 0;
    const entry = this.#options.store.get(id);
    const ratio = (this.#index.ratios[position] || 133) / 100;
    const width = entry?.width || Math.round(previewPixelsMax * Math.min(1, ratio));
    const height = entry?.height || Math.round(width / ratio);
    const own: OwnSlide = { id, entry, width, height };
    // A kind of our own: `ownContents` makes it.
    if (entry === undefined) return { ...own, type: 'waiting' };
    if (entry.picture === 'refused' && entry.kind === 'photo') {
      return { ...own, type: 'refused', width: innerWidth, height: innerHeight };
    }
    if (entry.kind === 'video') return { ...own, type: 'video' };
    const original =
      shownByAll.test(entry.mediaType) && width > previewPixelsMax ? `, /api/assets/${id}/original ${width}w` : '';
    const preview = `/api/assets/${id}/preview`;
    const previewWidth = Math.round(Math.min(1, previewPixelsMax / Math.max(width, height)) * width);
    return {
      ...own,
      type: 'image',
      src: preview,
      ...(original === '' ? {} : { srcset: `${preview} ${previewWidth}w${original}` }),
      msrc: `/api/assets/${id}/thumbnail`,
      alt: photos.tile(entry),
      thumbCropped: true,
    };
  }

  #want(position: number): void {
    const ids: number[] = [];
    for (let away = 0; away <= around; away++) {
      for (const at of away === 0 ? [position] : [position + away, position - away]) {
        const id = this.#index.idAt(at);
        if (id !== undefined) ids.push(id);
      }
    }
    this.#options.store.want(ids);
  }

  /** Something became known of single photos: slides that waited for it are made anew. */
  #onKnown(): void {
    if (this.#closed) return;
    const { currIndex } = this.#pswp;
    for (const position of [currIndex - 1, currIndex, currIndex + 1]) {
      const holder = this.#pswp.mainScroll?.itemHolders.find(({ slide }) => slide?.index === position);
      const entry = this.#options.store.get(this.#index.idAt(position) ?? -1);
      const type = holder?.slide?.data.type;
      const outdated =
        type === 'waiting' || (type === 'refused') !== (entry?.picture === 'refused' && entry.kind === 'photo');
      if (holder !== undefined && entry !== undefined && outdated) this.#pswp.refreshSlideContent(position);
    }
    this.#draw();
  }

  #onChange(): void {
    const { currIndex } = this.#pswp;
    const id = this.#index.idAt(currIndex);
    if (id === undefined || this.#closed) return;
    this.#want(currIndex);
    this.#options.onMove(id);
    const entry = this.#entry;
    if (entry !== undefined) say(photos.tile(entry));
    this.#draw();
  }

  /** True: the key was ours. */
  #onKey(event: KeyboardEvent): boolean {
    const { target, key } = event;
    // A video's own keys are its own.
    if (target instanceof HTMLVideoElement && (key.startsWith('Arrow') || key === ' ')) return true;
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    switch (key) {
      case 'Home':
        this.#pswp.goTo(0);
        break;
      case 'End':
        this.#pswp.goTo(this.#index.count - 1);
        break;
      case 'Escape':
        if (!this.#details) return false;
        this.#toggleDetails();
        break;
      case 'i':
        this.#toggleDetails();
        break;
      case 'Delete':
        void this.#trash();
        break;
      default:
        return false;
    }
    event.preventDefault();
    return true;
  }

  #toggleDetails(): void {
    this.#details = !this.#details;
    this.#draw();
    this.#pswp.updateSize(true);
  }

  #padding(width: number): { top: number; bottom: number; left: number; right: number } {
    const none = { top: 0, bottom: 0, left: 0, right: 0 };
    if (!this.#details) return none;
    if (width >= wideFrom) return { ...none, right: sheetWidth };
    return { ...none, top: 56, bottom: Math.round(window.innerHeight * sheetShare) };
  }

  async #trash(): Promise<void> {
    const at = this.#pswp.currIndex;
    const id = this.#index.idAt(at);
    if (id === undefined || !(await this.#options.trash([id]))) return;
    if (this.#closed) return;
    // Somebody may have gone on while the box was slow: then it is that one which stays in view.
    const seen = this.#pswp.currIndex;
    this.#index = this.#index.without(new Set([id]));
    if (this.#index.count === 0) {
      this.close();
      return;
    }
    // Slides are kept by their position, and all behind this one have another now.
    for (let position = Math.min(at, seen) - slidesCached; position <= Math.max(at, seen) + slidesCached; position++) {
      this.#pswp.contentLoader.removeByIndex(position);
    }
    const now = Math.min(seen > at ? seen - 1 : seen, this.#index.count - 1);
    if (now !== seen) this.#pswp.goTo(now);
    for (const position of [now - 1, now, now + 1]) {
      if (position >= 0 && position < this.#index.count) this.#pswp.refreshSlideContent(position);
    }
    this.#onChange();
  }

  #draw(): void {
    if (this.#closed) return;
    const id = this.#index.idAt(this.#pswp.currIndex);
    if (id === undefined) return;
    render(
      <ViewerChrome
        id={id}
        entry={this.#entry}
        details={this.#details}
        onDetails={() => this.#toggleDetails()}
        onClose={() => this.close()}
        onTrash={() => this.#trash()}
        picture={() => this.#pswp.currSlide?.container ?? undefined}
      />,
      this.#chrome,
    );
  }
}
