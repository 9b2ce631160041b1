/**
 * Owns the page of a person's photos: its filters, the grid, the selection, and the way into the viewer. Never keeps a
 * photo's bytes. The viewer is a chunk of its own, loaded when the first photo is opened.
 */
import { CloudUpload, Images, Search, SquareCheckBig, Trash2, X } from 'lucide';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useLocation, useRoute } from 'preact-iso';
import { ask } from '../ask/ask.ts';
import { usePerson } from '../ask/session.tsx';
import { useAsk } from '../ask/use-ask.ts';
import { photos } from '../text/en/photos.ts';
import { Button, IconButton, LinkButton } from '../ui/button.tsx';
import { Icon } from '../ui/icon.tsx';
import { say, usePageTitle } from '../ui/page.tsx';
import { CouldNotLoad, EmptyState } from '../ui/parts.tsx';
import { EntryStore } from './entry-store.ts';
import { ChosenChips, FilterMenus, FilterSheet, type Phone, phoneName, SearchField } from './filter-chips.tsx';
import { addressOf, type Filter, filterOf, isFiltered } from './filters.ts';
import { Grid, type GridHandle, type GridPress } from './grid.tsx';
import type { GridLayout } from './grid-layout.ts';
import './photos.css';
import { Scrubber } from './scrubber.tsx';
import { SelectionBar, useSelection, useTrashing } from './selection.tsx';
import { useKeptScroll } from './use-kept-scroll.ts';
import { type Timeline, useTimeline } from './use-timeline.ts';
import { useViewer } from './use-viewer.ts';

/** What is known of single photos, for as long as the tab is open and the same person comes back to it. */
let known: Readonly<{ person: string; store: EntryStore }> | undefined;

function storeOf(person: string): EntryStore {
  if (known?.person !== person) known = { person, store: new EntryStore() };
  return known.store;
}

export function Photos() {
  const { query, route } = useLocation();
  const { params } = useRoute();
  const store = storeOf(usePerson().id);
  const filter = useMemo(() => filterOf(query), [JSON.stringify(query)]);
  const title = usePageTitle(photos.title);
  const grid = useRef<GridHandle>(null);
  const [layout, setLayout] = useState<GridLayout>();
  const [timeline, verbs] = useTimeline(filter, store, (id) => grid.current?.isShown(id) === true);
  const { index } = timeline;
  const { answer } = useAsk((signal) => ask('GET /api/phones', { signal }));
  const phones = answer?.phones ?? [];
  const selection = useSelection(index, timeline.whole);
  const [selectMode, setSelectMode] = useState(false);
  const trashing = useTrashing({ onTrashed: verbs.remove, onRestored: verbs.add });
  const selecting = selectMode || selection.ids.size > 0;
  const viewer = useViewer({ filter, timeline, store, grid, trash: trashing.run, id: params['id'] });
  useKeptScroll(index.count > 0);
  const change = useCallback(
    (next: Filter) => {
      route(addressOf(next), next.name !== undefined && filter.name !== undefined);
      window.scrollTo(0, 0);
    },
    [route, filter],
  );
  const endSelecting = () => {
    selection.clear();
    setSelectMode(false);
  };
  useEscape(selecting, endSelecting);
  const total = index.count + timeline.rest.reduce((sum, { count }) => sum + count, 0);
  useEffect(() => {
    if (timeline.whole && isFiltered(filter)) say(photos.totalSpoken(index.count));
  }, [timeline.whole, filter]);
  const press = (pressed: GridPress) => {
    if (pressed.select || selecting || pressed.shift) selection.press(pressed);
    else viewer.open(pressed.id);
  };
  return (
    <div class="photos">
      <header class="ph-head">
        <h1 class="title" tabIndex={-1} ref={title}>
          {photos.title}
        </h1>
        <p class="cap num wide-only">
          {total > 0 && (
            <>
              <span aria-hidden="true">{photos.total(total)}</span>
              <span class="only-read">{photos.totalSpoken(total)}</span>
            </>
          )}
        </p>
        <Tools
          filter={filter}
          phones={phones}
          onChange={change}
          selecting={selecting}
          onSelecting={(now) => (now ? setSelectMode(true) : endSelecting())}
        />
      </header>
      <div class="ph-second">
        <div class="wide-only">
          <FilterMenus filter={filter} phones={phones} onChange={change} />
        </div>
        <div class="narrow-only">
          {isFiltered(filter) ? (
            <ChosenChips filter={filter} phones={phones} onChange={change} />
          ) : (
            <p class="cap">{total > 0 && photos.totalSpoken(total)}</p>
          )}
        </div>
        <a class="ph-trash-way" href="/photos/trash">
          <Icon of={Trash2} />
          {photos.trash}
        </a>
      </div>
      {viewer.gone && (
        <p class="refusal" role="alert">
          {photos.gone}
        </p>
      )}
      {timeline.cut && <p class="cap">{photos.cut(index.count)}</p>}
      <div class="ph-body">
        <Shown timeline={timeline} filter={filter} phones={phones} again={verbs.again} clear={() => change({})} />
        {(index.count > 0 || timeline.rest.length > 0) && (
          <Grid
            index={index}
            rest={timeline.rest}
            store={store}
            selected={selection.ids}
            selecting={selecting}
            hrefOf={(id) => addressOf(filter, id)}
            onPress={press}
            handle={grid}
            onLayout={setLayout}
          />
        )}
        <Scrubber layout={index.count > 0 ? layout : undefined} grid={grid} />
      </div>
      {selecting && <SelectionBar selection={selection} trashing={trashing} onClose={endSelecting} />}
    </div>
  );
}

