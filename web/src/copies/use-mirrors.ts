import { useEffect } from 'preact/hooks';
import { ask, type ReplyOf } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { useAsk } from '../ask/use-ask.ts';
import type { MirrorState } from '../text/en/mirrors.ts';

export type Mirrors = ReplyOf<'GET /api/mirrors'>;
export type Mirror = Mirrors['mirrors'][number];

const movingMs = 2_000;
const restingMs = 4_000;

/** The mirrors as they are now: asked for again and again while the page is looked at, sooner while something moves. */
export function useMirrors() {
  const asked = useAsk((signal) => ask('GET /api/mirrors', { signal }));
  const { answer, again } = asked;
  useLive((event) => {
    if (event.type === 'home' || event.type === 'disks' || event.type === 'missed') void again();
  });
  const moving =
    answer !== undefined &&
    (answer.promotion !== null ||
      answer.library.state !== 'ok' ||
      answer.mirrors.some((one) => one.attached && (one.waiting.files > 0 || one.lastCompleteAt === null)));
  useEffect(() => {
    const timer = window.setInterval(() => document.hidden || void again(), moving ? movingMs : restingMs);
    return () => window.clearInterval(timer);
  }, [moving, again]);
  return asked;
}

/** Everything that the library has is on it. */
export function isComplete(mirror: Mirror): boolean {
  return mirror.attached && mirror.problem === null && mirror.waiting.files === 0 && mirror.lastCompleteAt !== null;
}

export function stateOf(mirror: Mirror, { library, promotion }: Mirrors): MirrorState {
  if (promotion?.diskId === mirror.diskId) return 'moving';
  if (!mirror.attached) return 'away';
  if (library.state !== 'ok') return 'alone';
  if (mirror.problem !== null) return mirror.problem;
  if (mirror.waiting.files > 0) return mirror.resting ? 'resting' : mirror.running ? 'copying' : 'behind';
  return mirror.lastCompleteAt === null ? 'beginning' : 'complete';
}
