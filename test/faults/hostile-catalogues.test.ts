/**
 * Catalogues that came with somebody else's disk and were made to do harm: cut off, of the future, changed anywhere, with
 * schemas of their own. Each gets its word before anything of it is run, and nothing else is touched.
 */
import { copyFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkCatalogue } from '../../src/copies/catalogue-check.ts';
import { Database } from '../../src/platform/database.ts';
import { rounds, suiteSeed } from '../support/counts.ts';
import { Random } from '../support/random.ts';
import { recordResult } from '../support/results.ts';

const migrationsDir = new URL('../../src/schema/library', import.meta.url).pathname;
const id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa';

describe('a hostile catalogue', () => {
  const seed = suiteSeed('hostile catalogues');
  let dir = '';
  /** Lies beside the disk, and is nobody's business. */
  let secret = '';
  let right = '';
  let disk = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'njc-'));
    secret = join(dir, 'secret');
    mkdirSync(secret);
    writeFileSync(join(secret, 'private.jpg'), 'of nobody else');
    disk = join(dir, 'catalogue');
    mkdirSync(join(disk, '.nightjar'), { recursive: true });
    right = join(dir, 'right.sqlite');
    const database = Database.open(right, { migrationsDir, create: true });
    await database.write(() => {
      database.run('INSERT INTO person VALUES (?, ?, ?)', id, 'Alice', 'Alice');
      for (let n = 1; n <= 500; n += 1) {
        const path = `Photos/Alice/2025/2025-07/${n}.jpg`;
        database.run(
          `INSERT INTO asset (person_id, path, path_key, kind, media_type, size, sha256, captured_at, captured_local,
             captured_from, state, added_at)
           VALUES (?, ?, ?, 'photo', 'image/jpeg', 1, ?, 1, '2025-07-14T09:30:00', 'metadata', 'present', 1)`,
          ...[id, path, path.toLowerCase(), Buffer.alloc(32, `${n}`.padStart(32, 'x'))],
        );
      }
    });
    database.close();
  });
  afterAll(async () => {
    if (dir !== '') await rm(dir, { recursive: true, force: true });
  });
  const file = () => join(disk, '.nightjar/library.sqlite');
  async function verdictOn(make: (path: string) => void): Promise<string[]> {
    for (const name of readdirSync(join(disk, '.nightjar'))) await rm(join(disk, '.nightjar', name));
    copyFileSync(right, file());
    make(file());
    const order = { file: file(), diskDir: disk, migrationsDir };
    const seen = await checkCatalogue({ ...order, untouched: true, whole: false });
    const opened = await checkCatalogue({ ...order, untouched: false, whole: true });
    return [seen.verdict, opened.verdict];
  }
  const sql =
    (...lines: string[]) =>
    (path: string) => {
      const database = new Sqlite(path);
      database.unsafeMode(true);
      database.pragma('writable_schema = ON');
      for (const line of lines) database.exec(line);
      database.close();
    };

  const crafted: Readonly<Record<string, readonly [make: (path: string) => void, opened: string]>> = {
    'as it should be': [() => undefined, 'ours'],
    'of the future': [sql('PRAGMA user_version = 12345'), 'future'],
    'of before the first': [sql('PRAGMA user_version = -1'), 'foreign'],
    'a trigger': [sql('CREATE TRIGGER t AFTER INSERT ON asset BEGIN DELETE FROM asset; END'), 'foreign'],
    'a view of what never ends': [
      sql('CREATE VIEW v AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n'),
      'foreign',
    ],
    'a virtual table': [sql('CREATE VIRTUAL TABLE f USING fts5 (a, content = asset)'), 'foreign'],
    'a generated column': [
      sql(`ALTER TABLE person ADD COLUMN g TEXT AS (hex(zeroblob(100000000))) VIRTUAL`),
      'foreign',
    ],
    'an index on a function': [sql('CREATE INDEX i ON asset (hex(sha256), id) WHERE id < 0'), 'foreign'],
    'a schema that is no SQL': [
      sql(`UPDATE sqlite_schema SET sql = 'CREATE TABLE person (' WHERE name = 'person'`),
      'damaged',
    ],
    'a table without its page': [sql(`UPDATE sqlite_schema SET rootpage = 4000000 WHERE name = 'asset'`), 'damaged'],
    'two tables on one page': [
      sql(`UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'person')
           WHERE name = 'upload'`),
      'damaged',
    ],
    'a name of 200 megabytes': [sql(`UPDATE person SET name = CAST(zeroblob(200000000) AS TEXT)`), 'damaged'],
    'a path that leads up': [
      sql(`UPDATE asset SET path = 'Photos/../../secret/private.jpg' WHERE id = 7`),
      'leads-out',
    ],
    'a path of its own root': [sql(`UPDATE asset SET path = '/etc/hostname' WHERE id = 7`), 'leads-out'],
    'an upload elsewhere': [
      sql(`INSERT INTO upload (id, phone_id, person_id, door, facts, state, created_at, touched_at)
           VALUES ('../../secret/private.jpg', 'p', '${id}', 'tus', '{}', 'receiving', 1, 1)`),
      'leads-out',
    ],
    'a checksum list elsewhere': [
      sql(`INSERT INTO checksum_list VALUES ('Photos/Alice', '../../../secret/private.jpg', 'behind')`),
      'leads-out',
    ],
    'pages of a size that is none': [(path) => patch(path, 16, Buffer.from([0x12, 0x34])), 'damaged'],
    // As a transaction over several databases leaves it: SQLite would remove the file that it names.
    'a journal that names another’s file': [(path) => writeJournal(path, join(secret, 'private.jpg')), 'damaged'],
  };

  it.each(Object.entries(crafted))('has a word for %s', { timeout: 60_000 }, async (_what, [make, wanted]) => {
    const [seen, opened] = await verdictOn(make);
    expect(['ours', 'damaged', 'future', 'foreign', 'leads-out']).toContain(seen);
    expect(wanted.split(' or ')).toContain(opened);
    expect(readdirSync(secret)).toEqual(['private.jpg']);
  });

  it('has a word for one that is cut off or changed anywhere', { timeout: 3_600_000 }, async () => {
    const random = new Random(seed);
    const many = rounds(6, 1_000);
    const said: Record<string, number> = {};
    for (let round = 0; round < many; round += 1) {
      const verdicts = await verdictOn((path) => {
        const { size } = lstatSync(path);
        if (random.chance(0.25)) return truncateSync(path, random.whole(0, size - 1));
        for (let bytes = random.whole(1, 40); bytes > 0; bytes -= 1) {
          // The first page holds the schema; what is read first is worth the most.
          const at = random.whole(0, random.chance(0.5) ? 4_095 : size - 1);
          patch(path, at, Buffer.from([random.whole(0, 255)]));
        }
      });
      for (const verdict of verdicts) said[verdict] = (said[verdict] ?? 0) + 1;
    }
    const told = Object.entries(said).map(([verdict, times]) => `${verdict} ${times}`);
    await recordResult({ suite: 'hostile catalogues', seed, rounds: many, failures: 0, told: told.join(', ') });
  });
});

function patch(path: string, at: number, bytes: Buffer): void {
  const whole = readFileSync(path);
  bytes.copy(whole, Math.min(at, whole.length - bytes.length));
  writeFileSync(path, whole);
}

/** A hot rollback journal (sqlite.org/fileformat.html, section 3) of no page, with the name of a super-journal at its end. */
function writeJournal(path: string, named: string): void {
  // Not in the mode that knows no such journal.
  patch(path, 18, Buffer.from([1, 1]));
  const head = Buffer.alloc(512);
  Buffer.from('d9d505f920a163d7', 'hex').copy(head);
  head.writeUInt32BE(512, 20);
  head.writeUInt32BE(4_096, 24);
  const name = Buffer.from(named);
  const end = Buffer.alloc(16);
  end.writeUInt32BE(name.length, 0);
  end.writeUInt32BE(
    [...name].reduce((sum, byte) => (sum + byte) >>> 0, 0),
    4,
  );
  Buffer.from('d9d505f920a163d7', 'hex').copy(end, 8);
  const lock = Buffer.alloc(4);
  lock.writeUInt32BE(1_073_741_824 / 4_096 + 1);
  writeFileSync(`${path}-journal`, Buffer.concat([head, lock, name, end]));
}