type ToolsProps = Readonly<{
  filter: Filter;
  phones: readonly Phone[];
  onChange: (filter: Filter) => void;
  selecting: boolean;
  onSelecting: (now: boolean) => void;
}>;

function Tools({ filter, phones, onChange, selecting, onSelecting }: ToolsProps) {
  const [searching, setSearching] = useState(false);
  return (
    <div class="ph-tools">
      <div class="wide-only">
        <SearchField filter={filter} onChange={onChange} />
      </div>
      <div class="narrow-only ph-narrow-tools">
        <IconButton
          of={searching ? X : Search}
          label={searching ? photos.searchClear : photos.searchLabel}
          aria-expanded={searching}
          onClick={() => {
            setSearching(!searching);
            if (searching && filter.name !== undefined) onChange({ ...filter, name: '' });
          }}
        />
        <FilterSheet filter={filter} phones={phones} onChange={onChange} />
        <a class="button icon" href="/this-phone/backup" aria-label={photos.add} title={photos.add}>
          <Icon of={CloudUpload} />
        </a>
        <IconButton
          of={SquareCheckBig}
          label={selecting ? photos.selectDone : photos.selectMode}
          aria-pressed={selecting}
          onClick={() => onSelecting(!selecting)}
        />
      </div>
      <div class="wide-only">
        <Button look="secondary" onClick={() => onSelecting(!selecting)}>
          {selecting ? photos.selectDone : photos.selectMode}
        </Button>
      </div>
      {searching && (
        <div class="narrow-only ph-search-row">
          <SearchField filter={filter} onChange={onChange} autoFocus />
        </div>
      )}
    </div>
  );
}

type ShownProps = Readonly<{
  timeline: Timeline;
  filter: Filter;
  phones: readonly Phone[];
  again: () => void;
  clear: () => void;
}>;

/** In place of the grid, as long as there is nothing in it. */
function Shown({ timeline, filter, phones, again, clear }: ShownProps) {
  const { index, whole, refusal } = timeline;
  if (refusal !== undefined && index.count === 0) return <CouldNotLoad refusal={refusal} again={again} />;
  if (index.count > 0) return null;
  if (!whole) return timeline.rest.length > 0 ? null : <div class="ph-skeleton" aria-hidden="true" />;
  if (!isFiltered(filter)) {
    return (
      <EmptyState
        icon={Images}
        title={photos.emptyTitle}
        action={
          <div class="narrow-only">
            <LinkButton href="/this-phone/backup" icon={CloudUpload}>
              {photos.add}
            </LinkButton>
          </div>
        }
      >
        <span class="narrow-only">{photos.emptyText}</span>
        <span class="wide-only">{photos.emptyTextOwner}</span>
      </EmptyState>
    );
  }
  const { kind, phone, from, to, name } = filter;
  const title = photos.nothing({
    ...(kind === undefined ? {} : { kind }),
    ...(phone === undefined ? {} : { phone: phoneName(phones, phone) }),
    ...(name === undefined ? {} : { name }),
    dated: from !== undefined || to !== undefined,
  });
  return (
    <EmptyState
      icon={Search}
      title={title}
      action={
        <Button look="secondary" onClick={clear}>
          {photos.clearAll}
        </Button>
      }
    />
  );
}

function useEscape(on: boolean, call: () => void): void {
  useEffect(() => {
    if (!on) return;
    const listener = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && document.querySelector('dialog[open], .pswp') === null) call();
    };
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  });
}
