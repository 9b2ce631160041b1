import { CircleX } from 'lucide';
import type { ComponentChildren, RefObject } from 'preact';
import { useId, useState } from 'preact/hooks';
import { common } from '../text/en/common.ts';
import { Icon } from './icon.tsx';

export type FieldProps = Readonly<{
  label: string;
  value: string;
  onInput: (value: string) => void;
  hint?: ComponentChildren;
  /** In the hint's place. */
  error?: string | undefined;
  type?: 'text' | 'email' | 'search' | 'date' | 'time' | 'url';
  /** Of a time: seconds. */
  step?: number;
  autocomplete?: string;
  maxLength?: number;
  required?: boolean;
  autofocus?: boolean;
  inputMode?: 'numeric' | 'text';
  spellcheck?: boolean;
  disabled?: boolean;
  /** Further choices, as a datalist. */
  options?: readonly string[];
  inputRef?: RefObject<HTMLInputElement | null>;
}>;

/** A line of text: label above, hint below, the error in the hint's place. */
export function Field({ label, hint, error, options, ...rest }: FieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <Input {...rest} id={id} error={error} list={options === undefined ? undefined : `${id}-list`} />
      {options !== undefined && (
        <datalist id={`${id}-list`}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
      <Hint id={`${id}-hint`} hint={hint} error={error} />
    </div>
  );
}

/** One field with "show"; pasting is never blocked. */
export function PasswordField({
  label,
  hint,
  error,
  autocomplete = 'current-password',
  ...rest
}: Omit<FieldProps, 'type' | 'options'>) {
  const id = useId();
  const [shown, setShown] = useState(false);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="with-button">
        <Input {...rest} id={id} error={error} kind={shown ? 'text' : 'password'} autocomplete={autocomplete} />
        <button
          type="button"
          class="button quiet"
          aria-pressed={shown}
          aria-controls={id}
          onClick={() => setShown(!shown)}
        >
          {shown ? common.hide : common.show}
        </button>
      </div>
      <Hint id={`${id}-hint`} hint={hint} error={error} />
    </div>
  );
}

type InputProps = Omit<FieldProps, 'label' | 'hint' | 'options'> &
  Readonly<{ id: string; kind?: 'text' | 'password'; list?: string | undefined }>;

function Input({ id, error, onInput, inputRef, kind, type = 'text', list, spellcheck, ...rest }: InputProps) {
  return (
    <input
      {...rest}
      ref={inputRef}
      id={id}
      list={list}
      class="input"
      // Preact knows a shape for each type; this one is decided late.
      type={(kind ?? type) as 'text'}
      spellcheck={spellcheck ?? false}
      autocapitalize={kind === undefined ? undefined : 'none'}
      aria-invalid={error === undefined ? undefined : 'true'}
      aria-describedby={`${id}-hint`}
      onInput={(event) => onInput(event.currentTarget.value)}
    />
  );
}

function Hint({ id, hint, error }: { id: string; hint: ComponentChildren; error: string | undefined }) {
  if (error === undefined) {
    return (
      <p id={id} class="hint">
        {hint}
      </p>
    );
  }
  return (
    <p id={id} class="hint error" role="alert">
      <Icon of={CircleX} size={16} />
      <span>{error}</span>
    </p>
  );
}

/** A choice among few. */
export function SelectField<T extends string>({ label, value, options, onChange, hint, error }: SelectProps<T>) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        class="input"
        value={value}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.currentTarget.value as T)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <Hint id={`${id}-hint`} hint={hint} error={error} />
    </div>
  );
}
type SelectProps<T> = Readonly<{
  label: string;
  value: T;
  options: readonly Readonly<{ value: T; label: string }>[];
  onChange: (value: T) => void;
  hint?: ComponentChildren;
  error?: string | undefined;
}>;

/** On or off, at once; what it means stands beside it. */
export function Switch({ label, hint, on, onChange, disabled = false }: SwitchProps) {
  const id = useId();
  return (
    <div class="row spread" style={{ flexWrap: 'nowrap' }}>
      <div>
        <label class="strong" for={id}>
          {label}
        </label>
        {hint !== undefined && (
          <p class="cap" id={`${id}-hint`}>
            {hint}
          </p>
        )}
      </div>
      <input
        id={id}
        type="checkbox"
        role="switch"
        aria-checked={on}
        class="switch"
        checked={on}
        disabled={disabled}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
    </div>
  );
}
type SwitchProps = Readonly<{
  label: string;
  hint?: ComponentChildren;
  on: boolean;
  onChange: (on: boolean) => void;
  disabled?: boolean;
}>;

/** A box to tick, with a sentence. */
export function Check({ checked, onChange, children }: CheckProps) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{children}</span>
    </label>
  );
}
type CheckProps = Readonly<{ checked: boolean; onChange: (checked: boolean) => void; children: ComponentChildren }>;
