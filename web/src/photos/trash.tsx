/**
 * Owns the page of the trash: what is in it, how long it stays, and the two ways out. A pair is one tile here too; what
 * is done with it is done with both halves.
 */
import { File, RotateCcw, Trash2, X } from 'lucide';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { ask, boxNow, type ReplyOf } from '../ask/ask.ts';
import { useLive } from '../ask/live.ts';
import { useAsk, useDoing } from '../ask/use-ask.ts';
import { photos } from '../text/en/photos.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { Page, say } from '../ui/page.tsx';
import { CouldNotLoad, EmptyState, RefusalNote } from '../ui/parts.tsx';
import { TypedConfirmation } from '../ui/typed-confirmation.tsx';
import './photos.css';

type Trashed = ReplyOf<'GET /api/trash'>;
type Item = Trashed['entries'][number];
/** What is shown as one: both halves of a pair. */
type Group = Readonly<{ key: string; shown: Item; ids: readonly number[] }>;

const pageMax = 500;
const perRequest = 1_000;
const dayMs = 86_400_000;
const gatherMs = 500;
/** The box tells its time in seconds, and some pass on the way: just trashed is 30 days, not 31. */
const slackMs = 60_000;

export function Trash() {
  const [pages, setPages] = useState(1);
  const { answer, refusal, again } = useAsk((signal) => readPages(pages, signal), [pages]);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [deleting, setDeleting] = useState<readonly number[] | 'all'>();
  const groups = useMemo(() => grouped(answer?.entries ?? []), [answer]);
  const timer = useRef<number>(undefined);
  useLive(({ type }) => {
    if (!['trashed', 'restored', 'deleted', 'missed'].includes(type)) return;
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => void again(), gatherMs);
  });
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const picked = groups.filter(({ key }) => chosen.has(key));
  const ids = picked.flatMap((group) => group.ids);
  const done = async () => {
    setChosen(new Set());
    await again();
  };
  const restoring = useDoing(async () => {
    let [back, missing] = [0, 0];
    for (let at = 0; at < ids.length; at += perRequest) {
      const answered = await ask('POST /api/trash/restore', { body: { assets: ids.slice(at, at + perRequest) } });
      back += answered.restored.length;
      missing += answered.missing.length;
    }
    say(missing > 0 ? photos.restoredMissing(missing) : photos.restored(back));
    await done();
  });
  const count = answer?.count ?? 0;
  const deletingCount = deleting === 'all' ? count : (deleting?.length ?? 0);
  return (
    <Page
      title={photos.trash}
      back={{ href: '/photos', label: photos.title }}
      aside={
        count > 0 && (
          <Button look="warn" onClick={() => setDeleting('all')}>
            {photos.emptyTrash}
          </Button>
        )
      }
    >
      <p class="second ph-trash-answer">
        {answer !== undefined && count > 0 && photos.trashAnswer(count, answer.bytes)}
      </p>
      {answer === undefined && refusal !== undefined && <CouldNotLoad refusal={refusal} again={() => void again()} />}
      {answer === undefined && refusal === undefined && <div class="ph-skeleton" aria-hidden="true" />}
      {answer !== undefined && groups.length === 0 && (
        <EmptyState icon={Trash2} title={photos.trashEmptyTitle}>
          {photos.trashEmptyText}
        </EmptyState>
      )}
      <ul class="ph-trash">
        {groups.map((group) => (
          <TrashTile
            key={group.key}
            group={group}
            chosen={chosen.has(group.key)}
            onPress={() => {
              const next = new Set(chosen);
              if (!next.delete(group.key)) next.add(group.key);
              setChosen(next);
              say(photos.selected(next.size));
            }}
          />
        ))}
      </ul>
      {answer?.next != null && (
        <p>
          <Button look="secondary" onClick={() => setPages(pages + 1)}>
            {photos.more}
          </Button>
        </p>
      )}
      {picked.length > 0 && (
        <section class="ph-bar-place" aria-label={photos.selection}>
          <RefusalNote refusal={restoring.refusal} />
          <div class="ph-bar">
            <p class="num">{photos.selected(picked.length)}</p>
            <Button look="quiet" icon={RotateCcw} busy={restoring.busy} onClick={() => void restoring.run()}>
              {photos.restore}
            </Button>
            <Button look="quiet" icon={Trash2} onClick={() => setDeleting(ids)}>
              {photos.deleteForGood}
            </Button>
            <IconButton of={X} label={photos.unselect} onClick={() => setChosen(new Set())} />
          </div>
        </section>
      )}
      <TypedConfirmation
        title={photos.deleteTitle(deletingCount)}
        open={deleting !== undefined}
        onClose={() => setDeleting(undefined)}
        text={photos.deleteText}
        expected={photos.deleteWord}
        action={photos.deleteAction(deletingCount)}
        onConfirm={async () => {
          await deleteForGood(deleting === 'all' ? undefined : (deleting ?? []));
          setDeleting(undefined);
          await done();
        }}
      />
    </Page>
  );
}

