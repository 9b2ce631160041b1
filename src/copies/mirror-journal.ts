/**
 * What a mirror got since the copy of the catalogue on it was made: a line of JSON for each change, durable before the row
 * that says so. With that copy it is the catalogue of the mirror, also when the library's disk is dead. A new file is
 * begun after each copy of the catalogue; the last three are kept, as two copies of it are.
 */
import { constants } from 'node:fs';
import { open as openFile, readdir, unlink } from 'node:fs/promises';
import type { Disk } from '../disks/disk.ts';
import type { Database } from '../platform/database.ts';
import { type FolderMaker, ignoreMissing, syncFolder } from '../platform/durable-files.ts';

export const journalFolder = '.nightjar/mirrored';
const folder = journalFolder;
const nameForm = /^\d{15}\.jsonl$/;
const filesKept = 3;
const lineCharsMax = 1024 * 1024;
/** NONBLOCK: a pipe that stands in a file's place must not hold the reader. */
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Names that phones gave to one asset. */
const itemsMax = 200;

/**
 * `asset`: its row in the catalogue, where that changed since the copy. `copy`: where it lies on the mirror. `left`: it lies
 * there no more. `gone`: it was erased. `list`: how a folder's checksum list is called.
 */
export type JournalLine = Readonly<{
  asset?: Readonly<Record<string, string | number | null>>;
  person?: Readonly<{ id: string; name: string; folder: string }>;
  items?: ReadonlyArray<Readonly<Record<string, string | number | null>>>;
  copy?: Readonly<{ id: number; path: string; size: number; at: number }>;
  left?: number;
  gone?: number;
  list?: Readonly<{ folder: string; name: string }>;
}>;

export class MirrorJournal {
  readonly #disk: Disk;
  readonly #folders: FolderMaker;
  #name: string | undefined;
  #bytes = 0;

  constructor(disk: Disk, folders: FolderMaker) {
    this.#disk = disk;
    this.#folders = folders;
  }

  /** Of the file that is written to now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Durable when it returns. */
  async append(lines: readonly JournalLine[]): Promise<void> {
    if (lines.length === 0) return;
    await this.#folders.make(folder);
    const name = this.#name ?? (await this.#names()).at(-1) ?? nameOf(1);
    const file = await openFile(this.#disk.resolve(`${folder}/${name}`), 'a', 0o600);
    try {
      const { size } = await file.stat();
      // A line that a plug left half-written ends here, and is nobody's.
      await file.writeFile(`${size > 0 ? '\n' : ''}${lines.map((line) => JSON.stringify(line)).join('\n')}`);
      await file.datasync();
      this.#bytes = (await file.stat()).size;
    } finally {
      await file.close();
    }
    if (this.#name === undefined) await syncFolder(this.#disk.resolve(folder));
    this.#name = name;
  }

  /** After a new copy of the catalogue is durable. */
  async beginAnew(): Promise<void> {
    await this.#folders.make(folder);
    const names = await this.#names();
    this.#name = nameOf(Number(names.at(-1)?.slice(0, 15) ?? 0) + 1);
    this.#bytes = 0;
    const file = await openFile(this.#disk.resolve(`${folder}/${this.#name}`), 'w', 0o600);
    await file.close();
    await syncFolder(this.#disk.resolve(folder));
    for (const old of names.slice(0, Math.max(0, names.length + 1 - filesKept))) {
      await unlink(this.#disk.resolve(`${folder}/${old}`)).catch(ignoreMissing);
    }
  }

  /** Every line, the oldest first; what is none is passed over. */
  async *lines(): AsyncGenerator<JournalLine, void, undefined> {
    for (const name of await this.#names()) {
      const file = await openFile(this.#disk.resolve(`${folder}/${name}`), readFlags);
      try {
        if (!(await file.stat()).isFile()) continue;
        for await (const text of shortLines(file.createReadStream({ encoding: 'utf8', autoClose: false }))) {
          const line = lineOf(text);
          if (line !== undefined) yield line;
        }
      } finally {
        await file.close();
      }
    }
  }

  async #names(): Promise<string[]> {
    const names = (await readdir(this.#disk.resolve(folder)).catch(ignoreMissing)) ?? [];
    return names.filter((name) => nameForm.test(name)).sort();
  }
}

/** What is longer than any of ours is passed over, and not held. */
async function* shortLines(input: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  let rest = '';
  let tooLong = false;
  for await (const chunk of input) {
    const lines = chunk.split('\n');
    for (const [index, text] of lines.entries()) {
      if (index > 0) {
        if (!tooLong) yield rest;
        rest = '';
        tooLong = false;
      }
      tooLong ||= rest.length + text.length > lineCharsMax;
      rest = tooLong ? '' : rest + text;
    }
  }
  if (!tooLong) yield rest;
}

/** All that the catalogue says of an asset just now. */
export function factsOfAsset(database: Database, id: number): Pick<JournalLine, 'asset' | 'person' | 'items'> {
  const asset = database.get<Record<string, unknown>>('SELECT * FROM asset WHERE id = ?', id);
  if (asset === undefined) return {};
  const person = database.get<{ id: string; name: string; folder: string }>(
    'SELECT id, name, folder FROM person WHERE id = ?',
    asset['person_id'],
  );
  const items = database.all<Record<string, unknown>>(
    `SELECT * FROM phone_item WHERE asset_id = ? ORDER BY id LIMIT ${itemsMax}`,
    id,
  );
  return { asset: plain(asset), ...(person && { person }), items: items.map(plain) };
}

function plain(row: Record<string, unknown>): Record<string, string | number | null> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      Buffer.isBuffer(value) ? value.toString('hex') : (value as string | number | null),
    ]),
  );
}

function lineOf(text: string): JournalLine | undefined {
  try {
    const line: unknown = JSON.parse(text);
    return typeof line === 'object' && line !== null ? (line as JournalLine) : undefined;
  } catch {
    return undefined;
  }
}

function nameOf(number: number): string {
  return `${String(number).padStart(15, '0')}.jsonl`;
}
