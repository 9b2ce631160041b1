import type { Doing } from '../ask/use-ask.ts';
import { pairingPanel as t } from '../text/en/pairing-panel.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { RefusalNote } from './parts.tsx';

type NotMineProps = Readonly<{ phone: string; open: boolean; doing: Doing<[]>; onClose: () => void }>;

/** A phone that joined and is nobody's here goes quickly: asked once, nothing to type. */
export function NotMine({ phone, open, doing, onClose }: NotMineProps) {
  return (
    <Dialog title={t.notMineTitle(phone)} open={open} onClose={onClose} busy={doing.busy}>
      <p>{t.notMineText}</p>
      <RefusalNote refusal={doing.refusal} />
      <div class="buttons">
        <Button look="secondary" onClick={onClose}>
          {t.keepIt}
        </Button>
        <Button look="destructive" busy={doing.busy} onClick={() => void doing.run()}>
          {t.turnAway(phone)}
        </Button>
      </div>
    </Dialog>
  );
}
