import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { signIn as t } from '../text/en/sign-in.ts';
import { Button } from '../ui/button.tsx';
import { Field, PasswordField } from '../ui/field.tsx';
import { Frame } from './frame.tsx';
import { keepPerson, keptPerson } from './kept.ts';
import { ThrottleNote, useThrottle } from './throttle.tsx';

type PasswordProps = Readonly<{
  box: string | undefined;
  /** Why somebody is here again. */
  why: string | undefined;
  onDone: () => Promise<unknown>;
}>;

/** Name and password: the first lock. */
export function PasswordStep({ box, why, onDone }: PasswordProps) {
  const [person, setPerson] = useState(() => keptPerson() ?? '');
  const [password, setPassword] = useState('');
  const [incomplete, setIncomplete] = useState(false);
  const nameField = useRef<HTMLInputElement | null>(null);
  const field = useRef<HTMLInputElement | null>(null);
  useEffect(() => (keptPerson() === undefined ? nameField : field).current?.focus(), []);
  const { busy, refusal, run, clear } = useDoing(async () => {
    const begun = await ask('POST /api/sessions', { body: { person: person.trim(), password } });
    keepPerson(begun.person.name);
    setPassword('');
    await onDone();
  });
  const leftMs = useThrottle(refusal);
  const counted = leftMs !== undefined;
  const error = incomplete ? t.incomplete : refusal?.retryAfterSeconds === undefined ? refusal?.message : undefined;
  return (
    <Frame title={t.title} lead={box === undefined ? '\u00a0' : t.toBox(box)}>
      {why !== undefined && (
        <p class="sign-in-note" role="status">
          {why}
        </p>
      )}
      <form
        class="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          const missing = person.trim() === '' || password === '';
          setIncomplete(missing);
          if (missing) (person.trim() === '' ? nameField : field).current?.focus();
          else void run().then((done) => done || field.current?.select());
        }}
      >
        <ThrottleNote leftMs={leftMs} />
        <Field
          label={t.person}
          value={person}
          onInput={setPerson}
          autocomplete="username"
          maxLength={64}
          inputRef={nameField}
        />
        <PasswordField
          label={t.password}
          value={password}
          onInput={(text) => {
            setPassword(text);
            setIncomplete(false);
            if (!counted) clear();
          }}
          error={error}
          maxLength={256}
          inputRef={field}
        />
        <Button type="submit" busy={busy} disabled={counted} wide>
          {t.submit}
        </Button>
      </form>
    </Frame>
  );
}
