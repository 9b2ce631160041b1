import type { ComponentChildren } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { asRefusal } from '../ask/use-ask.ts';
import { pair } from '../text/en/pair.ts';
import { Button } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { Narrow } from '../ui/page.tsx';
import type { Invited } from './invitation.tsx';

const symbolsMax = 8;

function symbolsOf(text: string): string {
  return text
    .toUpperCase()
    .replace(/[^0-9A-Z]/g, '')
    .slice(0, symbolsMax);
}

/** Eight symbols, upper-cased, the dash set by itself, sent at the last one. */
export function CodeStep({ step, onInvited, onOver }: CodeProps) {
  const [text, setText] = useState('');
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement | null>(null);
  const look = async (code: string) => {
    if (busy) return;
    if (code.length < symbolsMax) {
      setError(pair.codeShort);
      field.current?.focus();
      return;
    }
    setBusy(true);
    try {
      const invitation = await ask('POST /api/pairings/look', { body: { code } });
      onInvited({ by: { code }, invitation, fragment: new URLSearchParams() });
    } catch (problem) {
      const refusal = asRefusal(problem);
      setBusy(false);
      if (refusal.code === 'pairing-used' || refusal.code === 'pairing-expired') onOver(refusal);
      else setError(refusal.message);
      field.current?.focus();
    }
  };
  const typed = (value: string) => {
    const symbols = symbolsOf(value);
    const deleting = value.length < text.length;
    const dash = symbols.length > 4 || (symbols.length === 4 && !deleting);
    setText(dash ? `${symbols.slice(0, 4)}-${symbols.slice(4)}` : symbols);
    setError(undefined);
    if (symbols.length === symbolsMax && !deleting) void look(symbols);
  };
  return (
    <Narrow title={pair.codeTitle} step={step}>
      <p class="second">{pair.codeText}</p>
      <form
        class="stack pair-code"
        onSubmit={(event) => {
          event.preventDefault();
          void look(symbolsOf(text));
        }}
      >
        <Field
          label={pair.codeLabel}
          value={text}
          onInput={typed}
          hint={pair.codeHint}
          error={error}
          autocomplete="one-time-code"
          maxLength={16}
          autofocus
          inputRef={field}
        />
        <Button type="submit" busy={busy} wide>
          {pair.codeLook}
        </Button>
      </form>
      <p class="pair-foot pair-centre">
        <a class="button quiet" href="/sign-in">
          {pair.signInInstead}
        </a>
      </p>
    </Narrow>
  );
}
type CodeProps = Readonly<{
  step: ComponentChildren;
  onInvited: (invited: Invited) => void;
  onOver: (error: unknown) => void;
}>;
