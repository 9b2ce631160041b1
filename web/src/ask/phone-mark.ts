/**
 * Says whether this browser is a phone of the box, without its secret: to be read at once, before anything is loaded for
 * it. `own-phone.ts` keeps it.
 */
const markName = 'nightjar.phone';

export function isPhone(): boolean {
  return markOf() !== null;
}

export function markOf(): string | null {
  try {
    return localStorage.getItem(markName);
  } catch {
    return null;
  }
}

/** `undefined`: it is none any more. */
export function setMark(phoneId: string | undefined): void {
  try {
    if (phoneId === undefined) localStorage.removeItem(markName);
    else localStorage.setItem(markName, phoneId);
  } catch {
    // Then the page finds its phone a little later.
  }
}

const listeners = new Set<() => void>();
/** Called when this browser becomes a phone, or another one, or is one no more. Returns how to stop. */
export function whenPhoneChanges(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
export function tellPhoneChanged(): void {
  for (const listener of listeners) listener();
}
