/**
 * The rows of pictures, in the library's catalogue. Private to the media room.
 *
 * All writes are relaxed: a picture that a power cut takes back is made again.
 */
import type { Database } from '../platform/database.ts';

export type WantedRow = { id: number; person_id: string; path: string; kind: 'photo' | 'video'; attempts: number };

export type PictureRow = {
  state: 'wanted' | 'ready' | 'refused';
  reason: string | null;
  motion_offset: number | null;
  motion_length: number | null;
  grid_bytes: number | null;
  preview_bytes: number | null;
  made_at: number | null;
};

/** What was made, or found out while making it. Lengths in bytes, sizes in pixels. */
export type Made = {
  width: number;
  height: number;
  durationMs: number | null;
  thumbhash: Buffer | null;
  motion: { offset: number; length: number } | null;
  gridBytes: number;
  previewBytes: number;
};

export type RefusedPicture = { id: number; path: string; code: string; reason: string };
export type PictureCounts = { wanted: number; ready: number; refused: number };

const wantedQuery = `SELECT asset.id, asset.person_id, asset.path, asset.kind, picture.attempts
  FROM picture JOIN asset ON asset.id = picture.asset_id
  WHERE picture.state = 'wanted' AND asset.state = 'present'`;

/** By this index alone: another would be read whole, and sorted, for each slice. */
const sliceQuery = `SELECT id FROM asset INDEXED BY asset_by_person
  WHERE person_id = ? AND state = 'present' AND id > ? ORDER BY id LIMIT ?`;

export class PictureStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  picture(assetId: number): PictureRow | undefined {
    return this.#database
      .prepare<[number], PictureRow>(
        `SELECT state, reason, motion_offset, motion_length, grid_bytes, preview_bytes, made_at
         FROM picture WHERE asset_id = ?`,
      )
      .get(assetId);
  }

  wanted(assetId: number): WantedRow | undefined {
    return this.#database.prepare<[number], WantedRow>(`${wantedQuery} AND asset.id = ?`).get(assetId);
  }

  nextWanted(now: number): WantedRow | undefined {
    return this.#database
      .prepare<[number], WantedRow>(
        `${wantedQuery} AND picture.run_after <= ? ORDER BY picture.run_after, picture.asset_id LIMIT 1`,
      )
      .get(now);
  }

  /** Written before the try: one that takes the whole box down has been counted. */
  noteAttempt(assetId: number, runAfter: number): void {
    this.#database.writeRelaxed((prepare) =>
      prepare('UPDATE picture SET attempts = attempts + 1, run_after = ? WHERE asset_id = ?').run(runAfter, assetId),
    );
  }

  /** A try that was interrupted by no fault of the file. */
  takeAttemptBack(assetId: number): void {
    this.#database.writeRelaxed((prepare) =>
      prepare('UPDATE picture SET attempts = max(0, attempts - 1), run_after = 0 WHERE asset_id = ?').run(assetId),
    );
  }

  putReady(assetId: number, made: Made, now: number): void {
    this.#database.writeRelaxed((prepare) =>
      prepare(
        `UPDATE picture SET state = 'ready', code = NULL, reason = NULL, width = ?, height = ?, duration_ms = ?,
           thumbhash = ?, motion_offset = ?, motion_length = ?, grid_bytes = ?, preview_bytes = ?, made_at = ?
         WHERE asset_id = ?`,
      ).run(
        made.width,
        made.height,
        made.durationMs,
        made.thumbhash,
        made.motion?.offset ?? null,
        made.motion?.length ?? null,
        made.gridBytes,
        made.previewBytes,
        now,
        assetId,
      ),
    );
  }

  putRefused(assetId: number, code: string, reason: string, found: Pick<Made, 'durationMs' | 'motion'>): void {
    this.#database.writeRelaxed((prepare) =>
      prepare(
        `UPDATE picture SET state = 'refused', code = ?, reason = ?, duration_ms = ?, motion_offset = ?,
           motion_length = ?, grid_bytes = NULL, preview_bytes = NULL, made_at = NULL WHERE asset_id = ?`,
      ).run(code, reason, found.durationMs, found.motion?.offset ?? null, found.motion?.length ?? null, assetId),
    );
  }

  /** Its file was lost: it is made again. What is known of it stays until then. */
  putWanted(assetId: number): void {
    this.#database.writeRelaxed((prepare) =>
      prepare("UPDATE picture SET state = 'wanted', attempts = 0, run_after = 0 WHERE asset_id = ?").run(assetId),
    );
  }

  /** A slice of a person's pictures, after `afterId`, is wanted anew. Returns the last id, or undefined at the end. */
  putSliceWanted(personId: string, afterId: number, limit: number): number | undefined {
    return this.#database.writeRelaxed((prepare) => {
      const { last } = prepare(`SELECT max(id) AS last FROM (${sliceQuery})`).get(personId, afterId, limit) as {
        last: number | null;
      };
      if (last === null) return undefined;
      prepare(`UPDATE picture SET state = 'wanted', attempts = 0, run_after = 0 WHERE asset_id IN (${sliceQuery})`).run(
        personId,
        afterId,
        limit,
      );
      return last;
    });
  }

  /** Refused for want of a program that may have been installed since. */
  putWantedAfterRefusal(code: string): void {
    this.#database.writeRelaxed((prepare) =>
      prepare(
        "UPDATE picture SET state = 'wanted', attempts = 0, run_after = 0 WHERE state = 'refused' AND code = ?",
      ).run(code),
    );
  }

  forget(assetId: number): void {
    this.#database.writeRelaxed((prepare) => prepare('DELETE FROM picture WHERE asset_id = ?').run(assetId));
  }

  /** The other, moving half of a still, if it is there. */
  movingHalf(assetId: number): number | undefined {
    return this.#database
      .prepare<[number], { id: number }>(
        `SELECT video.id FROM asset AS still
         JOIN asset AS video ON video.person_id = still.person_id AND video.pair = still.pair
         WHERE still.id = ? AND still.kind = 'photo' AND video.kind = 'video' AND video.state = 'present'
         ORDER BY video.id LIMIT 1`,
      )
      .get(assetId)?.id;
  }

  /** Adds a slice of a person's files, after `afterId`, to `counts`. Returns the last id, or undefined at the end. */
  countSlice(personId: string, afterId: number, limit: number, counts: PictureCounts): number | undefined {
    const rows = this.#database
      .prepare<[string, number, number], { state: keyof PictureCounts | null; n: number; last: number }>(
        `SELECT picture.state, count(*) AS n, max(slice.id) AS last
         FROM (${sliceQuery}) AS slice LEFT JOIN picture ON picture.asset_id = slice.id GROUP BY picture.state`,
      )
      .all(personId, afterId, limit);
    for (const { state, n } of rows) if (state !== null) counts[state] += n;
    return rows.length === 0 ? undefined : Math.max(...rows.map(({ last }) => last));
  }

  refused(personId: string, limit: number): RefusedPicture[] {
    return this.#database
      .prepare<[string, number], RefusedPicture>(
        `SELECT asset.id, asset.path, picture.code, picture.reason
         FROM picture CROSS JOIN asset ON asset.id = picture.asset_id
         WHERE picture.state = 'refused' AND asset.person_id = ? AND asset.state = 'present'
         ORDER BY asset.id DESC LIMIT ?`,
      )
      .all(personId, limit);
  }
}
