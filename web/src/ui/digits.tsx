import type { RefObject } from 'preact';
import { useId, useRef, useState } from 'preact/hooks';
import './digits.css';

const length = 6;

/** Six digits, typed or pasted: one real field under six drawn cells. `onFull` is called at the sixth. */
export function DigitsField({
  label,
  value,
  onInput,
  onFull,
  busy = false,
  autocomplete = 'off',
  describedBy,
  inputRef,
}: DigitsProps) {
  const id = useId();
  const own = useRef<HTMLInputElement | null>(null);
  const field = inputRef ?? own;
  const [focused, setFocused] = useState(false);
  const typed = (text: string) => {
    const digits = text.replace(/\D/g, '').slice(0, length);
    onInput(digits);
    if (field.current !== null) field.current.value = digits;
    if (digits.length === length) onFull(digits);
  };
  return (
    <div class="digits" data-busy={busy || undefined}>
      <label class="only-read" for={id}>
        {label}
      </label>
      <input
        ref={field}
        id={id}
        value={value}
        inputMode="numeric"
        autocomplete={autocomplete}
        spellcheck={false}
        readOnly={busy}
        aria-describedby={describedBy}
        onInput={(event) => typed(event.currentTarget.value)}
        // The caret is not drawn: it stays at the end.
        onFocus={(event) => {
          setFocused(true);
          const { length: end } = event.currentTarget.value;
          event.currentTarget.setSelectionRange(end, end);
        }}
        onBlur={() => setFocused(false)}
      />
      <div class="digits-cells num" aria-hidden="true">
        {Array.from({ length }, (_, at) => (
          <span key={at} class={focused && at === Math.min(value.length, length - 1) ? 'next' : undefined}>
            {value[at]}
          </span>
        ))}
      </div>
    </div>
  );
}
type DigitsProps = Readonly<{
  label: string;
  value: string;
  onInput: (digits: string) => void;
  onFull: (digits: string) => void;
  busy?: boolean;
  autocomplete?: 'off' | 'one-time-code';
  describedBy?: string;
  inputRef?: RefObject<HTMLInputElement | null>;
}>;
