import { useState } from 'preact/hooks';
import { ask, type ReplyOf } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { security as t } from '../text/en/security.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { say } from '../ui/page.tsx';
import { Bar, RefusalNote, Skeleton } from '../ui/parts.tsx';

type Limits = ReplyOf<'GET /api/people/:id/limits'>;
type Named = Readonly<{ id: string; name: string }>;
const gigabyte = 1e9;
const trashDaysMin = 7;
const trashDaysMax = 365;
const gigabytesMax = 1_000_000;

/** What a person uses of what they may use; the way to change it. */
export function PersonUse({ person }: { person: Named }) {
  const { answer, refusal, put } = useAsk(
    (signal) => ask('GET /api/people/:id/limits', { params: { id: person.id }, signal }),
    [person.id],
  );
  const [open, setOpen] = useState(false);
  return (
    <div class="security-use">
      {answer === undefined && refusal === undefined && <Skeleton height="2.75rem" />}
      {refusal !== undefined && <p class="cap">{refusal.message}</p>}
      {answer !== undefined && (
        <>
          <div class="security-use-words">
            <p class="cap num">{useWords(answer)}</p>
            {answer.quotaBytes !== null && answer.used !== null && (
              <Bar share={answer.used.bytes / Math.max(1, answer.quotaBytes)} label={useWords(answer)} />
            )}
          </div>
          <Button look="quiet" label={t.limitsOf(person.name)} onClick={() => setOpen(true)}>
            {t.limits}
          </Button>
          {open && (
            <LimitsDialog
              person={person}
              limits={answer}
              onSaved={(limits) => {
                setOpen(false);
                put(limits);
              }}
              onClose={() => setOpen(false)}
            />
          )}
        </>
      )}
    </div>
  );
}

function useWords({ used, quotaBytes, trashDays }: Limits): string {
  if (used === null) return t.useUnknown;
  return quotaBytes === null ? t.useFree(used.bytes, trashDays) : t.useOf(used.bytes, quotaBytes, trashDays);
}

type DialogProps = Readonly<{
  person: Named;
  limits: Limits;
  onSaved: (limits: Limits) => void;
  onClose: () => void;
}>;

function LimitsDialog({ person, limits, onSaved, onClose }: DialogProps) {
  const [quota, setQuota] = useState(limits.quotaBytes === null ? '' : String(limits.quotaBytes / gigabyte));
  const [days, setDays] = useState(String(limits.trashDays));
  const gigabytes = Number(quota.replace(',', '.'));
  const quotaFits = quota.trim() === '' || (gigabytes > 0 && gigabytes <= gigabytesMax);
  const daysFit = Number.isInteger(Number(days)) && Number(days) >= trashDaysMin && Number(days) <= trashDaysMax;
  const quotaBytes = quota.trim() === '' ? null : Math.round(gigabytes * gigabyte);
  const tooSmall = quotaFits && quotaBytes !== null && limits.used !== null && quotaBytes < limits.used.bytes;
  const { busy, refusal, run } = useDoing(async () => {
    const given = { params: { id: person.id }, body: { quotaBytes, trashDays: Number(days) } };
    const next = await ask('PUT /api/people/:id/limits', given);
    say(t.limitsSaved);
    onSaved(next);
  });
  return (
    <Dialog title={t.limitsOf(person.name)} open onClose={onClose} busy={busy}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <p class="second">{t.limitsText}</p>
        <RefusalNote refusal={refusal} />
        <Field
          label={t.quota}
          value={quota}
          onInput={setQuota}
          hint={tooSmall ? t.quotaSmall : t.quotaHint}
          error={quotaFits ? undefined : t.quotaWrong}
          maxLength={10}
          autocomplete="off"
        />
        <Field
          label={t.trashDays}
          value={days}
          onInput={setDays}
          hint={t.trashDaysHint}
          error={daysFit ? undefined : t.trashDaysWrong}
          inputMode="numeric"
          maxLength={3}
          autocomplete="off"
          required
        />
        <div class="buttons">
          <Button type="submit" busy={busy} disabled={!quotaFits || !daysFit}>
            {t.limitsSave}
          </Button>
          <Button look="secondary" onClick={onClose}>
            {common.cancel}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
