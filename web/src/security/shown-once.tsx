import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk } from '../ask/use-ask.ts';
import { recovery as t } from '../text/en/recovery.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { RecoverySheet } from '../ui/recovery-sheet.tsx';

type ShownProps = Readonly<{ codes?: readonly string[]; recoveryKey?: string; onKept: () => void }>;

/** It cannot be left before it was kept: nobody can show it again. */
export function ShownOnce({ codes, recoveryKey, onKept }: ShownProps) {
  const { name } = usePerson();
  const { answer } = useAsk((signal) => ask('GET /api/box', { signal }));
  const [kept, setKept] = useState(false);
  return (
    <Dialog title={t.once} open onClose={() => kept && onKept()}>
      <RecoverySheet
        box={answer?.name ?? ''}
        person={name}
        {...(codes === undefined ? {} : { codes })}
        {...(recoveryKey === undefined ? {} : { recoveryKey })}
        onKept={() => setKept(true)}
      />
      <div class="buttons">
        <Button disabled={!kept} onClick={onKept}>
          {t.done}
        </Button>
      </div>
    </Dialog>
  );
}
