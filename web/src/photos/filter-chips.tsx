/** What of the timeline is shown: as chips, each with its way out, and the ways to narrow it. */
import { CalendarDays, ChevronDown, Film, ListFilter, Search, Smartphone, X } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { ReplyOf } from '../ask/ask.ts';
import { photos } from '../text/en/photos.ts';
import { Button, IconButton } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { Icon, type IconNode } from '../ui/icon.tsx';
import type { Filter, Kind } from './filters.ts';

export type Phone = ReplyOf<'GET /api/phones'>['phones'][number];
type FilterProps = Readonly<{
  filter: Filter;
  phones: readonly Phone[];
  onChange: (filter: Filter) => void;
}>;
type Part = 'phone' | 'kind' | 'date';

const searchMs = 300;

/** Without these parts of it. */
function without(filter: Filter, ...parts: ReadonlyArray<keyof Filter>): Filter {
  return Object.fromEntries(Object.entries(filter).filter(([name]) => !parts.includes(name as keyof Filter)));
}

export function phoneName(phones: readonly Phone[], id: string): string {
  return phones.find((phone) => phone.id === id.toLowerCase())?.name ?? photos.unknownPhone;
}

/** On wide pages: what is chosen, else the menu to choose by. */
export function FilterMenus({ filter, phones, onChange }: FilterProps) {
  const [open, setOpen] = useState<Part>();
  const menu = (part: Part, icon: IconNode, label: string, chosen: string | undefined, clear: Filter) =>
    chosen === undefined || open === part ? (
      <Menu key={part} label={label} icon={icon} open={open === part} onOpen={(now) => setOpen(now ? part : undefined)}>
        <Choices
          part={part}
          filter={filter}
          phones={phones}
          onChange={(next) => {
            if (part !== 'date') setOpen(undefined);
            onChange(next);
          }}
        />
      </Menu>
    ) : (
      <Chip key={part} text={chosen} onRemove={() => onChange(clear)} />
    );
  const { phone, kind, from, to } = filter;
  const dated = from !== undefined || to !== undefined;
  return (
    <div class="ph-chips">
      {menu('phone', Smartphone, photos.phone, phone && phoneName(phones, phone), without(filter, 'phone'))}
      {menu('kind', Film, photos.type, kind && kindName(kind), without(filter, 'kind'))}
      {menu(
        'date',
        CalendarDays,
        photos.date,
        dated ? photos.between(from, to) : undefined,
        without(filter, 'from', 'to'),
      )}
    </div>
  );
}

/** On phones: only what is chosen. */
export function ChosenChips({ filter, phones, onChange }: FilterProps) {
  const { phone, kind, from, to, name } = filter;
  if (phone === undefined && kind === undefined && from === undefined && to === undefined && name === undefined) {
    return null;
  }
  return (
    <div class="ph-chips">
      {name !== undefined && <Chip text={photos.named(name)} onRemove={() => onChange(without(filter, 'name'))} />}
      {phone !== undefined && (
        <Chip text={phoneName(phones, phone)} onRemove={() => onChange(without(filter, 'phone'))} />
      )}
      {kind !== undefined && <Chip text={kindName(kind)} onRemove={() => onChange(without(filter, 'kind'))} />}
      {(from !== undefined || to !== undefined) && (
        <Chip text={photos.between(from, to)} onRemove={() => onChange(without(filter, 'from', 'to'))} />
      )}
    </div>
  );
}

/** On phones: all choices on one sheet. */
export function FilterSheet({ filter, phones, onChange }: FilterProps) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <IconButton of={ListFilter} label={photos.filter} onClick={() => setOpen(true)} />
      <Dialog title={photos.filterTitle} open={open} onClose={() => setOpen(false)}>
        {(['phone', 'kind', 'date'] as const).map((part) => (
          <Choices key={part} part={part} filter={filter} phones={phones} onChange={onChange} />
        ))}
        <div class="buttons">
          <Button onClick={() => setOpen(false)}>{photos.show}</Button>
          <Button look="quiet" onClick={() => onChange(without(filter, 'phone', 'kind', 'from', 'to'))}>
            {photos.clearAll}
          </Button>
        </div>
      </Dialog>
    </>
  );
}

