/** The night strip: one lane a phone, with what it brought by ten minutes. Pure. */
import type { Arrivals } from '../library/standing.ts';
import type { HomePhone, HomeView } from './contract.ts';
import type { Window } from './night.ts';

const burstMs = 10 * 60_000;
const lanesMax = 6;
const names = new Intl.Collator('en');

/** `arrivals`: the oldest first; of phones that are not among `phones` nothing is said. */
export function nightStrip(
  { from, to }: Window,
  phones: readonly Pick<HomePhone, 'id' | 'name'>[],
  arrivals: readonly Arrivals[],
): HomeView['night'] {
  const byPhone = new Map<string, Map<number, number>>();
  const totals = new Map<string, number>();
  for (const { at, phoneId, files } of arrivals) {
    if (at < from || at >= to) continue;
    const bursts = byPhone.get(phoneId) ?? new Map<number, number>();
    const begin = from + Math.floor((at - from) / burstMs) * burstMs;
    bursts.set(begin, (bursts.get(begin) ?? 0) + files);
    byPhone.set(phoneId, bursts);
    totals.set(phoneId, (totals.get(phoneId) ?? 0) + files);
  }
  // Those that brought most have a lane; each keeps its place by its name.
  const most = phones.toSorted((a, b) => (totals.get(b.id) ?? 0) - (totals.get(a.id) ?? 0) || byName(a, b));
  const lanes = most
    .slice(0, lanesMax)
    .sort(byName)
    .map(({ id, name }) => ({
      phone: id,
      name,
      bursts: [...(byPhone.get(id) ?? [])].map(([at, count]) => ({ at, count })),
    }));
  return { from, to, lanes, others: phones.length - lanes.length };
}

/** By name as people read it, and always the same way. */
export function byName(a: Pick<HomePhone, 'id' | 'name'>, b: Pick<HomePhone, 'id' | 'name'>): number {
  return names.compare(a.name, b.name) || (a.id < b.id ? -1 : 1);
}
