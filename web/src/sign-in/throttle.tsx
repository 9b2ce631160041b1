import { Hourglass } from 'lucide';
import { useEffect, useState } from 'preact/hooks';
import type { Refusal } from '../ask/ask.ts';
import { signIn as t } from '../text/en/sign-in.ts';
import { minutesAndSeconds } from '../text/format.ts';
import { Icon } from '../ui/icon.tsx';

const tickMs = 500;
/** Longer waits are told by the box in hours: nobody sits through them. */
const countedSecondsMax = 3_600;

/** Milliseconds until the box takes another try; undefined: now, or it does not say. */
export function useThrottle(refusal: Refusal | undefined): number | undefined {
  const [leftMs, setLeft] = useState<number>();
  useEffect(() => {
    const seconds = refusal?.code === 'too-many-requests' ? refusal.retryAfterSeconds : undefined;
    if (seconds === undefined || seconds > countedSecondsMax) return setLeft(undefined);
    const until = performance.now() + seconds * 1_000;
    const tick = () => {
      const left = until - performance.now();
      setLeft(left > 0 ? left : undefined);
      if (left <= 0) window.clearInterval(timer);
    };
    const timer = window.setInterval(tick, tickMs);
    tick();
    return () => window.clearInterval(timer);
  }, [refusal]);
  return leftMs;
}

/** It is said once; the counter beside it runs silently. */
export function ThrottleNote({ leftMs }: { leftMs: number | undefined }) {
  return (
    <>
      <p role="alert" class="only-read">
        {leftMs === undefined ? '' : t.tooMany}
      </p>
      {leftMs !== undefined && (
        <div class="refusal">
          <Icon of={Hourglass} />
          <p>
            <span aria-hidden="true">{t.tooMany} </span>
            <span class="num">{t.nextTry(minutesAndSeconds(leftMs))}.</span>
          </p>
        </div>
      )}
    </>
  );
}
