import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { security as t } from '../text/en/security.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import type { Factors } from './factors.ts';
import { ShownOnce } from './shown-once.tsx';

const codesMax = 10;

export function RecoveryCodesCard({ factors, onChange }: { factors: Factors | undefined; onChange: () => void }) {
  const [asked, setAsked] = useState(false);
  const [codes, setCodes] = useState<readonly string[]>();
  const { busy, refusal, run } = useDoing(async () => {
    const made = await confirmFirst(() => ask('POST /api/recovery-codes'));
    setAsked(false);
    setCodes(made.codes);
  });
  const left = factors?.left ?? 0;
  const has = factors !== undefined && factors.approvers.length + factors.authenticators.length > 0;
  return (
    <section class="card stack" aria-labelledby="recovery-codes">
      <div>
        <h2 class="head" id="recovery-codes">
          {t.recovery}
        </h2>
        <p class="cap">{t.recoveryText}</p>
      </div>
      <div class="security-blocks" aria-hidden="true">
        {Array.from({ length: codesMax }, (_, at) => (
          <span key={at} class={at < left ? 'left' : ''} />
        ))}
      </div>
      <div class="row spread">
        <p class="num">{has ? t.left(left) : t.noneYet}</p>
        {has && (
          <Button look="quiet" onClick={() => setAsked(true)}>
            {t.replaceAll}
          </Button>
        )}
      </div>
      <Dialog title={t.replaceTitle} open={asked} onClose={() => setAsked(false)} busy={busy}>
        <p class="second">{t.replaceText}</p>
        <RefusalNote refusal={refusal} />
        <div class="buttons">
          <Button busy={busy} onClick={() => void run()}>
            {t.replace}
          </Button>
          <Button look="secondary" onClick={() => setAsked(false)}>
            {common.cancel}
          </Button>
        </div>
      </Dialog>
      {codes !== undefined && (
        <ShownOnce
          codes={codes}
          onKept={() => {
            setCodes(undefined);
            onChange();
          }}
        />
      )}
    </section>
  );
}
