import type { Facts, Need } from '../facts.ts';

const minuteMs = 60_000;
/** Available memory in percent of all: below the first it is raised, above the second it is over. */
const availableMin = [5, 10] as const;
/** A zip of a thousand photos may take memory for a while. */
const patienceMs = 15 * minuteMs;

export function memoryHigh({ owner, machine: { memory }, book, now }: Facts): Need[] {
  if (!owner || memory === null || memory.totalBytes <= 0) return [];
  const available = (memory.availableBytes / memory.totalBytes) * 100;
  if (available >= availableMin[book.raised('memory-high') ? 1 : 0]) return [];
  const need = { code: 'memory-high', severity: 'watch', params: { percent: Math.round(100 - available) } } as const;
  const lasts = now - (book.since('memory-high') ?? now) >= patienceMs;
  return [lasts || book.raised('memory-high') ? need : { ...need, ready: false }];
}
