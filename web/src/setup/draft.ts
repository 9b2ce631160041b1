/**
 * What was typed before the box has an owner: kept in this tab, so that a reload loses nothing. The password never is;
 * the setup code is, until it is spent: it was taken out of the address at once.
 */
export type Draft = Readonly<{
  code: string;
  name?: string;
  timeZone: string;
  person: string;
  at: 'box' | 'you' | 'adopt';
}>;

const kept = 'nightjar.setup';

export function readDraft(): Draft {
  const fresh = {
    code: '',
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    person: '',
    at: 'box',
  } as const;
  try {
    return { ...fresh, ...(JSON.parse(sessionStorage.getItem(kept) ?? '{}') as Partial<Draft>) };
  } catch {
    return fresh;
  }
}

export function keepDraft(draft: Draft | undefined): void {
  try {
    if (draft === undefined) sessionStorage.removeItem(kept);
    else sessionStorage.setItem(kept, JSON.stringify(draft));
  } catch {
    // Then a reload asks for it again.
  }
}

/** The setup code of `/setup#CODE`, which does not stay in the address or the history. */
export function codeFromAddress(): string | undefined {
  const code = decoded(location.hash.slice(1));
  if (code === '') return undefined;
  history.replaceState(null, '', location.pathname);
  return code;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).trim();
  } catch {
    return text.trim();
  }
}
