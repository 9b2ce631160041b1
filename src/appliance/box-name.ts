/** What a box may be called: one DNS label (RFC 1035, section 2.3.1), which becomes `<name>.local`. */
import { CodedError } from '../platform/errors.ts';

const charactersMax = 40;
const form = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
/** What browsers take for an international name in disguise (RFC 5890, section 2.3.1), and open only where it is one. */
const reserved = /^..--/;

/** The name as it was typed. @throws {CodedError} `invalid-name` */
export function boxName(text: string): string {
  if (text.length <= charactersMax && form.test(text) && !reserved.test(text)) return text;
  throw new CodedError(
    'invalid-name',
    `The box cannot be called that: its name is an address, and takes 1 to ${charactersMax} small letters (a to z), digits and dashes, with no dash at either end. Its name was not changed.`,
  );
}
