/**
 * The browsers on which a person has signed in whole. Each holds a token of 256 random bits in a cookie of its own, which
 * opens nothing: it only says whose failures are counted apart. The box keeps its SHA-256.
 */
import { createHash } from 'node:crypto';
import type { Statement } from '../platform/database.ts';
import { randomUuid } from '../platform/identifiers.ts';
import type { PartOptions } from './parts.ts';

export type MetBrowser = Readonly<{ id: string; token: string; isNew: boolean }>;

const perPersonMax = 20;
const tokenBytes = 32;
/** As long as browsers keep a cookie. */
export const knownBrowserMs = 400 * 24 * 60 * 60_000;

export class KnownBrowsers {
  readonly #options: Pick<PartOptions, 'now' | 'randomBytes'>;
  readonly #find: Statement<[Buffer, string], { id: string; last_used_at: number }>;
  readonly #someones: Statement<[Buffer], { n: number }>;
  readonly #ids: Statement<[string], { id: string }>;
  readonly #insert: Statement<[string, Buffer, string, number, number]>;
  readonly #touch: Statement<[number, string]>;
  readonly #surplus: Statement<[string, number], { id: string }>;
  readonly #remove: Statement<[string]>;

  constructor(options: Pick<PartOptions, 'database' | 'now' | 'randomBytes'>) {
    this.#options = options;
    const { database } = options;
    this.#find = database.prepare(
      'SELECT id, last_used_at FROM known_browser WHERE token_sha256 = ? AND person_id = ?',
    );
    this.#someones = database.prepare('SELECT count(*) AS n FROM known_browser WHERE token_sha256 = ?');
    this.#ids = database.prepare('SELECT id FROM known_browser WHERE person_id = ?');
    this.#insert = database.prepare(
      'INSERT INTO known_browser (id, token_sha256, person_id, created_at, last_used_at) VALUES (?, ?, ?, ?, ?)',
    );
    this.#touch = database.prepare('UPDATE known_browser SET last_used_at = ? WHERE id = ?');
    this.#surplus = database.prepare(
      'SELECT id FROM known_browser WHERE person_id = ? ORDER BY last_used_at DESC, rowid DESC LIMIT -1 OFFSET ?',
    );
    this.#remove = database.prepare('DELETE FROM known_browser WHERE id = ?');
  }

  /** The id of the person's browser that holds this token. For an unknown person, the same work and nothing. */
  idOf(token: string | undefined, personId: string): string | undefined {
    const row = this.#find.get(digestOf(token ?? ''), personId);
    // No `abs`: a clock that was set back does not make a browser a stranger.
    return row !== undefined && this.#options.now() - row.last_used_at < knownBrowserMs ? row.id : undefined;
  }

  idsOf(personId: string): string[] {
    return this.#ids.all(personId).map(({ id }) => id);
  }

  /**
   * Makes this browser known to the person, or keeps it so. Several people may share a browser, and its one token. The
   * longest unused above 20 go. Only inside `database.write`.
   */
  meetInWrite(token: string | undefined, personId: string): MetBrowser {
    const { now, randomBytes } = this.#options;
    const known = this.idOf(token, personId);
    if (token !== undefined && known !== undefined) {
      this.#touch.run(now(), known);
      return { id: known, token, isNew: false };
    }
    // Never a token that the box did not make.
    const shared = token !== undefined && this.#isSomeones(token) && !this.#isOwn(token, personId);
    const made = shared ? token : randomBytes(tokenBytes).toString('base64url');
    const id = randomUuid(randomBytes);
    this.#insert.run(id, digestOf(made), personId, now(), now());
    for (const old of this.#surplus.all(personId, perPersonMax)) this.#remove.run(old.id);
    return { id, token: made, isNew: true };
  }

  #isSomeones(token: string): boolean {
    return (this.#someones.get(digestOf(token))?.n ?? 0) > 0;
  }

  #isOwn(token: string, personId: string): boolean {
    return this.#find.get(digestOf(token), personId) !== undefined;
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
