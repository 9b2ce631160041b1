import { useState } from 'preact/hooks';
import { ask, boxNow } from '../ask/ask.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { security as t } from '../text/en/security.ts';
import { moment } from '../text/format.ts';
import { Button } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { PasswordField } from '../ui/field.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { ShownOnce } from './shown-once.tsx';

/** The owner's key to the sealed copies of the box. */
export function RecoveryKeyCard() {
  const { answer, again } = useAsk((signal) => ask('GET /api/recovery-key', { signal }));
  const [asked, setAsked] = useState(false);
  const [made, setMade] = useState<string>();
  const key = answer?.recoveryKey;
  return (
    <section class="card stack" aria-labelledby="recovery-key">
      <div>
        <h2 class="head" id="recovery-key">
          {t.recoveryKey}
        </h2>
        <p class="cap">{t.recoveryKeyText}</p>
      </div>
      <div class="row spread">
        <p>{key === undefined ? '…' : key === null ? t.keyNone : t.madeAt(moment(key.madeAt, boxNow()))}</p>
        <Button look="quiet" onClick={() => setAsked(true)}>
          {t.makeKey}
        </Button>
      </div>
      {key?.opensByPassword === false && <p class="strong">{t.keyDue}</p>}
      <Dialog title={t.makeKeyTitle} open={asked} onClose={() => setAsked(false)}>
        <MakeKey
          onMade={(text) => {
            setAsked(false);
            setMade(text);
          }}
          onLeave={() => setAsked(false)}
        />
      </Dialog>
      {made !== undefined && (
        <ShownOnce
          recoveryKey={made}
          onKept={() => {
            setMade(undefined);
            void again();
          }}
        />
      )}
    </section>
  );
}

function MakeKey({ onMade, onLeave }: { onMade: (text: string) => void; onLeave: () => void }) {
  const [password, setPassword] = useState('');
  const { busy, refusal, run } = useDoing(async () => {
    const { recoveryKey } = await confirmFirst(() => ask('POST /api/recovery-key', { body: { password } }));
    onMade(recoveryKey);
  });
  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      <p class="second">{t.makeKeyText}</p>
      <RefusalNote refusal={refusal} />
      <PasswordField label={t.password} value={password} onInput={setPassword} required />
      <div class="buttons">
        <Button type="submit" busy={busy} disabled={password === ''}>
          {t.make}
        </Button>
        <Button look="secondary" onClick={onLeave}>
          {common.cancel}
        </Button>
      </div>
    </form>
  );
}
