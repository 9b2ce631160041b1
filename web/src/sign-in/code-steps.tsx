import { useEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useDoing } from '../ask/use-ask.ts';
import { signIn as t } from '../text/en/sign-in.ts';
import { Button } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { Frame, OtherWays, type Way } from './frame.tsx';
import { keepWay } from './kept.ts';
import { ThrottleNote, useThrottle } from './throttle.tsx';

type CodeProps = Readonly<{
  person: Readonly<{ name: string; notYou: () => void }>;
  ways: readonly Way[];
  onWay: (way: Way) => void;
  onDone: () => Promise<unknown>;
}>;
type Kind = Readonly<{
  way: 'code' | 'recovery';
  title: string;
  text: string;
  label: string;
  /** What was typed as the box wants it; undefined: it cannot be one. */
  read: (typed: string) => string | undefined;
  short: string;
  send: (code: string) => Promise<unknown>;
}>;

const oneTime: Kind = {
  way: 'code',
  title: t.codeTitle,
  text: t.codeText,
  label: t.code,
  read: (typed) => /^\d{6}$/.exec(typed.replace(/\s/g, ''))?.[0],
  short: t.codeShort,
  send: (code) => ask('POST /api/sessions/current/code', { body: { code } }),
};
const recovery: Kind = {
  way: 'recovery',
  title: t.recoveryTitle,
  text: t.recoveryText,
  label: t.recoveryCode,
  read: (typed) => typed.trim() || undefined,
  short: t.recoveryShort,
  send: (code) => ask('POST /api/sessions/current/recovery', { body: { code } }),
};

export function OneTimeStep(props: CodeProps) {
  return <CodeStep {...props} kind={oneTime} />;
}

export function RecoveryStep(props: CodeProps) {
  return <CodeStep {...props} kind={recovery} />;
}

function CodeStep({ kind, person, ways, onWay, onDone }: CodeProps & { kind: Kind }) {
  const [text, setText] = useState('');
  const [short, setShort] = useState(false);
  const field = useRef<HTMLInputElement | null>(null);
  useEffect(() => field.current?.focus(), []);
  const { busy, refusal, run, clear } = useDoing(async (code: string) => {
    await kind.send(code);
    if (kind.way === 'code') keepWay('code');
    await onDone();
  });
  const leftMs = useThrottle(refusal);
  const counted = leftMs !== undefined;
  const send = (typed: string) => {
    const code = kind.read(typed);
    setShort(code === undefined);
    if (code === undefined) return field.current?.focus();
    void run(code).then((done) => {
      if (done) return;
      setText('');
      field.current?.focus();
    });
  };
  const typed = (value: string) => {
    setText(value);
    setShort(false);
    if (!counted) clear();
    // The sixth digit sends it: there is nothing else to say.
    if (kind.way === 'code' && !busy && !counted && kind.read(value) !== undefined) send(value);
  };
  return (
    <Frame title={kind.title} lead={kind.text} person={person} saying={{ title: t.stepTitle, text: t.stepText }}>
      <form
        class={kind.way === 'recovery' ? 'stack sign-in-typed' : 'stack'}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          send(text);
        }}
      >
        <ThrottleNote leftMs={leftMs} />
        <Field
          label={kind.label}
          value={text}
          onInput={typed}
          error={short ? kind.short : refusal?.retryAfterSeconds === undefined ? refusal?.message : undefined}
          inputMode={kind.way === 'code' ? 'numeric' : 'text'}
          autocomplete={kind.way === 'code' ? 'one-time-code' : 'off'}
          maxLength={kind.way === 'code' ? 12 : 32}
          inputRef={field}
        />
        <Button type="submit" busy={busy} disabled={counted} wide>
          {t.goOn}
        </Button>
      </form>
      <OtherWays ways={ways} shown={kind.way} onChoose={onWay} />
    </Frame>
  );
}
