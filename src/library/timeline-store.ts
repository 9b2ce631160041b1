/**
 * The timeline's rows. Private to the library room. Every statement reads a range of one index, as many rows as are
 * asked for, so that it takes as long in a library of a million as in one of ten thousand.
 */
import type { Database } from '../platform/database.ts';
import type { Place } from './pages.ts';
import type { AssetRow } from './store.ts';

export type ShownKind = 'photo' | 'video';
/** Whose entries: a person's, or those that one of their phones sent. */
export type Source = Readonly<{ of: 'person' | 'phone'; id: string }>;
/** Of `captured_wall`: `from` and later, before `before`. */
export type Range = Readonly<{ from: number; before: number }>;

export type EntryRow = Omit<AssetRow, 'sha256' | 'state'> & {
  picture: 'wanted' | 'ready' | 'refused' | null;
  width: number | null;
  height: number | null;
  duration_ms: number | null;
  thumbhash: Buffer | null;
  motion_length: number | null;
  motion_asset: number | null;
};

export type DetailsRow = AssetRow &
  EntryRow & {
    captured_from: 'metadata' | 'file-time' | 'upload-time';
    from_browser: number;
    code: string | null;
    reason: string | null;
  };

/** Months that are shown at most: more than three hundred years of them. */
const monthsMax = 4_000;

const sources = {
  person: { from: 'asset WHERE person_id = +? AND shown = 1', id: 'id' },
  phone: { from: 'shown_by_phone WHERE phone_id = ?', id: 'asset_id' },
} as const;

/**
 * In two steps, since SQLite reads an index whose last column is the row's id by one of them at a time. With `+?`, since
 * it would prepare a statement anew for every value that it compares while it chooses among partial indexes.
 */
const placeQueries = (of: keyof typeof sources) => {
  const { from, id } = sources[of];
  const select = `SELECT captured_wall AS wall, ${id} AS id FROM ${from} AND kind = +? AND captured_wall`;
  return {
    older: {
      sameMoment: `${select} = +? AND ${id} < +? ORDER BY ${id} DESC LIMIT ?`,
      beyond: `${select} < +? AND captured_wall >= +? ORDER BY captured_wall DESC, ${id} DESC LIMIT ?`,
    },
    newer: {
      sameMoment: `${select} = +? AND ${id} > +? ORDER BY ${id} LIMIT ?`,
      beyond: `${select} > +? AND captured_wall < +? ORDER BY captured_wall, ${id} LIMIT ?`,
    },
  };
};
const queries = { person: placeQueries('person'), phone: placeQueries('phone') };

const entryColumns = `asset.id, asset.person_id, asset.path, asset.kind, asset.media_type, asset.size, asset.mtime,
  asset.captured_at, asset.captured_local, asset.pair, asset.added_at, picture.state AS picture, picture.width,
  picture.height, picture.duration_ms, picture.thumbhash, picture.motion_length,
  CASE WHEN asset.kind = 'photo' AND asset.pair IS NOT NULL THEN (
    SELECT half.id FROM asset AS half WHERE half.person_id = asset.person_id AND half.pair = asset.pair
      AND half.kind = 'video' AND half.state = 'present' ORDER BY half.id LIMIT 1) END AS motion_asset`;

const entriesQuery = `SELECT ${entryColumns} FROM json_each(?) AS wanted CROSS JOIN asset ON asset.id = wanted.value
  LEFT JOIN picture ON picture.asset_id = asset.id`;
const detailsQuery = `SELECT ${entryColumns}, asset.sha256, asset.state, asset.captured_from, asset.from_browser, picture.code, picture.reason
  FROM asset LEFT JOIN picture ON picture.asset_id = asset.id WHERE asset.id = ?`;

export class TimelineStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The next `limit` places from `from` (not itself) within `range`, the nearest first. */
  places(
    source: Source,
    kind: ShownKind,
    from: Place,
    range: Range,
    towards: 'older' | 'newer',
    limit: number,
  ): Place[] {
    const { sameMoment, beyond } = queries[source.of][towards];
    const at = within(from, range, towards);
    const near = this.#database.all<Place>(sameMoment, source.id, kind, at.wall, at.id, limit);
    if (near.length === limit) return near;
    const end = towards === 'older' ? range.from : range.before;
    return [...near, ...this.#database.all<Place>(beyond, source.id, kind, at.wall, end, limit - near.length)];
  }

  /** In the order of `ids`; one that is gone is left out. */
  entries(ids: readonly number[]): EntryRow[] {
    return this.#database.all(entriesQuery, JSON.stringify(ids));
  }

  /** In the order of `ids`; one that has no picture yet has nulls. */
  shapes(ids: readonly number[]): Array<{ width: number | null; height: number | null }> {
    return this.#database.all(
      `SELECT picture.width, picture.height FROM json_each(?) AS wanted
       LEFT JOIN picture ON picture.asset_id = wanted.value ORDER BY wanted.key`,
      JSON.stringify(ids),
    );
  }

  /** Of these ids, the entries of this person's timeline, in the order given. */
  shownOf(personId: string, ids: readonly number[]): number[] {
    return this.#database
      .all<{ id: number }>(
        `SELECT asset.id FROM json_each(?) AS wanted CROSS JOIN asset ON asset.id = wanted.value
         WHERE asset.person_id = ? AND asset.shown = 1`,
        JSON.stringify(ids),
        personId,
      )
      .map(({ id }) => id);
  }

  /** Whether this phone has entries, and they are this person's: a phone belongs to one person. */
  hasPhone(personId: string, phoneId: string): boolean {
    const query = 'SELECT 1 FROM month_count WHERE person_id = ? AND phone_id = ? LIMIT 1';
    return this.#database.all(query, personId, phoneId).length > 0;
  }

  /** `phoneId` '': of the whole person. `kind` null: both. */
  months(personId: string, phoneId: string, kind: ShownKind | null): Array<{ month: string; count: number }> {
    return this.#database.all(
      `SELECT month, sum(count) AS count FROM month_count
       WHERE person_id = ? AND phone_id = ? AND count > 0 AND kind = coalesce(?, kind)
       GROUP BY month ORDER BY month DESC LIMIT ?`,
      personId,
      phoneId,
      kind,
      monthsMax,
    );
  }

  details(id: number): DetailsRow | undefined {
    return this.#database.all<DetailsRow>(detailsQuery, id)[0];
  }

  otherHalf(row: AssetRow): AssetRow | undefined {
    return this.#database.all<AssetRow>(
      `SELECT * FROM asset WHERE person_id = ? AND pair = ? AND id <> ? AND kind = ? AND state = 'present'
       ORDER BY id LIMIT 1`,
      row.person_id,
      row.pair,
      row.id,
      row.kind === 'photo' ? 'video' : 'photo',
    )[0];
  }

  itemsOf(assetId: number, limit: number): Array<{ phone_id: string; path: string }> {
    return this.#database.all(
      'SELECT phone_id, path FROM phone_item WHERE asset_id = ? ORDER BY id LIMIT ?',
      assetId,
      limit,
    );
  }
}

/** Beyond its ends nothing is looked for: a place outside the range is moved to its edge, with nothing at that moment. */
function within({ wall, id }: Place, { from, before }: Range, towards: 'older' | 'newer'): Place {
  const none = towards === 'older' ? 0 : Number.MAX_SAFE_INTEGER;
  if (wall >= before) return { wall: before, id: none };
  return wall < from ? { wall: from - 1, id: none } : { wall, id };
}
