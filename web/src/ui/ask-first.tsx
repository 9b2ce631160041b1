import { useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { RefusalNote } from './parts.tsx';

type AskProps = Readonly<{
  title: string;
  text: string;
  /** What the button does, with what it does it to. */
  action: string;
  open: boolean;
  onClose: () => void;
  onConfirm: () => Promise<unknown>;
}>;

/** Before what follows from a press of a button is not to be undone at once: what it is, and whether. */
export function AskFirst({ title, text, action, open, onClose, onConfirm }: AskProps) {
  const { busy, refusal, run, clear } = useDoing(onConfirm);
  const close = () => {
    clear();
    onClose();
  };
  return (
    <Dialog title={title} open={open} onClose={close} busy={busy}>
      <p>{text}</p>
      <RefusalNote refusal={refusal} />
      <div class="buttons">
        <Button look="secondary" disabled={busy} onClick={close}>
          {common.cancel}
        </Button>
        <Button busy={busy} onClick={() => void run().then((done) => done && close())}>
          {action}
        </Button>
      </div>
    </Dialog>
  );
}
