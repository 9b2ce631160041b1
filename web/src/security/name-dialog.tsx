import { useState } from 'preact/hooks';
import { useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { security as t } from '../text/en/security.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { RefusalNote } from '../ui/parts.tsx';

type NameDialogProps = Readonly<{
  title: string;
  text?: string;
  name?: string;
  action?: string;
  onSave: (name: string) => Promise<unknown>;
  onClose: () => void;
}>;

/** Asks for a name: a new one, or another for what has one. */
export function NameDialog({ title, text, name: before = '', action = common.save, onSave, onClose }: NameDialogProps) {
  const [name, setName] = useState(before);
  const { busy, refusal, run } = useDoing(() => onSave(name.trim()));
  return (
    <Dialog title={title} open onClose={onClose} busy={busy}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        {text !== undefined && <p class="second">{text}</p>}
        <RefusalNote refusal={refusal} />
        <Field label={t.name} value={name} onInput={setName} maxLength={64} required />
        <div class="buttons">
          <Button type="submit" busy={busy} disabled={name.trim() === ''}>
            {action}
          </Button>
          <Button look="secondary" onClick={onClose}>
            {common.cancel}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
