/**
 * Holds a library's catalogue against its disk, both ways: every row has its file with its bytes, every file in view
 * has its row, every received file is known, the trash has what is in the trash and nothing else, and no checksum list
 * names what is not in its place. Reads only; the daemon may run, but nobody may send meanwhile.
 */
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';

const quietMsMax = 20_000;
/** A try that ended without an answer is made again after a minute. */
const picturesMsMax = 120_000;

type AssetRow = { id: number; path: string; size: number; sha256: string; state: string };
type ListRow = { folder: string; name: string };

export class CatalogueCheck {
  readonly #diskDir: string;
  /** Hashed before and found right; synced bytes are read once, unless everything is asked for. */
  readonly #hashed = new Set<string>();

  constructor(diskDir: string) {
    this.#diskDir = diskDir;
  }

  /** Waits until nothing is being published or moved: what start-up found whole is finished in the background. */
  quiet(): Promise<void> {
    return this.#until((catalogue) => [
      ...publishing(catalogue),
      ...relocating(catalogue),
      ...this.#wholeUploads(catalogue),
    ]);
  }

  /** Waits until no picture is still to be made: what makes them writes at any time. */
  picturesMade(): Promise<void> {
    return this.#until(
      (catalogue) =>
        catalogue
          .prepare<[], { id: number }>("SELECT asset_id AS id FROM picture WHERE state = 'wanted'")
          .all()
          .map(({ id }) => `the picture of ${id}`),
      picturesMsMax,
    );
  }

  /**
   * What is wrong, a sentence each; empty when all is well. `everything`: hashes also what was hashed before. `strays`: files
   * in view may have no row, where they are what a row has under another name.
   */
  async whatIsWrong(options: { everything: boolean; strays?: boolean }): Promise<string[]> {
    if (options.everything) this.#hashed.clear();
    const { assets, receiving, lists, damage } = this.#read((catalogue) => ({
      assets: catalogue
        .prepare<[], AssetRow>('SELECT id, path, size, lower(hex(sha256)) AS sha256, state FROM asset')
        .all(),
      receiving: new Set(
        catalogue
          .prepare<[], { id: string }>("SELECT id FROM upload WHERE state = 'receiving'")
          .all()
          .map(({ id }) => id),
      ),
      lists: listsOf(catalogue),
      damage: [...integrityOf(catalogue), ...miscounted(catalogue), ...misused(catalogue)],
    }));
    const wrong = damage.map((it) => `catalogue damaged: ${it}`);
    for (const asset of assets) wrong.push(...(await this.#wrongWithRow(asset)));
    const present = new Map(assets.filter(({ state }) => state === 'present').map((asset) => [asset.path, asset]));
    const inView = await this.filesInView();
    // Written by a job at any time, its row before its file: so asked before and after the look at the disk.
    const listed = [...lists, ...this.#read(listsOf)];
    const known = new Set([...present.keys(), ...listed.map(({ folder, name }) => `${folder}/${name}`)]);
    const sums = new Set(options.strays === true ? assets.map(({ sha256 }) => sha256) : []);
    for (const path of inView) {
      if (known.has(path) || (sums.size > 0 && sums.has(await hashOfFile(join(this.#diskDir, path))))) continue;
      wrong.push(`file without row: ${path}`);
    }
    for (const name of await readdir(join(this.#diskDir, '.nightjar/incoming'))) {
      if (!receiving.has(name)) wrong.push(`received file without row: ${name}`);
    }
    const trashed = new Set(assets.filter(({ state }) => state === 'trashed').map(({ id }) => String(id)));
    for (const name of await readdir(join(this.#diskDir, '.nightjar/trash')).catch(() => [])) {
      if (!trashed.has(name)) wrong.push(`file in the trash that is not in the trash: ${name}`);
    }
    for (const list of lists) wrong.push(...(await this.#wrongWithList(list, present)));
    return wrong;
  }

  /** The checksum that the catalogue has for what a phone sent, by `<phone id> <path>`. */
  items(): Map<string, string> {
    const rows = this.#read((catalogue) =>
      catalogue
        .prepare<[], { item: string; sha256: string }>(
          `SELECT phone_id || ' ' || phone_item.path AS item, lower(hex(sha256)) AS sha256
           FROM phone_item JOIN asset ON asset.id = asset_id`,
        )
        .all(),
    );
    return new Map(rows.map(({ item, sha256 }) => [item, sha256]));
  }

  /** Every file under Photos and Files, relative to the disk. */
  async filesInView(): Promise<string[]> {
    const found: string[] = [];
    for (const top of ['Photos', 'Files']) {
      const folder = join(this.#diskDir, top);
      const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
      for (const entry of entries) {
        if (!entry.isDirectory()) found.push(join(entry.parentPath, entry.name).slice(this.#diskDir.length + 1));
      }
    }
    return found.sort();
  }

  async #wrongWithRow(asset: AssetRow): Promise<string[]> {
    if (asset.state === 'deleted') return [];
    if (asset.state !== 'present' && asset.state !== 'trashed') return [`row in state ${asset.state}: ${asset.path}`];
    const file = join(this.#diskDir, asset.state === 'present' ? asset.path : `.nightjar/trash/${asset.id}`);
    const size = await stat(file).then(
      (facts) => facts.size,
      () => undefined,
    );
    if (size === undefined) return [`row (${asset.state}) without file: ${asset.path}`];
    if (size !== asset.size) return [`row of ${asset.size} bytes, file of ${size}: ${asset.path}`];
    const content = `${asset.sha256} ${asset.path}`;
    if (this.#hashed.has(content)) return [];
    if ((await hashOfFile(file)) !== asset.sha256) return [`row with other bytes in its file: ${asset.path}`];
    this.#hashed.add(content);
    return [];
  }

  /** A list may be behind with what came; it must not name what is not there, or say other bytes of it. */
  async #wrongWithList({ folder, name }: ListRow, present: ReadonlyMap<string, AssetRow>): Promise<string[]> {
    const text = await readFile(join(this.#diskDir, folder, name), 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '' && present.get(`${folder}/${line.slice(66)}`)?.sha256 !== line.slice(0, 64))
      .map((line) => `${folder}/${name} names what is not there: ${line}`);
  }

  /** Unfinished uploads of which every byte is there, and known to be whole. */
  #wholeUploads(catalogue: Sqlite.Database): string[] {
    return catalogue
      .prepare<[], { id: string; length: number }>(
        "SELECT id, length FROM upload WHERE state = 'receiving' AND synced = length",
      )
      .all()
      .filter(({ id, length }) => {
        const facts = statSync(join(this.#diskDir, '.nightjar/incoming', id), { throwIfNoEntry: false });
        return facts?.size === length;
      })
      .map(({ id }) => `upload ${id}`);
  }

  async #until(waitingFor: (catalogue: Sqlite.Database) => string[], waitMsMax = quietMsMax): Promise<void> {
    const deadline = Date.now() + waitMsMax;
    for (;;) {
      const waiting = this.#read(waitingFor);
      if (waiting.length === 0) return;
      if (Date.now() > deadline) {
        throw new Error(
          `Not driven to their end within ${waitMsMax} ms of the start: ${waiting.slice(0, 5).join(', ')}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  #read<T>(read: (catalogue: Sqlite.Database) => T): T {
    const catalogue = new Sqlite(join(this.#diskDir, '.nightjar/library.sqlite'), { readonly: true, timeout: 5_000 });
    try {
      return read(catalogue);
    } finally {
      catalogue.close();
    }
  }
}

function listsOf(catalogue: Sqlite.Database): ListRow[] {
  return catalogue.prepare<[], ListRow>('SELECT folder, name FROM checksum_list WHERE name IS NOT NULL').all();
}

/** What SQLite's own check finds wrong in the database at `path`. */
export function damageOf(path: string): string[] {
  const database = new Sqlite(path, { readonly: true, timeout: 5_000 });
  try {
    return integrityOf(database);
  } finally {
    database.close();
  }
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash.digest('hex');
}

function publishing(catalogue: Sqlite.Database): string[] {
  return catalogue
    .prepare<[], { path: string }>('SELECT path FROM publishing JOIN asset ON asset.id = asset_id')
    .all()
    .map(({ path }) => `publishing of ${path}`);
}

function relocating(catalogue: Sqlite.Database): string[] {
  return catalogue
    .prepare<[], { path: string }>('SELECT path FROM relocation JOIN asset ON asset.id = asset_id')
    .all()
    .map(({ path }) => `moving of ${path}`);
}

/** Phones whose kept counts are not what counting gives. */
function miscounted(catalogue: Sqlite.Database): string[] {
  const found = catalogue.prepare<[], { phone_id: string }>(
    `SELECT phone_id FROM (
       SELECT phone_id, count(*), count(*) FILTER (WHERE state = 'present'),
         count(*) FILTER (WHERE refusal IS NOT NULL OR state IN ('trashed', 'deleted')),
         count(*) FILTER (WHERE state IN ('trashed', 'deleted'))
       FROM phone_item LEFT JOIN asset ON asset.id = asset_id WHERE folder = 0 GROUP BY phone_id
       EXCEPT SELECT phone_id, seen, safe, refused, deleted FROM phone_standing)`,
  );
  return found.all().map(({ phone_id }) => `what is counted of phone ${phone_id} is wrong`);
}

/** People whose kept sums are not what adding up gives. A catalogue of a release before keeps none. */
function misused(catalogue: Sqlite.Database): string[] {
  const kept = catalogue.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'person_usage'").get();
  if (kept === undefined) return [];
  const found = catalogue.prepare<[], { person_id: string }>(
    `SELECT DISTINCT person_id FROM (
       SELECT person_id, count(*) AS files, sum(size) AS bytes FROM asset
       WHERE state IN ('publishing', 'present', 'damaged', 'trashed') GROUP BY person_id
       EXCEPT SELECT person_id, files, bytes FROM person_usage)
     UNION SELECT person_id FROM person_usage WHERE files <> 0 AND person_id NOT IN (
       SELECT person_id FROM asset WHERE state IN ('publishing', 'present', 'damaged', 'trashed'))`,
  );
  return found.all().map(({ person_id }) => `what person ${person_id} uses is wrong`);
}

function integrityOf(database: Sqlite.Database): string[] {
  const found = database.prepare<[], { integrity_check: string }>('PRAGMA integrity_check').all();
  return found.map((row) => row.integrity_check).filter((text) => text !== 'ok');
}
