/**
 * How an item came: told of and sent by an app, which sees the phone's files, or chosen in a browser's picker, which
 * gives a name, a size and a time, and bytes that need not be the original's. Pure.
 *
 * A picker names by the hundred what is not the same (`image.jpg`, `IMG_0001.jpg` of any folder), so name, size and time
 * together are the item there; in the catalogue it has a path that no app can tell.
 */
export type ItemOrigin = 'app' | 'browser';

const browserRoot = '/browser';
const browserPath = /^\/browser\/\d+\/-?\d*\//;
/** All items from the browser lie between the two: '0' is the letter after '/'. */
export const browserPathRange = [`${browserRoot}/`, `${browserRoot}0`] as const;

/** Names that a phone's app took out of its view; no app can tell such a path either. */
export const hiddenRoot = '/hidden';
const hiddenPrefix = /^\/hidden\/\d+\//;

export function hiddenPath(itemId: number, path: string): string {
  return `${hiddenRoot}/${itemId}/${path}`;
}

/** The path by which the catalogue knows an item. `mtime`: ms since 1970. */
export function itemPath(origin: ItemOrigin, item: { path: string; size: number; mtime: number | null }): string {
  return origin === 'app' ? item.path : `${browserRoot}/${item.size}/${item.mtime ?? ''}/${item.path}`;
}

/** The name that the phone gave it. */
export function namedPath(path: string): string {
  return path.replace(browserPath, '').replace(hiddenPrefix, '');
}
