import { useState } from 'preact/hooks';
import { common } from '../text/en/common.ts';
import { security as t } from '../text/en/security.ts';
import { Authenticator } from '../ui/authenticator.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Field } from '../ui/field.tsx';
import { ShownOnce } from './shown-once.tsx';

/** Its name first, then the code to scan; recovery codes come with the first one. */
export function AddCodes({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [name, setName] = useState<string>(t.codesNameDefault);
  const [named, setNamed] = useState(false);
  const [codes, setCodes] = useState<readonly string[]>();
  if (codes !== undefined) return <ShownOnce codes={codes} onKept={onDone} />;
  return (
    <Dialog title={t.addCodes} open onClose={onClose}>
      {named ? (
        <Authenticator name={name.trim()} onAdded={(made) => (made.length === 0 ? onDone() : setCodes(made))} />
      ) : (
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            setNamed(true);
          }}
        >
          <Field label={t.codesName} value={name} onInput={setName} hint={t.codesNameHint} maxLength={64} required />
          <div class="buttons">
            <Button type="submit" disabled={name.trim() === ''}>
              {common.confirm}
            </Button>
            <Button look="secondary" onClick={onClose}>
              {common.cancel}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
