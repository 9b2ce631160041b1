import type { System } from '../../ask/system.ts';
import { bytes, count, dayShort, plural } from '../format.ts';

const files = (n: number) => plural(n, { one: '1 photo or video', other: `${count(n)} photos and videos` });

/** What may be removed from a phone to free its room. */
export const room = {
  title: 'Free up space',
  text: 'What the box has, so that it can go here.',
  looking: 'Looking at each file on the box’s disk',
  sum: (n: number) => files(n),
  lead: 'The box has them whole. It looked at each on its disk just now.',
  onlyCopy: 'Once removed here, the only copy is on the box’s disk: it has no second one yet.',
  months: 'By month',
  size: (n: number) => bytes(n),
  checked: (first: number, last: number, now: number) => {
    const [from, to] = [dayShort(first, now), dayShort(last, now)];
    return from === to ? `Checksums compared on ${to}` : `Checksums compared from ${from} to ${to}`;
  },
  none: 'Nothing to remove yet',
  noneText:
    'This page names what a backup app on this phone sent, once the box has it on its disk. What was chosen in this browser is not counted: it may not be the original.',
  how: 'How to remove them',
  /** In order. */
  steps: {
    android: [
      'Open this phone’s own gallery and go to one of these months.',
      'Compare the number. If the gallery shows more than this page, some are not on the box yet: keep that month.',
      'Select the photos and videos, and delete them.',
      'They take room until the gallery’s bin is emptied; most empty it by themselves after 30 days.',
    ],
    ios: [
      'Open Photos and go to one of these months.',
      'Compare the number. If Photos shows more than this page, some are not on the box yet: keep that month.',
      'Select the photos and videos, and delete them.',
      'They take room until “Recently Deleted” is emptied; it empties itself after 30 days.',
    ],
    computer: [
      'Run nightjar-phone safe-to-remove: it holds the list against the files that are here, and names each of them.',
      'Remove what it names. It removes nothing by itself.',
    ],
  } satisfies Record<System, readonly string[]>,
  cloudTitle: 'Do you also use a cloud?',
  cloud: {
    android:
      'Deleting in Google Photos deletes from Google’s cloud and from your other devices too. Its own “Free up space” only goes by what Google has.',
    ios: 'With iCloud Photos on, what you delete here is deleted in iCloud and on all your devices.',
    computer: 'A folder that a cloud keeps in step is emptied there too.',
  } satisfies Record<System, string>,
};
