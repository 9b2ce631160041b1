import { ask, type ReplyOf } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { security as t } from '../text/en/security.ts';
import { count } from '../text/format.ts';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { SelectField, Switch } from '../ui/field.tsx';
import { CouldNotLoad, RefusalNote, Skeleton } from '../ui/parts.tsx';

type Policy = ReplyOf<'GET /api/policy'>;
const expiryDays = [90, 180, 365, 730];
const idleMinutes = [5, 15, 30, 60, 240];

/** The owner's rules, in force as they are changed. */
export function RulesCard() {
  const { answer, refusal, again, put } = useAsk((signal) => ask('GET /api/policy', { signal }));
  const changing = useDoing(async (policy: Policy) => {
    const { passwordExpiryNote: _, ...body } = policy;
    put(await confirmFirst(() => ask('PUT /api/policy', { body })));
  });
  if (answer === undefined) {
    return refusal === undefined ? (
      <Skeleton height="17rem" />
    ) : (
      <CouldNotLoad refusal={refusal} again={() => void again()} />
    );
  }
  const change = (part: Partial<Policy>) => void changing.run({ ...answer, ...part });
  const { secondFactorRequired, passwordExpiryDays, idleLockMinutes, passwordExpiryNote } = answer;
  return (
    <section class="card stack" aria-labelledby="rules">
      <h2 class="head" id="rules">
        {t.rules}
      </h2>
      <RefusalNote refusal={changing.refusal} />
      <div class="rows">
        <Switch
          label={t.require}
          hint={t.requireText}
          on={secondFactorRequired}
          onChange={(on) => change({ secondFactorRequired: on })}
        />
        <div class="stack">
          <Switch
            label={t.expire}
            hint={passwordExpiryNote}
            on={passwordExpiryDays !== null}
            onChange={(on) => change({ passwordExpiryDays: on ? 365 : null })}
          />
          {passwordExpiryDays !== null && (
            <SelectField
              label={t.expireDays}
              value={String(passwordExpiryDays)}
              options={withOwn(expiryDays, passwordExpiryDays, count)}
              onChange={(days) => change({ passwordExpiryDays: Number(days) })}
            />
          )}
        </div>
        <SelectField
          label={t.idle}
          hint={t.idleText}
          value={String(idleLockMinutes ?? 0)}
          options={[{ value: '0', label: t.never }, ...withOwn(idleMinutes, idleLockMinutes ?? 5, t.minutes)]}
          onChange={(minutes) => change({ idleLockMinutes: Number(minutes) || null })}
        />
      </div>
    </section>
  );
}

/** The usual choices, and the one in force should it be another. */
function withOwn(usual: readonly number[], own: number, label: (n: number) => string) {
  return [...new Set([...usual, own])].sort((a, b) => a - b).map((n) => ({ value: String(n), label: label(n) }));
}
