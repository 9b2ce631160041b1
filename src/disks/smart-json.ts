/**
 * Reads JSON that a stranger wrote (a disk's firmware has its say in it): what is absent, of another type or out of its
 * bounds is null. Nothing here throws.
 */

/** What lies at the end of `path`; undefined where any step of it is no object, or does not have it by itself. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const name of path) {
    if (typeof here !== 'object' || here === null || Array.isArray(here) || !Object.hasOwn(here, name))
      return undefined;
    here = (here as Record<string, unknown>)[name];
  }
  return here;
}

export function integer(value: unknown, min: number, max: number): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max ? value : null;
}

/** A count that no disk can have reached is nonsense, and no count. */
export function count(value: unknown): number | null {
  return integer(value, 0, 2 ** 48 - 1);
}

export function percent(value: unknown): number | null {
  return integer(value, 0, 100);
}

export function flag(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

/** One line without control, format or bidirectional characters, cut at `charsMax`; null when nothing is left. */
export function line(value: unknown, charsMax: number): string | null {
  if (typeof value !== 'string') return null;
  const clean = value
    .slice(0, charsMax * 4)
    .toWellFormed()
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .replace(/\s+/gu, ' ')
    .trim()
    .slice(0, charsMax)
    .trim();
  return clean === '' ? null : clean.toWellFormed();
}

/** At most the first `entriesMax`. */
export function list(value: unknown, entriesMax: number): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, entriesMax) : [];
}
