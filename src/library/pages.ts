/** Cursors of paged listings: opaque to clients, and stable while rows come and go (no offsets). */
import { CodedError } from '../platform/errors.ts';

/** A place between two entries of the timeline: `wall` as in the catalogue's `captured_wall`. */
export type Place = Readonly<{ wall: number; id: number }>;

/** Cuts one page from rows that were asked for with `limit + 1`, and says where the next begins. */
export function pageOf<Row>(
  rows: Row[],
  limit: number,
  cursorOf: (row: Row) => string,
): { page: Row[]; next: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const next = rows.length > limit && last !== undefined ? Buffer.from(cursorOf(last)).toString('base64url') : null;
  return { page, next };
}

export function placeCursor({ wall, id }: Place): string {
  return Buffer.from(`${wall}.${id}`).toString('base64url');
}

/** @throws {CodedError} `invalid-request`. */
export function readPlace(cursor: string): Place {
  const match = /^(-?\d{1,16})\.(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (match === null) throw invalid();
  return { wall: Number(match[1]), id: Number(match[2]) };
}

/** @throws {CodedError} `invalid-request`. */
export function readItemCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  if (!/^\d{1,16}$/.test(text)) throw invalid();
  return Number(text);
}

function invalid(): CodedError {
  return new CodedError('invalid-request', 'This page mark is not one that the box gave. Begin again without one.');
}
