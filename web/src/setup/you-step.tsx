import { useEffect, useRef, useState } from 'preact/hooks';
import { ask, type ReplyOf } from '../ask/ask.ts';
import { asRefusal, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { setup as t } from '../text/en/setup.ts';
import { Button } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { isLongEnough, NewPasswordField } from '../ui/new-password.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import type { Draft } from './draft.ts';
import { Buttons, Frame } from './frame.tsx';

export type Claimed = ReplyOf<'POST /api/setup'>;

type YouProps = Readonly<{
  draft: Draft;
  /** As the box is called now: the same again is no choice. */
  box: string;
  onPerson: (person: string) => void;
  onBack: () => void;
  onWrongCode: (why: string) => void;
  onClaimed: (claimed: Claimed, password: string) => Promise<unknown>;
}>;

/** The owner: with this step the box is claimed. */
export function YouStep({ draft, box, onPerson, onBack, onWrongCode, onClaimed }: YouProps) {
  const { code, name, timeZone, person } = draft;
  const [password, setPassword] = useState('');
  const nameField = useRef<HTMLInputElement | null>(null);
  const passwordField = useRef<HTMLInputElement | null>(null);
  useEffect(() => (person === '' ? nameField : passwordField).current?.focus(), []);
  const { busy, refusal, run, clear } = useDoing(async () => {
    const chosen = { timeZone, ...(name === undefined || name === box ? {} : { name }) };
    try {
      const claimed = await ask('POST /api/setup', { body: { code, person: person.trim(), password, ...chosen } });
      await onClaimed(claimed, password);
    } catch (error) {
      const problem = asRefusal(error);
      if (problem.code === 'wrong-setup-code') onWrongCode(problem.message);
      else throw problem;
    }
  });
  const weak = refusal?.code === 'weak-password';
  return (
    <Frame step="you" title={t.youTitle} lead={t.youText}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run().then((done) => done || passwordField.current?.focus());
        }}
      >
        <RefusalNote refusal={weak ? undefined : refusal} />
        <Field
          label={t.yourName}
          value={person}
          onInput={onPerson}
          autocomplete="username"
          maxLength={64}
          inputRef={nameField}
          required
        />
        <NewPasswordField
          label={t.password}
          value={password}
          onInput={(text) => {
            setPassword(text);
            clear();
          }}
          error={weak ? refusal.message : undefined}
          inputRef={passwordField}
        />
        <Buttons>
          <Button look="quiet" onClick={onBack}>
            {common.back}
          </Button>
          <Button type="submit" busy={busy} disabled={person.trim() === '' || !isLongEnough(password)}>
            {t.claim}
          </Button>
        </Buttons>
      </form>
    </Frame>
  );
}
