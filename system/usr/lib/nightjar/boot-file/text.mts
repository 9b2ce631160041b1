/**
 * nightjar.txt as text: lines of `key: value`, as any editor on any computer writes them. What is replaced keeps its length, so
 * that the file is overwritten where it lies: on FAT nothing else is safe when the power goes, and nothing else takes a secret
 * off the card.
 */
import { isUtf8 } from 'node:buffer';

export const bytesMax = 16 * 1024;
const linesMax = 500;

/** `start`: of the value, in characters of the text. */
export type Entry = Readonly<{ key: string; value: string; start: number }>;
type Encoding = 'utf-8' | 'utf-16le' | 'latin1';

const form = /^(\uFEFF?[ \t]*)([a-z][a-z0-9-]{1,30})([ \t]*:[ \t]*)(.*?)[ \t]*$/i;
const takenForm = /^taken( \d{4}-\d\d-\d\d)?$/i;

/** Undefined: too long, or no text. A mark at the beginning is kept. */
export function textOf(bytes: Uint8Array): string | undefined {
  if (bytes.length > bytesMax) return undefined;
  const text = Buffer.from(bytes).toString(encodingOf(bytes));
  if (text.includes('\0') || text.split('\n').length > linesMax) return undefined;
  // What cannot be written again as it was (half a character) is no text.
  return bytesOf(text, bytes).equals(bytes) ? text : undefined;
}

/** In the encoding of what was read. */
export function bytesOf(text: string, like: Uint8Array): Buffer {
  return Buffer.from(text, encodingOf(like));
}

/** In their order; what is a comment, empty, or anything else is left out. */
export function entriesOf(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const { 0: line, index } of text.matchAll(/[^\r\n]+/g)) {
    const [, before = '', key = '', between = '', value = ''] = form.exec(line) ?? [];
    const start = index + before.length + key.length + between.length;
    if (key !== '' && value !== '') entries.push({ key: key.toLowerCase(), value, start });
  }
  return entries;
}

/** It was acted on at an earlier start. */
export function isTaken(value: string): boolean {
  return takenForm.test(value);
}

/**
 * The text with other values in the place of these, `taken DATE` unless something else is said; of the same length.
 * @param replaced values of ASCII, of at least five characters where nothing else is said.
 */
export function withReplaced(text: string, replaced: ReadonlyArray<readonly [Entry, string?]>, date: string): string {
  let result = text;
  for (const [{ value, start }, wanted] of replaced) {
    const whole = wanted ?? `taken ${date}`;
    const short = whole.length <= value.length ? whole : 'taken';
    result =
      result.slice(0, start) + short.padEnd(value.length).slice(0, value.length) + result.slice(start + value.length);
  }
  return result;
}

const order = /^\uFEFF?[ \t]*reset-(password|second-factor)[ \t]*:/i;

/**
 * What the daemon may change: a line by which a person is let in again becomes a comment. Undefined: it changed something
 * else, and nothing of it is taken; root believes this file.
 */
export function asGivenBack(text: string, changed: string): string | undefined {
  const before = text.split('\n');
  const after = changed.split('\n');
  if (before.length !== after.length) return undefined;
  const allowed = after.every((line, index) => {
    const was = before[index] ?? '';
    return line === was || (order.test(was) && /^#[^\r]*\r?$/.test(line));
  });
  return allowed ? changed : undefined;
}

/** What older editors call ANSI differs from Latin 1 in signs that stand in no name of a network. */
function encodingOf(bytes: Uint8Array): Encoding {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  return isUtf8(bytes) ? 'utf-8' : 'latin1';
}
