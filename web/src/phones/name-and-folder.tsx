import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { phones as t } from '../text/en/phones.ts';
import { Button } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import type { ShownPhone } from './use-phones.ts';

const namedMax = 64;
const folderMax = 512;
/** `Photos/<person’s folder>`: the folder of a phone is that or one inside it. */
const homeParts = 2;

/** Saved only where something was changed. */
export function NameAndFolder({ phone, onSaved }: { phone: ShownPhone; onSaved: () => void }) {
  const [name, setName] = useState(phone.name);
  const [folder, setFolder] = useState(phone.baseFolder);
  const [saved, setSaved] = useState(false);
  const changed = name.trim() !== phone.name || folder.trim() !== phone.baseFolder;
  const saving = useDoing(async () => {
    const body = { name: name.trim(), baseFolder: folder.trim() };
    const next = await ask('PATCH /api/phones/:id', { params: { id: phone.id }, body });
    setName(next.name);
    setFolder(next.baseFolder);
    setSaved(true);
    onSaved();
  });
  const typed = (put: (value: string) => void) => (value: string) => {
    setSaved(false);
    put(value);
  };
  return (
    <section class="card" aria-labelledby="name-and-folder">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (changed) void saving.run();
        }}
      >
        <h2 class="head" id="name-and-folder">
          {t.nameTitle}
        </h2>
        <RefusalNote refusal={saving.refusal} />
        <Field label={t.name} value={name} onInput={typed(setName)} maxLength={namedMax} autocomplete="off" required />
        <Field
          label={t.folder}
          value={folder}
          onInput={typed(setFolder)}
          maxLength={folderMax}
          autocomplete="off"
          hint={t.folderHint(phone.baseFolder.split('/').slice(0, homeParts).join('/'))}
          required
        />
        <div class="buttons phones-save">
          <Button type="submit" look="secondary" busy={saving.busy} disabled={!changed || name.trim() === ''}>
            {t.save}
          </Button>
          <p class="second" role="status">
            {saved && !changed && t.saved}
          </p>
        </div>
      </form>
    </section>
  );
}
