/**
 * How far the move to another disk has come, from what the box says alone: so a reload, a restart and another browser find
 * the same step. Pure.
 */
import { isComplete, type Mirror, type Mirrors } from './use-mirrors.ts';

export type ReplaceStep =
  | { is: 'empty' }
  | { is: 'moving'; name: string }
  | { is: 'dead' }
  | { is: 'moved' }
  | { is: 'plug-in'; away: readonly Mirror[] }
  | { is: 'choose'; among: readonly Mirror[] }
  | { is: 'copying'; to: Mirror }
  | { is: 'ready'; to: Mirror };

/** After that a move is history, and whoever comes wants the next one. */
const movedMsMax = 14 * 86_400_000;

/** `chosen`: the disk that the address names. `anew`: whoever asks knows that the last move is done. */
export function stepOf(
  { library, mirrors, promotion, promoted }: Mirrors,
  { chosen, anew, now }: Readonly<{ chosen: string | undefined; anew: boolean; now: number }>,
): ReplaceStep {
  if (library.state === 'none') return { is: 'empty' };
  if (promotion !== null) {
    return { is: 'moving', name: mirrors.find((one) => one.diskId === promotion.diskId)?.name ?? '' };
  }
  if (library.state === 'missing') return { is: 'dead' };
  const to = mirrors.find((one) => one.diskId === chosen);
  const justMoved = promoted !== null && promoted.diskId === library.diskId && now - promoted.at < movedMsMax;
  if (to === undefined && justMoved && !anew) return { is: 'moved' };
  const there = mirrors.filter(({ attached }) => attached);
  const [only] = there;
  const target = to ?? (there.length === 1 ? only : undefined);
  if (target !== undefined) return isComplete(target) ? { is: 'ready', to: target } : { is: 'copying', to: target };
  return there.length === 0 ? { is: 'plug-in', away: mirrors } : { is: 'choose', among: there };
}
