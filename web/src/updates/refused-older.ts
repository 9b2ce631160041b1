/**
 * Where the bundle came from that was refused because it is older: whoever wants it all the same is to get that one, not
 * another that lies there too. Kept in this tab, since one may leave the page meanwhile.
 */
import { useEffect, useState } from 'preact/hooks';
import type { From, Updates } from './part.ts';

/** `after`: what was told when it was asked for. `cameAt`: what became of it, once that is told. */
type Asked = Readonly<{ from: From; after: number; cameAt?: number }>;

const kept = 'nightjar.update';

/** Undefined: nothing of the kind was refused last, or it is not there any more. */
export function useRefusedOlder({ outcome, bundle }: Updates) {
  const [asked, setAsked] = useState(read);
  const at = outcome?.at ?? 0;
  const keep = (next: Asked) => {
    write(next);
    setAsked(next);
  };
  useEffect(() => {
    // Only one is installed at a time: what is told next is of this one.
    if (asked !== undefined && asked.cameAt === undefined && at > asked.after) keep({ ...asked, cameAt: at });
  }, [asked, at]);
  const refused = outcome?.reason === 'older' && asked?.cameAt === at ? asked.from : undefined;
  // What an address sent lies where uploads do; and what was received since is another one.
  const there = refused?.kind === 'disk' || (bundle !== null && bundle.receivedAt <= at);
  const older: From | undefined = refused?.kind === 'address' ? { kind: 'upload' } : refused;
  return { older: there ? older : undefined, asksFor: (from: From) => keep({ from, after: at }) };
}

function read(): Asked | undefined {
  try {
    return (JSON.parse(sessionStorage.getItem(kept) ?? 'null') as Asked | null) ?? undefined;
  } catch {
    return undefined;
  }
}

function write(asked: Asked): void {
  try {
    sessionStorage.setItem(kept, JSON.stringify(asked));
  } catch {
    // Then a reload forgets it: it is refused, and offered, once more.
  }
}
