import { useEffect, useState } from 'preact/hooks';

const steadyMs = 5_000;

/** Time left only once it was told for 5 s without a break: what jumps about helps nobody. */
export function useSteady(value: number | null): number | null {
  const told = value !== null;
  const [steady, setSteady] = useState(false);
  useEffect(() => {
    if (!told) {
      setSteady(false);
      return;
    }
    const timer = window.setTimeout(() => setSteady(true), steadyMs);
    return () => window.clearTimeout(timer);
  }, [told]);
  return steady ? value : null;
}
