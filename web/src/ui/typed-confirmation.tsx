import { useState } from 'preact/hooks';
import { useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { Field } from './field.tsx';
import { RefusalNote } from './parts.tsx';

type TypedProps = Readonly<{
  title: string;
  open: boolean;
  onClose: () => void;
  /** What happens then. */
  text: string;
  /** What must be typed exactly; spaces at the ends are forgiven. */
  expected: string;
  /** What the button does, with what it does it to. */
  action: string;
  onConfirm: (typed: string) => Promise<unknown>;
}>;

/** Before what cannot be undone: the point is to read, not to type. The focus starts in the field. */
export function TypedConfirmation({ title, open, onClose, text, expected, action, onConfirm }: TypedProps) {
  const [typed, setTyped] = useState('');
  const { busy, refusal, run, clear } = useDoing(onConfirm);
  const close = () => {
    setTyped('');
    clear();
    onClose();
  };
  return (
    <Dialog title={title} open={open} onClose={close} busy={busy}>
      <p>{text}</p>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim() !== expected) return;
          void run(typed.trim()).then((done) => {
            if (done) setTyped('');
          });
        }}
      >
        <Field label={common.typeThis(expected)} value={typed} onInput={setTyped} autocomplete="off" />
        <RefusalNote refusal={refusal} />
        <div class="buttons">
          <Button look="secondary" disabled={busy} onClick={close}>
            {common.cancel}
          </Button>
          <Button type="submit" look="destructive" busy={busy} disabled={typed.trim() !== expected}>
            {action}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
