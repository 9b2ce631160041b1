/**
 * The audit log as its readers see it: by pages with the names of people and phones, and whole as a file. What stands in
 * it came from strangers too: a file never carries a formula, a line break or a control character of theirs.
 */
import { setImmediate } from 'node:timers/promises';
import type { Database } from '../platform/database.ts';
import { CodedError } from '../platform/errors.ts';

/** Times in milliseconds since 1970, UTC. */
export type AuditLine = Readonly<{
  id: number;
  at: number;
  event: string;
  actor: string;
  /** Of the person or phone, as it is called now; null: it has none. */
  actorName: string | null;
  subject: string | null;
  subjectName: string | null;
  /** How often in that hour. */
  times: number;
  detail: Record<string, string | number | boolean>;
}>;
type Row = {
  id: number;
  at: number;
  event: string;
  actor: string;
  subject: string | null;
  times: number;
  detail: string;
};
export type ExportForm = 'csv' | 'jsonl';

const pageRows = 500;
const columns = ['time', 'event', 'actor', 'actor name', 'subject', 'subject name', 'times', 'detail'] as const;
// Control characters, line separators, and what turns text around on a terminal or in a viewer.
const dangerous = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;

export class AuditLog {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The newest first, from before `cursor` on. @throws {CodedError} `invalid-request` for a mark that the box did not give. */
  page(cursor: string | undefined, limit: number): { entries: AuditLine[]; next: string | null } {
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) {
      throw new CodedError('invalid-request', 'That is no place in this list. Begin at its first page.');
    }
    const entries = this.#before(cursor === undefined ? Number.MAX_SAFE_INTEGER : Number(cursor), limit + 1);
    const page = entries.slice(0, limit);
    return { entries: page, next: entries.length > limit ? String(page.at(-1)?.id ?? 0) : null };
  }

  /** All of it, the oldest first, in pieces of text. What is recorded meanwhile is left to the next one. */
  async *export(form: ExportForm): AsyncGenerator<string, void, undefined> {
    const last = this.#database.get<{ id: number | null }>('SELECT max(id) AS id FROM audit')?.id ?? 0;
    // RFC 4180, section 2: lines end with CRLF, and each field may stand in quotes.
    if (form === 'csv') yield `${columns.map(csvField).join(',')}\r\n`;
    for (let after = 0; ; ) {
      const rows = this.#database.all<Row>(
        'SELECT id, at, event, actor, subject, times, detail FROM audit WHERE id > ? AND id <= ? ORDER BY id LIMIT ?',
        after,
        last,
        pageRows,
      );
      const end = rows.at(-1);
      if (end === undefined) return;
      after = end.id;
      const lines = this.#named(rows);
      yield lines.map(form === 'csv' ? csvLine : jsonLine).join('');
      await setImmediate();
    }
  }

  #before(id: number, limit: number): AuditLine[] {
    return this.#named(
      this.#database.all<Row>(
        'SELECT id, at, event, actor, subject, times, detail FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?',
        id,
        limit,
      ),
    );
  }

  #named(rows: readonly Row[]): AuditLine[] {
    const known = new Map<string, string | null>();
    const nameOf = (text: string | null): string | null => {
      if (text === null) return null;
      const id = text.replace(/^(person|phone):/, '');
      const name = known.get(id) ?? this.#nameOf(id);
      known.set(id, name);
      return name;
    };
    return rows.map(({ detail, ...row }) => ({
      ...row,
      actorName: nameOf(row.actor),
      subjectName: nameOf(row.subject),
      detail: JSON.parse(detail) as AuditLine['detail'],
    }));
  }

  #nameOf(id: string): string | null {
    const person = this.#database.get<{ name: string }>('SELECT name FROM person WHERE id = ?', id);
    if (person !== undefined) return person.name;
    const phone = this.#database.get<{ name: string; person: string }>(
      'SELECT phone.name, person.name AS person FROM phone JOIN person ON person.id = person_id WHERE phone.id = ?',
      id,
    );
    return phone === undefined ? null : `${phone.name} of ${phone.person}`;
  }
}

/**
 * One field of a CSV file. Spreadsheets run what begins with = + - @, a tab or a line break: an apostrophe before it makes
 * it text (OWASP, "CSV Injection").
 */
export function csvField(value: string | number | null): string {
  const text = visible(String(value ?? ''));
  const harmless = typeof value === 'string' && /^[\s'"]*[=+\-@|%]/.test(text) ? `'${text}` : text;
  return `"${harmless.replaceAll('"', '""')}"`;
}

function csvLine(line: AuditLine): string {
  const { at, event, actor, actorName, subject, subjectName, times, detail } = line;
  const fields = [
    new Date(at).toISOString(),
    event,
    actor,
    actorName,
    subject,
    subjectName,
    times,
    JSON.stringify(detail),
  ];
  return `${fields.map(csvField).join(',')}\r\n`;
}

/** One line, whatever is in it: JSON escapes line ends by itself, and the rest that is dangerous in text here. */
function jsonLine({ at, ...line }: AuditLine): string {
  return `${visible(JSON.stringify({ time: new Date(at).toISOString(), ...line }))}\n`;
}

function visible(text: string): string {
  return text.replace(dangerous, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
