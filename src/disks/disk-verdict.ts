/**
 * Decides how a disk is, by the table of rules: the worst that is true. Pure: knows numbers and their growth, no disk,
 * no clock and no words. Called by `disk-health.ts`.
 */
import type { DiskFacts } from './disk-measures.ts';
import { type Advice, type DiskRule, type DiskVerdict, diskRules, type ReasonCode, verdicts } from './disk-rules.ts';
import { tellsSomething } from './smart-reading.ts';

type Reason = Readonly<{
  code: ReasonCode;
  verdict: DiskVerdict;
  advice: Advice;
  /** `value`: what was measured; `days`: in how many, where it is a growth; `limit`: of what it is compared with. */
  params: Readonly<Record<string, number>>;
}>;
export type Judgement = Readonly<{ verdict: DiskVerdict; advice: Advice; reasons: readonly Reason[] }>;

/** The worst first. A disk that tells nothing is never called fine. */
export function judge(facts: DiskFacts): Judgement {
  const kind = facts.reading?.kind ?? 'none';
  const reasons: Reason[] = [];
  for (const rule of diskRules) {
    if (rule.kinds !== undefined && !rule.kinds.includes(kind)) continue;
    const reason = reasonOf(rule, facts);
    if (reason !== undefined) reasons.push(reason);
  }
  if (facts.reading === null || !tellsSomething(facts.reading)) {
    const advice = kind === 'usb-unknown' ? 'try-another-enclosure' : 'keep-a-mirror';
    reasons.push({ code: 'tells-nothing', verdict: 'tells-nothing', advice, params: {} });
  }
  const byWorst = reasons.toSorted((a, b) => verdicts.indexOf(b.verdict) - verdicts.indexOf(a.verdict));
  const { verdict, advice } = byWorst[0] ?? { verdict: 'fine', advice: 'nothing' };
  return { verdict, advice, reasons: byWorst };
}

function reasonOf(rule: DiskRule, facts: DiskFacts): Reason | undefined {
  const value = rule.measure(facts);
  if (value === null) return undefined;
  const step = rule.steps.findLast(([from]) => value >= from);
  if (step === undefined) return undefined;
  const [, verdict, advice] = step;
  const days = rule.code.endsWith('-growing') && facts.growth !== null ? { days: facts.growth.days } : {};
  const limit = rule.limit === undefined ? {} : { limit: rule.limit(facts) };
  // Of a distance to a limit, people want to see what was measured.
  const shown = rule.code === 'spare-low' ? (limit.limit ?? 0) - value : value + (limit.limit ?? 0);
  return { code: rule.code, verdict, advice, params: { value: shown, ...days, ...limit } };
}