/** Asks when the typing rests. */
export function SearchField({
  filter,
  onChange,
  autoFocus = false,
}: Omit<FilterProps, 'phones'> & { autoFocus?: boolean }) {
  const [text, setText] = useState(filter.name ?? '');
  const id = useId();
  const place = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (autoFocus) place.current?.focus();
  }, [autoFocus]);
  useEffect(() => setText(filter.name ?? ''), [filter.name]);
  useEffect(() => {
    const wanted = text.trim();
    if (wanted === (filter.name ?? '')) return;
    const timer = window.setTimeout(() => {
      const rest = without(filter, 'name');
      onChange(wanted === '' ? rest : { ...rest, name: wanted });
    }, searchMs);
    return () => window.clearTimeout(timer);
  }, [text]);
  return (
    <search class="ph-search">
      <Icon of={Search} />
      <label class="only-read" for={id}>
        {photos.searchLabel}
      </label>
      <input
        id={id}
        ref={place}
        type="search"
        maxLength={255}
        placeholder={photos.searchLabel}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      {text !== '' && <IconButton of={X} label={photos.searchClear} onClick={() => setText('')} />}
    </search>
  );
}

function Chip({ text, onRemove }: { text: string; onRemove: () => void }) {
  return (
    <button type="button" class="ph-chip chosen" aria-label={photos.remove(text)} onClick={onRemove}>
      <span>{text}</span>
      <Icon of={X} size={16} stroke={2.1} />
    </button>
  );
}

type MenuProps = Readonly<{
  label: string;
  icon: IconNode;
  open: boolean;
  onOpen: (open: boolean) => void;
  children: ComponentChildren;
}>;

function Menu({ label, icon, open, onOpen, children }: MenuProps) {
  const place = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    place.current?.querySelector<HTMLElement>('input:checked, input')?.focus();
    const outside = (event: Event) => {
      if (event.target instanceof Node && place.current?.contains(event.target) === false) onOpen(false);
    };
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape') return;
      onOpen(false);
      place.current?.querySelector('button')?.focus();
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    document.addEventListener('keydown', onKey);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
      document.removeEventListener('keydown', onKey);
    };
  }, [open]);
  return (
    <div class="ph-menu" ref={place}>
      <button type="button" class="ph-chip" aria-expanded={open} aria-controls={id} onClick={() => onOpen(!open)}>
        <Icon of={icon} size={16} />
        {label}
        <Icon of={ChevronDown} size={16} />
      </button>
      <div class="ph-menu-sheet" id={id} hidden={!open}>
        {open && children}
      </div>
    </div>
  );
}

function kindName(kind: Kind): string {
  return kind === 'photo' ? photos.onlyPhotos : photos.onlyVideos;
}

function Choices({ part, ...props }: FilterProps & { part: Part }) {
  if (part === 'date') return <Dates {...props} />;
  const { filter, phones, onChange } = props;
  const options: ReadonlyArray<Readonly<{ value: string | undefined; label: string; next: Filter }>> =
    part === 'phone'
      ? [
          { value: undefined, label: photos.allPhones, next: without(filter, 'phone') },
          ...phones.map(({ id, name }) => ({ value: id, label: name, next: { ...filter, phone: id } })),
        ]
      : [
          { value: undefined, label: photos.photosAndVideos, next: without(filter, 'kind') },
          ...(['photo', 'video'] as const).map((kind) => ({
            value: kind,
            label: kindName(kind),
            next: { ...filter, kind },
          })),
        ];
  const chosen = part === 'phone' ? filter.phone : filter.kind;
  const id = useId();
  return (
    <fieldset class="ph-choices">
      <legend class="cap">{part === 'phone' ? photos.phone : photos.type}</legend>
      {options.map(({ value, label, next }) => (
        <label key={label}>
          <input type="radio" name={id} checked={chosen === value} onChange={() => onChange(next)} />
          {label}
        </label>
      ))}
    </fieldset>
  );
}

function Dates({ filter, onChange }: Omit<FilterProps, 'phones'>) {
  const [from, setFrom] = useState(filter.from ?? '');
  const [to, setTo] = useState(filter.to ?? '');
  const put = (nextFrom: string, nextTo: string) => {
    setFrom(nextFrom);
    setTo(nextTo);
    onChange({
      ...without(filter, 'from', 'to'),
      ...(nextFrom === '' ? {} : { from: nextFrom }),
      ...(nextTo === '' ? {} : { to: nextTo }),
    });
  };
  return (
    <fieldset class="ph-choices ph-dates">
      <legend class="cap">{photos.date}</legend>
      <label>
        {photos.from}
        <input
          type="date"
          value={from}
          max={to || '9999-12-31'}
          onChange={(event) => put(event.currentTarget.value, to)}
        />
      </label>
      <label>
        {photos.to}
        <input
          type="date"
          value={to}
          min={from}
          max="9999-12-31"
          onChange={(event) => put(from, event.currentTarget.value)}
        />
      </label>
    </fieldset>
  );
}
