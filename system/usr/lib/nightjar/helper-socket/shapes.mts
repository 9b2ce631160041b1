/**
 * The form of requests to the privileged helpers: one JSON object with exactly the members of its verb, each within its
 * form and limit. What is not described is refused, and never repeated to whoever sent it.
 */
export type Check = (value: unknown) => boolean;
export type Shape = { readonly [member: string]: Check | Shape };
export type Shapes<Verb extends string> = { readonly [One in Verb]: Shape };

export const like =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
export const one =
  (...words: readonly string[]): Check =>
  (value) =>
    words.some((word) => word === value);
export const whole =
  (min = 0, max = Number.MAX_SAFE_INTEGER): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
export const flag: Check = (value) => typeof value === 'boolean';
export const list =
  (item: Check | Shape, itemsMax: number): Check =>
  (value) =>
    Array.isArray(value) && value.length <= itemsMax && Array.from(value).every((entry) => meets(item, entry));

/** The request in the line; undefined when it is none of these. */
export function readRequest<Verb extends string>(line: string, shapes: Shapes<Verb>, bytesMax: number): unknown {
  let value: unknown;
  try {
    if (Buffer.byteLength(line) <= bytesMax) value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const verb = isRecord(value) ? value['verb'] : undefined;
  if (typeof verb !== 'string' || !Object.hasOwn(shapes, verb)) return undefined;
  const shape = { verb: one(verb), ...shapes[verb as Verb] };
  return meets(shape, value) ? value : undefined;
}

function meets(wanted: Check | Shape, value: unknown): boolean {
  if (typeof wanted === 'function') return wanted(value);
  if (!isRecord(value) || Object.keys(value).length !== Object.keys(wanted).length) return false;
  return Object.entries(wanted).every(([member, inner]) => Object.hasOwn(value, member) && meets(inner, value[member]));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
