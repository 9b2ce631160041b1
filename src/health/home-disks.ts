/** The disks as the home page names them: the library's, its mirrors, then what is attached and used for nothing. Pure. */
import type { DiskVerdict } from '../disks/disk-rules.ts';
import type { HomeView } from './contract.ts';
import type { WatchFacts } from './facts.ts';

type HomeDisk = NonNullable<HomeView['disks']>[number];
/** `markerId`: of this box's own on it. `free`: used for nothing, and could be. */
export type StandingDisk = Readonly<{
  disk: string;
  name: string;
  verdict: DiskVerdict;
  reason: string | null;
  role: 'library' | 'mirror' | null;
  markerId: string | null;
  free: boolean;
}>;
type Known = Readonly<{
  attached: readonly StandingDisk[];
  mirrors: WatchFacts['mirrors'];
  library: 'ok' | 'missing' | 'none';
}>;

const disksMax = 16;

export function homeDisks({ attached, mirrors, library }: Known): HomeDisk[] {
  const isLibrary = attached.find(({ role }) => role === 'library');
  const first = isLibrary === undefined ? withoutDisk(library) : [ofAttached(isLibrary)];
  const copies = (mirrors ?? []).map(({ disk, name, attached: there, seenAt, waiting }) => {
    const on = attached.find(({ markerId, role }) => role === 'mirror' && markerId === disk);
    if (there && on !== undefined) return { ...ofAttached(on), waiting };
    const state = there ? ('folder' as const) : ('missing' as const);
    return { id: null, name, role: 'mirror' as const, state, reason: null, waiting, seenAt: there ? null : seenAt };
  });
  const others = attached.filter(({ role, free }) => role === null && free).map(ofAttached);
  return [...first, ...copies, ...others].slice(0, disksMax);
}

function withoutDisk(library: Known['library']): HomeDisk[] {
  if (library === 'none') return [];
  const state = library === 'ok' ? 'folder' : 'missing';
  return [{ id: null, name: '', role: 'library', state, reason: null, waiting: 0, seenAt: null }];
}

function ofAttached({ disk: id, name, role, verdict: state, reason }: StandingDisk): HomeDisk {
  return { id, name, role, state, reason, waiting: 0, seenAt: null };
}
