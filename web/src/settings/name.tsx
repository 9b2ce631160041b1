import { useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { settings as t } from '../text/en/settings.ts';
import { Button, LinkButton } from '../ui/button.tsx';
import { confirmFirst } from '../ui/confirm-first.tsx';
import { Field } from '../ui/field.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import type { Box } from './box.ts';

/** The page may be open under the name that goes: the way to the new one is shown, never taken by itself. */
export function NameCard({ box, onChange }: { box: Box; onChange: (box: Box) => void }) {
  const [name, setName] = useState(box.chosenName);
  const [renamed, setRenamed] = useState(false);
  const { busy, refusal, run } = useDoing(async () => {
    const next = await confirmFirst(() => ask('PATCH /api/box', { body: { name: name.trim().toLowerCase() } }));
    onChange(next);
    setName(next.chosenName);
    setRenamed(true);
  });
  const [address = ''] = box.addresses;
  const here = location.hostname.endsWith('.local') && location.hostname !== `${box.name}.local`;
  return (
    <section class="card" aria-labelledby="box-name">
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <div>
          <h2 class="head" id="box-name">
            {t.nameTitle}
          </h2>
          <p class="cap">{t.nameText(`https://${address}`)}</p>
        </div>
        <RefusalNote refusal={refusal} />
        <Field label={t.name} value={name} onInput={setName} maxLength={40} hint={t.nameHint} required />
        {box.name !== box.chosenName && <p class="second">{t.nameTaken(box.chosenName, box.name)}</p>}
        <div role="status">{renamed && <p>{t.renamed(`https://${address}`)}</p>}</div>
        <div class="buttons">
          {name.trim() !== box.chosenName && (
            <Button type="submit" busy={busy}>
              {t.nameSave}
            </Button>
          )}
          {renamed && here && (
            <LinkButton look="secondary" href={`https://${address}/settings`} plain>
              {t.goThere}
            </LinkButton>
          )}
        </div>
      </form>
    </section>
  );
}
