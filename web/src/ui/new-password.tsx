import type { RefObject } from 'preact';
import { password as t } from '../text/en/password.ts';
import { PasswordField } from './field.tsx';

/** As the box counts them (src/access/password-rules.ts). */
const charactersMin = 15;

/** The box answers the rest: what is too common, what is its own name. */
export function isLongEnough(password: string): boolean {
  return charactersOf(password) >= charactersMin;
}

function charactersOf(password: string): number {
  return [...password.normalize('NFC')].length;
}

/** A password that is chosen: one field with "show", how many characters are missing, the box's own answer in place. */
export function NewPasswordField({ label, value, onInput, error, inputRef }: NewPasswordProps) {
  const length = charactersOf(value);
  const missing = charactersMin - length;
  return (
    <PasswordField
      label={label}
      value={value}
      onInput={onInput}
      autocomplete="new-password"
      maxLength={256}
      error={error}
      hint={length === 0 ? t.hint : missing > 0 ? t.missing(missing) : t.longEnough(length)}
      {...(inputRef === undefined ? {} : { inputRef })}
      required
    />
  );
}
type NewPasswordProps = Readonly<{
  label: string;
  value: string;
  onInput: (password: string) => void;
  error?: string | undefined;
  inputRef?: RefObject<HTMLInputElement | null>;
}>;
