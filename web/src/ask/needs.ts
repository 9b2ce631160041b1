import { useEffect, useState } from 'preact/hooks';

/** What the mark on Home says: the worst of what needs somebody, and its words for those who do not see it. */
export type NeedsBadge = Readonly<{ worst: 'act' | 'watch'; text: string }>;

let current: NeedsBadge | undefined;
const listeners = new Set<(needs: NeedsBadge | undefined) => void>();

/** The home page tells it whenever it learns it. */
export function tellNeeds(needs: NeedsBadge | undefined): void {
  current = needs;
  for (const listener of listeners) listener(needs);
}

export function useNeeds(): NeedsBadge | undefined {
  const [needs, setNeeds] = useState(current);
  useEffect(() => {
    listeners.add(setNeeds);
    return () => void listeners.delete(setNeeds);
  }, []);
  return needs;
}
