/**
 * Owns imports: photos of other disks and folders, copied into a person's library by the way that a phone's files take.
 * Never writes, moves or follows anything on the other disk; never reads the box's own library or state.
 * Called by its own routes, and by the composition root.
 *
 * One at a time. How far one came is in the rows of its files alone, as with a phone: it goes through the folder again
 * after any end, and what it brought before is known by name, size and time. What is in its way makes it wait, and it
 * tries again by itself.
 */
import type { Caller, ConsoleCaller, PersonCaller } from '../http/caller.ts';
import type { Library } from '../library/library.ts';
import type { OpenLibrary } from '../library/open-library.ts';
import { CodedError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import type { UploadOwner } from '../uploads/upload.ts';
import type { Uploads } from '../uploads/uploads.ts';
import type { ImportReport, ImportView } from './contract.ts';
import { ImportRunner } from './runner.ts';
import { anyFolder, holdsLibrary, Source, type SourceDeps } from './sources.ts';
import { type ImportRow, ImportStore } from './store.ts';
import { emptyReport } from './tally.ts';

type Person = Readonly<{ id: string; name: string; folder: string }>;
export type AskedImport = Readonly<{ source: string; folder: string; person?: string; allFiles?: boolean }>;

export type ImportsDeps = Readonly<{
  library: Library;
  uploads: Uploads;
  sources: SourceDeps;
  personByName: (name: string) => Person | undefined;
  /** Undefined: this person is not on the box any more. */
  ownerOf: (importId: string, personId: string) => UploadOwner | undefined;
  record: (entry: { event: string; actor: string; subject: string; detail: Record<string, string> }) => Promise<void>;
  actorOf: (caller: Caller) => string;
  now: () => number;
  randomUuid: () => string;
  log: Pick<Logger, 'info' | 'warn'>;
}>;

const idStart = 'import-';
const nameLettersMax = 60;
const unendedMax = 20;

/** Whether an id that stands where a phone's does is an import's. */
export function isImport(phoneId: string): boolean {
  return phoneId.startsWith(idStart);
}

export class Imports {
  readonly #deps: ImportsDeps;
  readonly #stores = new WeakMap<OpenLibrary, ImportStore>();
  readonly #runner: ImportRunner;

  constructor(deps: ImportsDeps) {
    this.#deps = deps;
    this.#runner = new ImportRunner({ ...deps, rowsOf: (open) => this.#rows(open) });
  }

  /** From here on imports go on in each library that opens, until it closes. Call before it is opened. */
  open(): void {
    this.#runner.open();
  }

  /**
   * Begins one, durably when it returns. @throws {CodedError} `forbidden` (another person's, or the box's own folder),
   * `not-found`, `invalid-request`, `conflict` (too many), `disk-missing`, `not-set-up`
   */
  async begin(caller: PersonCaller | ConsoleCaller, asked: AskedImport): Promise<ImportView> {
    const { library, sources, now, randomUuid, record, actorOf } = this.#deps;
    const person = this.#personFor(caller, asked.person);
    if (asked.source === anyFolder && caller.kind !== 'console') {
      throw new CodedError(
        'forbidden',
        'Only somebody at the box’s console imports from its folders. Nothing was begun.',
      );
    }
    if (!seesAll(caller) && (await holdsLibrary(sources, asked.source))) {
      throw new CodedError(
        'forbidden',
        'This disk holds the library of a Nightjar box, and so other people’s photos: only the owner imports from it. Nothing was begun.',
      );
    }
    const source = await Source.open(sources, asked);
    await source.close();
    const id = `${idStart}${randomUuid()}`;
    return await this.#inLibrary(library.current(), async (open, rows) => {
      await library.ensurePerson(open, person);
      await open.database.write(() => {
        if (rows.unended() >= unendedMax) throw tooMany(unendedMax);
        rows.begin({
          id,
          person_id: person.id,
          person: person.name,
          name: nameFor(asked),
          source: asked.source,
          folder: asked.folder,
          all_files: asked.allFiles === true ? 1 : 0,
          by_whom: actorOf(caller),
          state: 'running',
          reason: null,
          next_at: 0,
          tries: 0,
          report: JSON.stringify(emptyReport()),
          created_at: now(),
          ended_at: null,
        });
      });
      // The folder's name is its person's alone.
      await record({ event: 'import-begun', actor: actorOf(caller), subject: person.id, detail: { id } });
      this.#runner.wake();
      return this.#view(caller, this.#require(rows, caller, id));
    });
  }

  /** The newest first; a member's own. @throws {CodedError} `disk-missing`, `not-set-up` */
  async list(caller: PersonCaller | ConsoleCaller): Promise<ImportView[]> {
    const whose = seesAll(caller) ? null : caller.personId;
    return await this.#inLibrary(this.#deps.library.current(), (_open, rows) =>
      rows.list(whose).map((row) => this.#view(caller, row)),
    );
  }

  /** @throws {CodedError} `not-found`, also for another person's; `disk-missing` */
  async get(caller: PersonCaller | ConsoleCaller, id: string): Promise<ImportView> {
    return await this.#inLibrary(this.#deps.library.current(), (_open, rows) =>
      this.#view(caller, this.#require(rows, caller, id)),
    );
  }

  /** What it brought stays. One that had ended stays as it ended. @throws {CodedError} as `get` */
  async stop(caller: PersonCaller | ConsoleCaller, id: string): Promise<ImportView> {
    const { library, now, record, actorOf } = this.#deps;
    return await this.#inLibrary(library.current(), async (open, rows) => {
      const { person_id: subject } = this.#require(rows, caller, id);
      const ended = await open.database.write(() => rows.end(id, { state: 'stopped', at: now() }));
      await this.#runner.stop((row) => row.id === id);
      if (ended) await record({ event: 'import-stopped', actor: actorOf(caller), subject, detail: { id } });
      return this.#view(caller, this.#require(rows, caller, id));
    });
  }

  /** As `ImportRunner.letGo`. */
  async letGo(source: string): Promise<void> {
    await this.#runner.letGo(source);
  }

  /** Ends every import for a person whose data is being deleted; nothing comes of them when it returns. */
  async endOf(open: OpenLibrary, personId: string): Promise<void> {
    await open.database.write(() => this.#rows(open).endOf(personId, this.#deps.now()));
    await this.#runner.stop((row) => row.person_id === personId);
  }

  /** Whose files an import brings; undefined: there is no such import now. For uploads. */
  ownerOf(importId: string): UploadOwner | undefined {
    const row = this.#rowOf(importId);
    return row && this.#deps.ownerOf(importId, row.person_id);
  }

  /** As of a phone, for what is shown of a file. */
  namesOf(importId: string): { phone: string; person: string } {
    const row = this.#rowOf(importId);
    return { phone: row?.name ?? '', person: row?.person ?? '' };
  }

  #rowOf(id: string): ImportRow | undefined {
    try {
      return this.#rows(this.#deps.library.current()).import(id);
    } catch {
      return undefined;
    }
  }

  #personFor(caller: PersonCaller | ConsoleCaller, name: string | undefined): Person {
    if (name === undefined && caller.kind === 'console') {
      throw new CodedError('invalid-request', 'Say whose photos these are. Nothing was begun.');
    }
    const own = caller.kind === 'person' ? this.#deps.ownerOf('', caller.personId)?.person : undefined;
    const person = name === undefined ? own : this.#deps.personByName(name);
    if (!seesAll(caller) && person?.id !== caller.personId) {
      throw new CodedError('forbidden', 'Only the owner imports photos for other people. Nothing was begun.');
    }
    if (person !== undefined) return person;
    throw new CodedError(
      'not-found',
      `Nobody on this box is called “${name ?? ''}”. Nothing was begun; add them first.`,
    );
  }

  async #inLibrary<T>(open: OpenLibrary, ask: (open: OpenLibrary, rows: ImportStore) => T | Promise<T>): Promise<T> {
    try {
      return await ask(open, this.#rows(open));
    } catch (error) {
      throw await this.#deps.library.failed(open, error);
    }
  }

  #rows(open: OpenLibrary): ImportStore {
    const known = this.#stores.get(open) ?? new ImportStore(open.database);
    this.#stores.set(open, known);
    return known;
  }

  #require(rows: ImportStore, caller: PersonCaller | ConsoleCaller, id: string): ImportRow {
    const row = rows.import(id);
    if (row !== undefined && (seesAll(caller) || row.person_id === caller.personId)) return row;
    throw new CodedError('not-found', 'There is no such import.');
  }

  /** Names of files and folders are their person's alone. */
  #view(caller: PersonCaller | ConsoleCaller, row: ImportRow): ImportView {
    const own = caller.kind === 'console' || caller.personId === row.person_id;
    const live = row.state === 'running' ? this.#runner.reportOf(row.id) : undefined;
    const report = live ?? (JSON.parse(row.report) as ImportReport);
    return {
      id: row.id,
      name: own ? row.name : '',
      person: row.person,
      personId: row.person_id,
      source: row.source,
      folder: own ? row.folder : null,
      allFiles: row.all_files === 1,
      state: row.state,
      reason: row.reason,
      nextAt: row.state === 'waiting' ? row.next_at : null,
      createdAt: row.created_at,
      endedAt: row.ended_at,
      report: own ? report : { ...report, problems: [], problemsMore: report.problems.length + report.problemsMore },
    };
  }
}

function seesAll(caller: PersonCaller | ConsoleCaller): caller is ConsoleCaller | (PersonCaller & { role: 'owner' }) {
  return caller.kind === 'console' || caller.role === 'owner';
}

/** What stands where a phone's name does. */
function nameFor({ source, folder }: AskedImport): string {
  const last = folder.split('/').findLast((part) => part !== '') ?? source;
  return [...last].slice(0, nameLettersMax).join('');
}

function tooMany(max: number): CodedError {
  return new CodedError(
    'conflict',
    `There are ${max} imports under way already. Stop one, or let one end. Nothing was begun.`,
  );
}
