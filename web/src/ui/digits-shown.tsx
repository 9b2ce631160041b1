import { useEffect, useState } from 'preact/hooks';
import { boxNow } from '../ask/ask.ts';
import { digitsShown as t } from '../text/en/digits-shown.ts';
import { minutesAndSeconds } from '../text/format.ts';
import './digits-shown.css';
import { Bar } from './parts.tsx';

const tickMs = 1_000;

type DigitsShownProps = Readonly<{
  /** Six. */
  digits: string;
  /** By the box's clock, milliseconds since 1970. */
  expiresAt: number;
  /** How long they last in all. */
  lifeMs: number;
  /** They can no longer be answered. */
  over?: boolean;
}>;

/** Six digits to be typed somewhere else, in two groups, and how long they last. The time is not read out as it runs. */
export function DigitsShown({ digits, expiresAt, lifeMs, over = false }: DigitsShownProps) {
  const leftMs = useLeft(expiresAt);
  const shownMs = over ? 0 : Math.min(leftMs, lifeMs);
  return (
    <div class={over ? 'card digits-shown over' : 'card digits-shown'}>
      <p role="img" aria-label={[...digits].join(' ')}>
        <span aria-hidden="true">{digits.slice(0, 3)}</span>
        <span aria-hidden="true">{digits.slice(3)}</span>
      </p>
      <div class="digits-left">
        <Bar share={shownMs / lifeMs} label={t.label} />
        <span class="cap num">{shownMs > 0 ? t.left(minutesAndSeconds(shownMs)) : t.over}</span>
      </div>
    </div>
  );
}

function useLeft(expiresAt: number): number {
  const [leftMs, setLeft] = useState(() => Math.max(0, expiresAt - boxNow()));
  useEffect(() => {
    const look = () => setLeft(Math.max(0, expiresAt - boxNow()));
    look();
    const timer = window.setInterval(look, tickMs);
    return () => window.clearInterval(timer);
  }, [expiresAt]);
  return leftMs;
}
