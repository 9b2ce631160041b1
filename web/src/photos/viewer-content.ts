/** What the viewer shows beside pictures: videos, what has no picture, what is not known yet. Plain elements, no words
 * but those of the text file. */
import type PhotoSwipe from 'photoswipe';
import { photos } from '../text/en/photos.ts';
import type { Entry } from './entry-store.ts';

export type OwnSlide = Readonly<{ id: number; entry: Entry | undefined; width: number; height: number }>;
type SlideContent = PhotoSwipe['currSlide'] extends infer S ? (S extends { content: infer C } ? C : never) : never;

/** Presses this near to a video's lower edge are its controls', and no swipe; pixels. */
const controlsHeight = 72;

export function ownContents(pswp: PhotoSwipe): void {
  pswp.addFilter('isContentZoomable', (zoomable, content) => zoomable && content.type === 'image');
  pswp.on('contentLoad', (event) => {
    const { content } = event;
    const made = make(content.type, content.data as unknown as OwnSlide);
    if (made === undefined) return;
    event.preventDefault();
    content.element = made as HTMLDivElement;
    content.onLoaded();
  });
  pswp.on('contentDeactivate', ({ content }) => videoOf(content)?.pause());
  pswp.on('contentDestroy', ({ content }) => {
    const video = videoOf(content);
    if (video === undefined) return;
    // Without an address the browser stops fetching.
    video.removeAttribute('src');
    video.load();
  });
  pswp.on('pointerDown', (event) => {
    const { target, clientY } = event.originalEvent;
    if (!(target instanceof Element)) return;
    const video = target.closest('video');
    const onControls = video !== null && clientY > video.getBoundingClientRect().bottom - controlsHeight;
    if (onControls || target.closest('a, button') !== null) event.preventDefault();
  });
}

function videoOf(content: SlideContent): HTMLVideoElement | undefined {
  return content.element?.querySelector('video') ?? undefined;
}

function make(type: string | undefined, slide: OwnSlide): HTMLElement | undefined {
  if (type === 'waiting') return element('div', 'pv-waiting');
  if (type === 'refused') return noPicture(slide);
  return type === 'video' ? videoPlayer(slide) : undefined;
}

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: ReadonlyArray<Node | string>
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
}

/** The browser asks for ranges of the original by itself. */
function videoPlayer(slide: OwnSlide): HTMLElement {
  const video = document.createElement('video');
  video.controls = true;
  video.playsInline = true;
  video.preload = 'metadata';
  if (slide.entry?.picture === 'ready') video.poster = `/api/assets/${slide.id}/preview`;
  video.src = `/api/assets/${slide.id}/original`;
  if (slide.entry !== undefined) video.setAttribute('aria-label', photos.tile(slide.entry));
  const place = element('div', 'pv-video', video);
  video.addEventListener('error', () => {
    // Without an address there is no error to tell of.
    if (video.hasAttribute('src')) place.replaceChildren(panel(slide, photos.videoFails));
  });
  return place;
}

/** The reason is asked for when it is looked at. */
function noPicture(slide: OwnSlide): HTMLElement {
  const place = element('div', 'pv-refused', panel(slide, photos.noPicture));
  void fetch(`/api/assets/${slide.id}`)
    .then(async (answer) => (await answer.json()) as { refusal?: { reason: string } | null })
    .then(({ refusal }) => {
      if (refusal) place.replaceChildren(panel(slide, refusal.reason));
    })
    .catch(() => undefined);
  return place;
}

export function failedPanel(slide: OwnSlide): HTMLElement {
  return panel(slide, photos.previewFails);
}

function panel({ id, entry }: OwnSlide, reason: string): HTMLElement {
  const link = element('a', 'button', photos.original);
  link.href = `/api/assets/${id}/original`;
  link.download = entry?.name ?? '';
  return element('div', 'pv-panel', element('p', 'head', entry?.name ?? ''), element('p', 'measure', reason), link);
}
