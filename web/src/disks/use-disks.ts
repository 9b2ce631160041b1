import { useEffect, useRef } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { useAsk } from '../ask/use-ask.ts';
import {
  type AttachedDisk,
  type LibraryState,
  type Listed,
  type Mirror,
  mirrorOn,
  type Room,
  roleOf,
} from '../ui/disk-facts.ts';

/** All that the pages about disks show of the house. */
export type House = Readonly<{ listed: Listed; room: Room; mirrors: readonly Mirror[]; library: LibraryState }>;

/** While something goes on that no event tells of. */
const againMs = 5_000;

export function useDisks() {
  const asked = useAsk<House>(async (signal) => {
    const [listed, room, { mirrors }, health] = await Promise.all([
      ask('GET /api/disks', { signal }),
      ask('GET /api/room', { signal }),
      ask('GET /api/mirrors', { signal }),
      ask('GET /api/health', { signal }),
    ]);
    return { listed, room, mirrors, library: health.disk };
  });
  const { answer, again } = asked;
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  useLive((event) => {
    if (event.type === 'disks' || event.type === 'missed') void again();
    // What came in fills the disks, and is not on the mirrors yet.
    if (event.type !== 'home') return;
    timer.current ??= window.setTimeout(() => {
      timer.current = undefined;
      void again();
    }, againMs);
  });
  const moving =
    answer !== undefined &&
    (answer.listed.helper === 'unknown' ||
      answer.listed.disks.some((disk) => disk.doing !== null || isNewMirror(disk, answer.mirrors)) ||
      answer.mirrors.some(({ running, attached, waiting }) => running || (attached && waiting.files > 0)));
  useEffect(() => {
    if (!moving) return;
    const every = window.setInterval(() => document.hidden || void again(), againMs);
    return () => window.clearInterval(every);
  }, [moving, again]);
  return asked;
}

/** The box has not begun to follow it. */
function isNewMirror(disk: AttachedDisk, mirrors: readonly Mirror[]): boolean {
  return roleOf(disk) === 'mirror' && mirrorOn(disk, mirrors) === undefined;
}
