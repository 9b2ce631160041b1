/**
 * Names that people give to people and phones: any script, but nothing that hides or reorders text.
 */
import { CodedError } from './errors.ts';

const charactersMax = 64;
// Control characters, line separators, and bidirectional controls, which make a name show as another one.
const forbidden = /[\p{Cc}\p{Cs}\p{Co}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const visible = /[\p{L}\p{N}\p{P}\p{S}]/u;

/**
 * The name trimmed and in NFC, 1 to 64 characters. `whose` is "a person" or "a phone", for the sentence.
 * @throws {CodedError} `invalid-name`
 */
export function displayName(text: string, whose: string): string {
  const name = text.normalize('NFC').trim();
  const length = [...name].length;
  if (length < 1 || length > charactersMax || !visible.test(name) || forbidden.test(name)) {
    throw new CodedError(
      'invalid-name',
      `That cannot be the name of ${whose}: it takes 1 to ${charactersMax} characters, with at least one that can be seen and none that hide or turn text around. Nothing was changed.`,
    );
  }
  return name;
}
