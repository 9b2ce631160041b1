/** What stands around a photo in the viewer: when it was taken, what can be done with it, and its details. */
import { ArrowLeft, CircleDot, Download, Info, Trash2, X } from 'lucide';
import { useEffect, useRef, useState } from 'preact/hooks';
import { common } from '../text/en/common.ts';
import { photos } from '../text/en/photos.ts';
import { localClock, localDay } from '../text/format.ts';
import { IconButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { say } from '../ui/page.tsx';
import { Details } from './details.tsx';
import type { Entry } from './entry-store.ts';

type ChromeProps = Readonly<{
  id: number;
  entry: Entry | undefined;
  details: boolean;
  onDetails: () => void;
  onClose: () => void;
  onTrash: () => Promise<void>;
  /** Where the picture is now. */
  picture: () => HTMLElement | undefined;
}>;

export function ViewerChrome({ id, entry, details, onDetails, onClose, onTrash, picture }: ChromeProps) {
  const sheet = useRef<HTMLElement>(null);
  useEffect(() => {
    if (details) sheet.current?.querySelector<HTMLElement>('h2')?.focus({ preventScroll: true });
  }, [details]);
  return (
    <>
      <header class="pv-top">
        <IconButton of={ArrowLeft} label={photos.back} onClick={onClose} />
        <p class="pv-when">
          {entry !== undefined && (
            <>
              <strong>{localDay(entry.capturedLocal, Date.now())}</strong>
              <span class="num">{localClock(entry.capturedLocal)}</span>
            </>
          )}
        </p>
        <a
          class="button icon"
          href={`/api/assets/${id}/original`}
          download={entry?.name ?? ''}
          aria-label={photos.original}
          title={photos.original}
        >
          <Icon of={Download} />
        </a>
        <IconButton of={Trash2} label={photos.toTrash} onClick={() => void onTrash()} />
        <IconButton of={Info} label={photos.details} aria-expanded={details} onClick={onDetails} />
      </header>
      {entry !== undefined && entry.motion !== null && <Motion key={id} id={id} picture={picture} />}
      {details && (
        <aside class="pv-sheet" aria-labelledby="pv-details" ref={sheet}>
          <div class="row spread">
            <h2 class="head" id="pv-details" tabIndex={-1}>
              {photos.details}
            </h2>
            <IconButton of={X} label={common.close} onClick={onDetails} />
          </div>
          <Details key={id} id={id} />
        </aside>
      )}
    </>
  );
}

/** The moving part of a Live Photo, over its picture, once. */
function Motion({ id, picture }: { id: number; picture: () => HTMLElement | undefined }) {
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    const place = picture();
    if (!playing || place === undefined) return;
    const video = document.createElement('video');
    video.className = 'pv-motion';
    video.playsInline = true;
    video.src = `/api/assets/${id}/motion`;
    const end = () => setPlaying(false);
    video.addEventListener('ended', end);
    video.addEventListener('error', () => {
      if (!video.hasAttribute('src')) return;
      say(photos.motionFails);
      end();
    });
    place.append(video);
    video.play().catch(() => undefined);
    return () => {
      video.remove();
      video.removeAttribute('src');
      video.load();
    };
  }, [playing, id]);
  return (
    <button type="button" class="pv-live" aria-pressed={playing} onClick={() => setPlaying(!playing)}>
      <Icon of={CircleDot} />
      {photos.live}
      <span class="only-read"> {playing ? photos.stop : photos.play}</span>
    </button>
  );
}
