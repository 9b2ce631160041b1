/** What is selected, and what can be done with it. */
import { Download, Trash2, X } from 'lucide';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask } from '../ask/ask.ts';
import { type Doing, useDoing } from '../ask/use-ask.ts';
import { common } from '../text/en/common.ts';
import { photos } from '../text/en/photos.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { say } from '../ui/page.tsx';
import { RefusalNote } from '../ui/parts.tsx';
import { toast } from '../ui/toast.tsx';
import type { GridPress } from './grid.tsx';
import type { TimelineIndex } from './timeline-index.ts';

/** As many as one download may have. */
const selectedMax = 10_000;
const perRequest = 1_000;

export type Selection = Readonly<{
  ids: ReadonlySet<number>;
  press: (press: GridPress) => void;
  clear: () => void;
}>;

/** A range is from the last one that was chosen alone. What goes from the timeline goes from the selection. */
export function useSelection(index: TimelineIndex, whole: boolean): Selection {
  const [ids, setIds] = useState<ReadonlySet<number>>(new Set());
  const [last, setLast] = useState<number>();
  useEffect(() => {
    if (!whole || ids.size === 0) return;
    const there = new Set(index.ids);
    if ([...ids].some((id) => !there.has(id))) setIds(new Set([...ids].filter((id) => there.has(id))));
  }, [index, whole]);
  const press = ({ id, position, shift }: GridPress) => {
    const next = new Set(ids);
    const begin = last === undefined ? -1 : index.positionOf(last);
    if (shift && begin !== -1) {
      for (let at = Math.min(begin, position); at <= Math.max(begin, position); at++) next.add(index.idAt(at) ?? id);
    } else {
      if (!next.delete(id)) next.add(id);
      setLast(id);
    }
    if (next.size > selectedMax) {
      say(photos.selectedMax(selectedMax));
      return;
    }
    setIds(next);
    say(photos.selected(next.size));
  };
  const clear = useCallback(() => {
    setIds(new Set());
    setLast(undefined);
  }, []);
  return { ids, press, clear };
}

type Moved = Readonly<{ onTrashed: (ids: readonly number[]) => void; onRestored: (ids: readonly number[]) => void }>;

/** Moves to the trash, and offers the way back. */
export function useTrashing({ onTrashed, onRestored }: Moved): Doing<[readonly number[]]> {
  return useDoing(async (ids: readonly number[]) => {
    const gone: number[] = [];
    try {
      for (let at = 0; at < ids.length; at += perRequest) {
        const assets = ids.slice(at, at + perRequest);
        // With the other halves of pairs and sidecars, which nobody chose.
        gone.push(...(await ask('POST /api/trash', { body: { assets } })).trashed);
      }
    } finally {
      if (gone.length > 0) {
        onTrashed(gone);
        const text = photos.trashed(ids.length);
        toast({ text, action: photos.undo, onAction: () => void takeBack(gone).then(onRestored, () => undefined) });
      }
    }
  });
}

async function takeBack(ids: readonly number[]): Promise<readonly number[]> {
  for (let at = 0; at < ids.length; at += perRequest) {
    const { restored, missing } = await ask('POST /api/trash/restore', {
      body: { assets: ids.slice(at, at + perRequest) },
    });
    say(missing.length > 0 ? photos.restoredMissing(missing.length) : photos.restored(restored.length));
  }
  return ids;
}

/** The browser saves it beside what it shows; the page stays. */
function save(href: string): void {
  const link = document.createElement('a');
  link.href = href;
  // The box's own name for it counts; without any the router would take it for a page.
  link.download = 'photos.zip';
  link.target = '_self';
  link.rel = 'noopener';
  document.body.append(link);
  link.click();
  link.remove();
}

type BarProps = Readonly<{ selection: Selection; trashing: Doing<[readonly number[]]>; onClose: () => void }>;

/** Floats over the grid while something is selected. */
export function SelectionBar({ selection, trashing, onClose }: BarProps) {
  const [told, setTold] = useState<string>();
  const count = selection.ids.size;
  useEffect(() => setTold(undefined), [selection.ids]);
  const downloading = useDoing(async () => {
    const offer = await ask('POST /api/downloads', { body: { assets: [...selection.ids] } });
    const text = photos.downloading(offer.files, offer.bytes);
    setTold(text);
    say(text);
    save(`/api/downloads/${offer.id}`);
  });
  return (
    <section class="ph-bar-place" aria-label={photos.selection}>
      <RefusalNote refusal={trashing.refusal ?? downloading.refusal} />
      <div class="ph-bar">
        <p class="num">{told ?? photos.selected(count)}</p>
        <Button look="quiet" icon={Download} busy={downloading.busy} onClick={() => void downloading.run()}>
          {photos.download}
        </Button>
        <Button
          look="quiet"
          icon={Trash2}
          busy={trashing.busy}
          onClick={() => {
            void trashing.run([...selection.ids]).then((done) => {
              if (done) onClose();
            });
          }}
        >
          {photos.toTrash}
        </Button>
        <IconButton of={X} label={count > 0 ? photos.unselect : common.close} onClick={onClose} />
      </div>
    </section>
  );
}
