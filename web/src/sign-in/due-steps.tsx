/** What a box may still want after the right password: another one, a second lock, or the person itself after a while. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { signIn as t } from '../text/en/sign-in.ts';
import { Authenticator } from '../ui/authenticator.tsx';
import { Button } from '../ui/button.tsx';
import { PasswordField } from '../ui/field.tsx';
import { isLongEnough, NewPasswordField } from '../ui/new-password.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { RecoverySheet } from '../ui/recovery-sheet.tsx';
import { Frame } from './frame.tsx';
import { ThrottleNote, useThrottle } from './throttle.tsx';

type DueProps = Readonly<{
  person: Readonly<{ name: string; notYou: () => void }>;
  onDone: () => Promise<unknown>;
}>;
const saying = { title: t.stepTitle, text: t.stepText };

export function RenewPassword({ person, onDone }: DueProps) {
  const [password, setPassword] = useState('');
  const field = useRef<HTMLInputElement | null>(null);
  useEffect(() => field.current?.focus(), []);
  const { busy, refusal, run, clear } = useDoing(async () => {
    await ask('POST /api/sessions/current/new-password', { body: { password } });
    await onDone();
  });
  return (
    <Frame title={t.newPasswordTitle} lead={t.newPasswordText} person={person} saying={saying}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run().then((done) => done || field.current?.focus());
        }}
      >
        <input
          class="only-read"
          autocomplete="username"
          value={person.name}
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
        <NewPasswordField
          label={t.newPassword}
          value={password}
          onInput={(text) => {
            setPassword(text);
            clear();
          }}
          error={refusal?.message}
          inputRef={field}
        />
        <Button type="submit" busy={busy} disabled={!isLongEnough(password)} wide>
          {t.useThis}
        </Button>
      </form>
    </Frame>
  );
}

/** `has`: the app was added before this page was loaded anew, and only the door is still to be opened. */
export function Enrol({ person, box, has, onDone }: DueProps & { box: string; has: boolean }) {
  const [codes, setCodes] = useState<readonly string[]>();
  const [kept, setKept] = useState(false);
  const open = useDoing(async () => {
    await ask('POST /api/sessions/current/open');
    await onDone();
  });
  useEffect(() => {
    if (has) void open.run();
  }, [has]);
  if (codes !== undefined) {
    return (
      <Frame key="sheet" title={t.sheetTitle} lead={t.sheetText} saying={saying}>
        <RecoverySheet box={box} person={person.name} codes={codes} onKept={() => setKept(true)} />
        <RefusalNote refusal={open.refusal} />
        <Button busy={open.busy} disabled={!kept} onClick={() => void open.run()} wide>
          {t.goOn}
        </Button>
      </Frame>
    );
  }
  return (
    <Frame key="enrol" title={t.enrolTitle} lead={t.enrolText} person={person} saying={saying}>
      <RefusalNote refusal={open.refusal} />
      {!has && (
        <Authenticator name={t.enrolName} onAdded={(made) => (made.length === 0 ? void open.run() : setCodes(made))} />
      )}
    </Frame>
  );
}

/** Left alone for too long: the same person goes on where they were. */
export function Locked({ person, onDone }: DueProps) {
  const [password, setPassword] = useState('');
  const field = useRef<HTMLInputElement | null>(null);
  useEffect(() => field.current?.focus(), []);
  const { busy, refusal, run, clear } = useDoing(async () => {
    await ask('POST /api/sessions/current/unlock', { body: { password } });
    await onDone();
  });
  const leftMs = useThrottle(refusal);
  const counted = leftMs !== undefined;
  return (
    <Frame
      title={t.lockedTitle}
      lead={t.lockedText}
      person={{ ...person, locked: true }}
      saying={{ title: t.lockedSaying, text: t.lockedWhy }}
    >
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run().then((done) => done || field.current?.select());
        }}
      >
        <ThrottleNote leftMs={leftMs} />
        <input
          class="only-read"
          autocomplete="username"
          value={person.name}
          readOnly
          tabIndex={-1}
          aria-hidden="true"
        />
        <PasswordField
          label={t.password}
          value={password}
          onInput={(text) => {
            setPassword(text);
            if (!counted) clear();
          }}
          error={refusal?.retryAfterSeconds === undefined ? refusal?.message : undefined}
          maxLength={256}
          inputRef={field}
        />
        <Button type="submit" busy={busy} disabled={counted || password === ''} wide>
          {t.unlock}
        </Button>
      </form>
    </Frame>
  );
}
