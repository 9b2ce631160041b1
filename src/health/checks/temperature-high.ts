import type { Facts, Need } from '../facts.ts';

const minuteMs = 60_000;
/** Degrees: from the first on it is raised, below the second it is over. A Raspberry Pi slows down from 80 on. */
const celsiusMin = [80, 72] as const;
const veryHot = 90;
const patienceMs = 10 * minuteMs;

export function temperatureHigh({ owner, machine, book, now }: Facts): Need[] {
  const { celsius } = machine;
  const raised = book.raised('temperature-high');
  if (!owner || celsius === null || celsius < celsiusMin[raised ? 1 : 0]) return [];
  const params = { celsius: Math.round(celsius) };
  const need = { code: 'temperature-high', severity: 'watch', params, level: celsius >= veryHot ? 1 : 0 } as const;
  const lasts = now - (book.since('temperature-high') ?? now) >= patienceMs;
  return [lasts || raised ? need : { ...need, ready: false }];
}
