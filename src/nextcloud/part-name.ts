/** How parts of a file are named, and which may come next. Pure. */
import { CodedError } from '../platform/errors.ts';
import type { PartRow } from './parts-store.ts';

/** `number` orders the parts; the lowest is at most `first`. `begins`: its place in the file, where its name says so. */
type PartName = Readonly<{ number: number; first: number; begins?: number }>;

/** `12`, `000012`, or `0-10485759`: from its first byte to its last. @throws {CodedError} `invalid-name` */
export function partName(name: string): PartName {
  const [, plain, first] = /^(?:(\d{1,16})|(\d{1,15})-\d{1,15})$/.exec(name) ?? [];
  const number = Number(plain ?? first);
  // Phones count from 1, one after the other; the desktop's client from 0, several at once, and with 16 digits.
  const lowest = plain?.length === 16 ? 0 : 1;
  if (Number.isSafeInteger(number))
    return { number, first: lowest, ...(first === undefined ? {} : { begins: number }) };
  throw new CodedError('invalid-name', 'Parts of a file are named by their numbers. Nothing was stored.');
}

/** Whether it can be appended now, or is one that came before. */
export function isNext({ number, begins, first }: PartName, last: PartRow | undefined): boolean {
  if (begins !== undefined) return begins <= endOf(last);
  return number <= (last === undefined ? first : last.number + 1);
}

/** The place after a part. */
export function endOf(part: PartRow | undefined): number {
  return part === undefined ? 0 : part.first_byte + part.bytes;
}
