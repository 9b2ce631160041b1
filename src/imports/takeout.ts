/**
 * Google Takeout: the note in JSON beside each photo, found by the photo's name, and the date in it. Pure.
 *
 * `IMG_1.jpg` has `IMG_1.jpg.json` or `IMG_1.jpg.supplemental-metadata.json`, cut so that 46 letters are left before
 * `.json`; the second `IMG_1.jpg` is `IMG_1(1).jpg`, with `IMG_1.jpg(1).json`; `IMG_1-edited.jpg` has the note of
 * `IMG_1.jpg`, and so has the moving half `IMG_1.MP4`.
 */
import { posix } from 'node:path';
import { mediaKind } from '../library/media-kinds.ts';
import { stemOf } from '../library/sidecars.ts';

const lettersMax = 46;
/** A note has some thousands; to parse a hostile one of a megabyte holds the event loop for a tenth of a second. */
export const takeoutBytesMax = 128 * 1024;
/** Half of the range of dates (ECMA-262, section 21.4.1.1): beyond it no photo was taken. */
const secondsMax = 4_000_000_000;
const notes = ['', '.supplemental-metadata'];
/** What Takeout adds to the name of an edited copy, by the language of the account. */
const edited =
  /-(?:edited|bearbeitet|modifié|editado|editada|modificato|bewerkt|edytowane|redigeret|redigerad|redigert|muokattu|upraveno|編集済み)$/i;
const stills = ['.HEIC', '.heic', '.JPG', '.jpg', '.jpeg'];

/** Names of the note of `name`, the likeliest first. */
export function noteNames(name: string): string[] {
  const extension = posix.extname(name);
  const [, bare = '', number = ''] = /^(.*?)(\(\d{1,4}\))?$/s.exec(stemOf(name)) ?? [];
  const stems = [bare, bare.replace(edited, '')];
  const extensions = mediaKind(name).kind === 'video' ? [extension, ...stills] : [extension];
  const titles = stems.flatMap((stem) => extensions.map((one) => ({ title: stem + one, number })));
  // The number may be the photo's own.
  if (number !== '') titles.push({ title: name, number: '' });
  const names = titles.flatMap((it) => notes.map((note) => `${cut(it.title + note)}${it.number}.json`));
  return [...new Set(names)].filter((one) => one !== name);
}

/** When it was taken, in ms since 1970; undefined: the text is no such note. */
export function noteTime(text: string): number | undefined {
  let note: unknown;
  try {
    note = JSON.parse(text);
  } catch {
    return undefined;
  }
  const taken = member(note, 'photoTakenTime');
  const seconds = Number(member(taken, 'timestamp') ?? Number.NaN);
  return Number.isInteger(seconds) && Math.abs(seconds) <= secondsMax && seconds !== 0 ? seconds * 1_000 : undefined;
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && Object.hasOwn(of, name) ? Reflect.get(of, name) : undefined;
}

function cut(text: string): string {
  return [...text].slice(0, lettersMax).join('');
}