async function readPages(pages: number, signal: AbortSignal): Promise<Trashed> {
  let all: Trashed | undefined;
  for (let page = 0; page < pages; page++) {
    const query = { limit: pageMax, ...(all?.next == null ? {} : { cursor: all.next }) };
    const next: Trashed = await ask('GET /api/trash', { query, signal });
    all = { ...next, entries: [...(all?.entries ?? []), ...next.entries] };
    if (next.next === null) break;
  }
  return all ?? { entries: [], count: 0, bytes: 0, next: null };
}

/** Undefined: all, also what is not shown yet. */
async function deleteForGood(ids: readonly number[] | undefined): Promise<void> {
  if (ids !== undefined) {
    for (let at = 0; at < ids.length; at += perRequest) {
      await ask('POST /api/trash/delete', { body: { assets: ids.slice(at, at + perRequest) } });
    }
    return;
  }
  for (;;) {
    const { entries, count } = await ask('GET /api/trash', { query: { limit: perRequest } });
    if (entries.length === 0) return;
    await ask('POST /api/trash/delete', { body: { assets: entries.map(({ asset }) => asset.id) } });
    const left = await ask('GET /api/trash', { query: { limit: 1 } });
    // What cannot be deleted must not be asked for without an end.
    if (left.count >= count) return;
  }
}

function grouped(entries: readonly Item[]): Group[] {
  const groups = new Map<string, { shown: Item; ids: number[] }>();
  for (const item of entries) {
    const { id, pair, kind } = item.asset;
    const key = pair === null ? `${id}` : `pair ${pair}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { shown: item, ids: [id] });
    else {
      group.ids.push(id);
      if (kind === 'photo') group.shown = item;
    }
  }
  return [...groups].map(([key, group]) => ({ key, ...group }));
}

function TrashTile({ group: { shown }, chosen, onPress }: { group: Group; chosen: boolean; onPress: () => void }) {
  const { asset, goneAt } = shown;
  const [failed, setFailed] = useState(false);
  const left = photos.daysLeft(Math.ceil((goneAt - boxNow() - slackMs) / dayMs));
  const pictured = (asset.kind === 'photo' || asset.kind === 'video') && !failed;
  return (
    <li>
      {/* biome-ignore lint/a11y/useSemanticElements: the whole tile is what is pressed, and it holds a picture */}
      <button
        type="button"
        class={chosen ? 'ph-trash-tile selected' : 'ph-trash-tile'}
        role="checkbox"
        aria-checked={chosen}
        aria-label={`${asset.name}, ${left}`}
        onClick={onPress}
      >
        <span class="ph-trash-picture">
          {pictured ? (
            <img
              src={`/api/assets/${asset.id}/thumbnail`}
              alt=""
              loading="lazy"
              decoding="async"
              width={160}
              height={160}
              onError={() => setFailed(true)}
            />
          ) : (
            <Icon of={File} size={24} />
          )}
        </span>
        <span class="ph-check always">
          <span />
        </span>
        <span class="ph-trash-name">{asset.name}</span>
        <span class="cap num">{left}</span>
      </button>
    </li>
  );
}
