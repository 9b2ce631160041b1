import { bytes, count, daysAgo, localClock, localDay, minutesAndSeconds, month, plural } from '../format.ts';

type Seen = Readonly<{
  kind: 'photo' | 'video';
  name: string;
  capturedLocal: string;
  durationMs: number | null;
  motion: object | null;
}>;
type Narrowed = Readonly<{ kind?: 'photo' | 'video'; phone?: string; dated?: boolean; name?: string }>;

const nouns = { photo: 'photos', video: 'videos', all: 'photos or videos' };

export const photos = {
  title: 'Photos',
  trash: 'Trash',
  grid: 'Timeline',
  add: 'Add photos',
  searchLabel: 'Search by name',
  searchClear: 'Clear the search',
  filter: 'Filter',
  filterTitle: 'What to show',
  phone: 'Phone',
  allPhones: 'All phones',
  type: 'Type',
  photosAndVideos: 'Photos and videos',
  onlyPhotos: 'Photos',
  onlyVideos: 'Videos',
  date: 'Date',
  from: 'From',
  to: 'To',
  show: 'Show',
  clearAll: 'Clear',
  remove: (what: string) => `Remove the filter ${what}`,
  named: (name: string) => `Named “${name}”`,
  unknownPhone: 'One phone',
  between: (from: string | undefined, to: string | undefined): string => {
    if (from !== undefined && from === to) return localDay(from, Date.now(), undefined);
    if (from !== undefined && to !== undefined) {
      const wholeMonth = from.slice(0, 7) === to.slice(0, 7) && from.endsWith('-01') && isLastDay(to);
      if (wholeMonth) return month(from.slice(0, 7));
      return `${localDay(from, 0, undefined)} to ${localDay(to, 0, undefined)}`;
    }
    return from === undefined ? `Until ${localDay(to ?? '', 0, undefined)}` : `Since ${localDay(from, 0, undefined)}`;
  },
  total: (n: number) => count(n),
  totalSpoken: (n: number) => plural(n, { one: '1 photo or video', other: `${count(n)} photos and videos` }),
  cut: (n: number) => `The last ${count(n)} that came in are shown. A longer name finds fewer.`,
  emptyTitle: 'Nothing here yet',
  emptyText: 'Tonight the first ones come in, or add some now.',
  emptyTextOwner: 'Tonight the first ones come in. Pair a phone, or open Nightjar on one and add some now.',
  nothing: ({ kind, phone, dated, name }: Narrowed): string => {
    const noun = nouns[kind ?? 'all'];
    if (name !== undefined) return `No ${noun} named “${name}”${phone === undefined ? '' : ` from ${phone}`}.`;
    if (phone !== undefined && dated) return `No ${noun} from ${phone} in this time.`;
    if (phone !== undefined) return `No ${noun} from ${phone}.`;
    return dated ? `No ${noun} in this time.` : `No ${noun} here yet.`;
  },
  scrubber: 'Month',
  live: 'Live',
  tileUnknown: 'Photo',
  tile: ({ kind, name, capturedLocal, durationMs, motion }: Seen): string => {
    const at = `${localDay(capturedLocal, 0, undefined)}, ${localClock(capturedLocal)}, ${name}`;
    if (kind === 'video')
      return durationMs === null ? `Video, ${at}` : `Video of ${minutesAndSeconds(durationMs)}, ${at}`;
    return motion === null ? `Photo, ${at}` : `Live Photo, ${at}`;
  },
  select: (name: string | undefined) => (name === undefined ? 'Select' : `Select ${name}`),
  /** Of a day's head: how people call it, and its date where that says more. */
  day: (day: string, now: number): { head: string; also?: string } => {
    const ago = daysAgo(day, now);
    if (ago === 0) return { head: 'Today', also: localDay(day, now) };
    if (ago === 1) return { head: 'Yesterday', also: localDay(day, now) };
    return { head: localDay(day, now) };
  },
  selectMode: 'Select',
  selectDone: 'Done',
  selection: 'Selection',
  selected: (n: number) => plural(n, { one: '1 selected', other: `${count(n)} selected` }),
  selectedMax: (n: number) => `At most ${count(n)} can be selected at a time.`,
  download: 'Download',
  downloading: (files: number, size: number) =>
    plural(files, { one: `1 file, ${bytes(size)}`, other: `${count(files)} files, ${bytes(size)}` }),
  toTrash: 'Move to trash',
  unselect: 'Select nothing',
  trashed: (n: number) => plural(n, { one: 'Moved to the trash', other: `${count(n)} moved to the trash` }),
  undo: 'Undo',
  restored: (n: number) => plural(n, { one: '1 is back', other: `${count(n)} are back` }),

  viewer: 'Photo viewer',
  back: 'Back to the photos',
  previous: 'Previous',
  next: 'Next',
  details: 'Details',
  play: 'Play',
  stop: 'Stop',
  motionFails: 'This browser cannot play its moving part.',
  videoFails: 'This browser cannot play this kind of video. Download it to watch it with another program.',
  previewFails: 'The picture did not arrive. The photo itself is on the box.',
  noPicture: 'The box cannot make a picture of this file. The file itself is safe.',
  original: 'Download the original',
  gone: 'This photo is not here (any more). It may be in the trash.',
  toPhotos: 'All photos',
  name: 'Name',
  taken: 'Taken',
  takenBy: {
    metadata: undefined,
    'file-time': 'by the time of its file',
    'upload-time': 'when it came in',
  } as const,
  size: 'Size',
  pixels: (width: number, height: number) => `${width} × ${height}`,
  length: 'Length',
  folder: 'On the disk',
  cameIn: 'Came in',
  fromPhones: 'From',
  forgottenPhone: 'A phone that is not known any more',
  otherHalf: 'Other half',
  checksum: 'SHA-256',
  fromBrowser: 'From the browser',
  fromBrowserText: 'Chosen in a browser: perhaps not the original. The phone’s app has not sent these bytes.',
  incomplete: {
    'still-missing': 'The picture of this Live Photo has not come in.',
    'motion-missing': 'The video of this Live Photo has not come in.',
  } as const,

  trashAnswer: (n: number, size: number) =>
    plural(n, {
      one: `1 file, ${bytes(size)}. It goes for good when its days are over.`,
      other: `${count(n)} files, ${bytes(size)}. Each goes for good when its days are over.`,
    }),
  trashEmptyTitle: 'The trash is empty',
  trashEmptyText: 'What is moved here stays for 30 days, then it goes for good.',
  daysLeft: (days: number) =>
    days <= 0 ? 'goes today' : plural(days, { one: '1 day left', other: `${count(days)} days left` }),
  restore: 'Restore',
  deleteForGood: 'Delete for good',
  emptyTrash: 'Empty the trash',
  deleteTitle: (n: number) =>
    plural(n, { one: 'Delete 1 file for good?', other: `Delete ${count(n)} files for good?` }),
  deleteText: 'It cannot be undone, and the next backups do not bring them back.',
  deleteWord: 'delete',
  deleteAction: (n: number) => plural(n, { one: 'Delete 1 file', other: `Delete ${count(n)} files` }),
  more: 'Show more',
  restoredMissing: (n: number) =>
    plural(n, {
      one: '1 was not on the disk any more. A phone that has it sends it again.',
      other: `${count(n)} were not on the disk any more. A phone that has them sends them again.`,
    }),
};

function isLastDay(day: string): boolean {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).getUTCDate() === 1;
}
