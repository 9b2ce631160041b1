/** What the home page shows beside the verdict: alerts that were seen or are over, and the last night. Pure. */
import { keyOf, kindOf } from './alert-kinds.ts';
import type { KeptAlert } from './alerts-contract.ts';
import type { Alert, HomeView } from './contract.ts';
import type { NightReport } from './reports-contract.ts';

const overMs = 24 * 60 * 60_000;
const overMax = 5;

type Kept = Readonly<{ open: readonly KeptAlert[]; cleared: readonly KeptAlert[] }>;

/**
 * What is found now, with what it is acknowledged by. A member acknowledges what is of their phones: of the whole box the
 * owner does.
 */
export function withIds(needs: readonly Alert[], open: readonly KeptAlert[], owner: boolean): HomeView['needs'] {
  const ids = new Map(open.map((alert) => [`${alert.code} ${keyOf(alert)}`, alert.id]));
  return needs.map((need) => {
    const mine = owner || need.params['phone'] !== undefined;
    return {
      ...need,
      advice: kindOf(need.code).advice,
      id: (mine ? ids.get(`${need.code} ${keyOf(need)}`) : undefined) ?? null,
    };
  });
}

export function seenAndOver({ open, cleared }: Kept, now: number): Pick<HomeView, 'seen' | 'over'> {
  return {
    seen: open
      .filter(({ state }) => state === 'acknowledged')
      .map(({ id, code, severity, params }) => ({ id, code, severity, params })),
    over: cleared.slice(0, overMax).flatMap(({ id, code, params, clearedAt }) => {
      return clearedAt === null || now - clearedAt > overMs ? [] : [{ id, code, params, clearedAt }];
    }),
  };
}

export function lastNight(report: NightReport | undefined): HomeView['nights']['report'] {
  if (report === undefined) return null;
  const { night, madeAt, library, total, phones } = report;
  const sum = (of: (phone: NightReport['phones'][number]) => number) =>
    phones.reduce((all, phone) => all + of(phone), 0);
  return {
    night,
    madeAt,
    library,
    count: total.count,
    bytes: total.bytes,
    phones: sum(({ came }) => (came.count > 0 ? 1 : 0)),
    waiting: sum(({ unfinished }) => unfinished.waiting ?? unfinished.uploads),
    videos: sum(({ unfinished }) => unfinished.videos),
    silent: sum(({ advice }) => (advice.some(({ code }) => code === 'open-the-app-at-home') ? 1 : 0)),
  };
}
