/**
 * Owns the toast: a way back from what was just done, for 8 seconds. Never for errors, and never the only place where
 * something is said. Any page may call `toast`; the host stands once in the app.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import { Button } from './button.tsx';
import { say } from './page.tsx';
import './toast.css';

const shownMs = 8_000;

type Toast = Readonly<{
  text: string;
  action: string;
  onAction: () => void;
}>;
let show: ((toast: Toast) => void) | undefined;

/** In place of the one that is there. `action` is what the button says. */
export function toast(next: Toast): void {
  show?.(next);
  say(next.text);
}

export function ToastHost() {
  const [current, setCurrent] = useState<Toast>();
  const [held, setHeld] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    show = (next) => {
      setHeld(false);
      setCurrent(next);
    };
    return () => {
      show = undefined;
    };
  }, []);
  useEffect(() => {
    if (current === undefined || held) return;
    const timer = window.setTimeout(() => setCurrent(undefined), shownMs);
    return () => window.clearTimeout(timer);
  }, [current, held]);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    // In the top layer, so that it is seen over the viewer too; anew each time, so that it lies above what came later.
    if (element.matches(':popover-open')) element.hidePopover();
    if (current !== undefined) element.showPopover();
  }, [current]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only waits while somebody is at it
    <div
      class="toast"
      popover="manual"
      ref={place}
      onMouseEnter={() => setHeld(true)}
      onMouseLeave={() => setHeld(false)}
      onFocusIn={() => setHeld(true)}
      onFocusOut={() => setHeld(false)}
    >
      {current !== undefined && (
        <>
          <p>{current.text}</p>
          <Button
            look="quiet"
            onClick={() => {
              setCurrent(undefined);
              current.onAction();
            }}
          >
            {current.action}
          </Button>
        </>
      )}
    </div>
  );
}
