/** A new box adopts the disk of another: nothing has to be paired again, and no disk gets it to do anything else. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, lstatSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runConsole } from '../../src/console/commands.ts';
import { App } from '../support/app.ts';
import type { Answer } from '../support/asking.ts';
import { goodPassword, setupCode } from '../support/box-state.ts';
import { DavApp } from '../support/dav-app.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { RealPhone } from '../support/real-phone.ts';

const minuteMs = 60_000;
const clock = { ms: Date.now() };
const picture = (seed: number) => exifJpeg({ seed, bytes: 6_000, takenLocal: '2026-06-09T18:00:00' });

let old: App;
let fresh: App;
let oldPorts: { http: number; https: number };
let phone: RealPhone;
let dav: DavApp;
let fileId: unknown;
let recoveryKey: string;
let camera: string;
/** The newest one is of a program of the future. */
let copies: string[];
/** Where the new box has its disk. */
let disk: string;
let kept: string;

const inMarker = (path: string) => join(disk, '.nightjar', path);
const sealedOf = (dir: string) =>
  existsSync(join(dir, '.nightjar/box-state'))
    ? readdirSync(join(dir, '.nightjar/box-state'))
        .filter((name) => name.endsWith('.sealed'))
        .sort()
    : [];
const identity = async () => {
  const [found] = await dav.find(dav.file('sent-by-an-app.jpg'), 0, ['oc:fileid', 'd:getetag']);
  return found?.found;
};

beforeAll(async () => {
  old = await App.startClaimed({ NIGHTJAR_NAME: 'attic' }, { now: () => clock.ms, pollMs: 200 });
  oldPorts = { http: old.httpPort, https: old.httpsPort };
  recoveryKey = String(
    (await old.console('POST', '/api/recovery-key', { password: goodPassword })).json()['recoveryKey'],
  );
  // With a phone that is a program of its own, and an app.
  await old.console('POST', '/api/people', { person: 'Bob' });
  const opened = await old.console('POST', '/api/pairings', { person: 'Bob', phone: 'Pixel' });
  phone = new RealPhone(old.dir);
  await phone.pair(String(opened.json()['link']));
  camera = join(old.dir, 'camera');
  execFileSync('mkdir', [camera]);
  for (const seed of [1, 2, 3]) writeFileSync(join(camera, `${seed}.jpg`), picture(seed));
  expect((await phone.run('backup', camera)).last).toMatchObject({ safe: 3 });
  dav = await DavApp.on(
    {
      get httpPort() {
        return (fresh ?? old).httpPort;
      },
    },
    await old.pair('Bob', 'Tablet'),
  );
  expect((await dav.put('sent-by-an-app.jpg', picture(9))).status).toBe(201);
  fileId = await identity();
  // As after a mirror became the library there: where that was says nothing of the new machine.
  const state = new Sqlite(join(old.stateDir, 'nightjar.sqlite'));
  const { diskId } = JSON.parse(readFileSync(join(old.diskDir, '.nightjar/disk.json'), 'utf8'));
  const folders = JSON.stringify({ '/there/on/the/old/machine': diskId });
  state.prepare(`INSERT INTO setting (name, value) VALUES ('mirrors.folders', ?)`).run(JSON.stringify(folders));
  clock.ms += 11 * minuteMs;
  await vi.waitFor(() => expect(sealedOf(old.diskDir)).toHaveLength(1), { timeout: 15_000 });
  state.exec(`DELETE FROM setting WHERE name = 'mirrors.folders'`);
  const version = state.pragma('user_version', { simple: true });
  state.pragma('user_version = 999');
  // Not while the first one is still being tidied up.
  await vi.waitFor(() => expect(readdirSync(old.stateDir)).not.toContain('copying'), { timeout: 15_000 });
  clock.ms += 37 * 60 * minuteMs;
  const second = () => {
    clock.ms += 11 * minuteMs;
    expect(sealedOf(old.diskDir)).toHaveLength(2);
  };
  await vi.waitFor(second, { timeout: 15_000, interval: 500 });
  state.pragma(`user_version = ${version}`);
  state.close();
  copies = sealedOf(old.diskDir);
  // Who came after the copies were made.
  await (await old.pair('Carol', 'Late')).send('DCIM/late.jpg', picture(20));
  await old.stop();
  kept = join(old.dir, 'kept');
  disk = join(old.dir, 'carried');
  cpSync(old.diskDir, kept, { recursive: true });
  cpSync(kept, disk, { recursive: true });
  fresh = await App.start({ NIGHTJAR_DISK_DIR: disk, NIGHTJAR_NAME: 'new-box' }, { now: () => clock.ms });
}, 60_000);
afterAll(async () => {
  await fresh?.[Symbol.asyncDispose]();
  await old?.[Symbol.asyncDispose]();
});

const look = () => fresh.ask('POST', '/api/setup/adopt/look', {}, { code: setupCode });
const adopt = (more: object = {}) =>
  fresh.ask('POST', '/api/setup/adopt', {}, { code: setupCode, copy: copies[0], recoveryKey, ...more });
const verdict = (answer: Answer) => answer.json()['why'] ?? answer.json()['code'] ?? answer.status;

/** Every name on the disk, and what a file holds. */
function contentOf(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => {
      const facts = lstatSync(path);
      const digest = facts.isFile() ? createHash('sha256').update(readFileSync(path)).digest('hex') : '';
      return `${path} ${facts.mode} ${facts.mtimeMs} ${digest}`;
    })
    .sort();
}

function catalogue(change: (database: Sqlite.Database) => void): void {
  const database = new Sqlite(inMarker('library.sqlite'));
  database.unsafeMode(true);
  change(database);
  database.close();
}

function editCopy(change: (bytes: Buffer) => Buffer): void {
  const path = inMarker(`box-state/${copies[0]}`);
  writeFileSync(path, change(readFileSync(path)));
}

function marker(change: object): void {
  const text = readFileSync(inMarker('disk.json'), 'utf8');
  writeFileSync(inMarker('disk.json'), JSON.stringify({ ...JSON.parse(text), ...change }));
}

function swap(path: string, target: string): void {
  rmSync(path, { recursive: true });
  symlinkSync(target, path);
}

describe('before it is adopted', () => {
  it('says what is there to who has the setup code, without a name, and leaves no trace', async () => {
    const before = contentOf(disk);
    const found = await look();
    expect(found.status, found.text).toBe(200);
    expect(found.json()).toEqual({
      box: 'attic',
      people: 2,
      files: 5,
      copies: copies.toReversed().map((name) => ({ name, madeAt: expect.any(Number), opensByPassword: true })),
    });
    expect(found.text).not.toContain('Alice');
    const wrong = await fresh.ask('POST', '/api/setup/adopt/look', {}, { code: 'AAAA-BBBB-CCCC-DDDD' });
    expect(verdict(wrong)).toBe('wrong-setup-code');
    expect(verdict(await adopt({ code: 'AAAA-BBBB-CCCC-DDDD' }))).toBe('wrong-setup-code');
    expect(verdict(await adopt({ recoveryKey: undefined, password: 'not her password' }))).toBe('wrong-password');
    expect(verdict(await adopt({ copy: '../../disk.json' }))).toBe('not-found');
    expect(contentOf(disk)).toEqual(before);
  });

  // What a disk may be, and what is said of it at the look and with the owner's secret.
  const foreign: ReadonlyArray<readonly [what: string, change: () => void, seen: unknown, opened: unknown]> = [
    ['no marker', () => rmSync(inMarker('disk.json')), 'no-library', 'no-library'],
    ['a marker that is none', () => writeFileSync(inMarker('disk.json'), '{"format":1}'), 'foreign', 'foreign'],
    ['a marker that is a link', () => swap(inMarker('disk.json'), '/etc/hostname'), 'foreign', 'foreign'],
    ['a mirror', () => marker({ role: 'mirror' }), 'mirror', 'mirror'],
    ['another box’s marker', () => marker({ boxId: crypto.randomUUID() }), 'other-box', 'other-box'],
    ['no copies', () => rmSync(inMarker('box-state'), { recursive: true }), 'no-copy', 'no-copy'],
    ['copies elsewhere', () => swap(inMarker('box-state'), join(kept, '.nightjar/box-state')), 'no-copy', 'no-copy'],
    [
      'pipes in place of the copies',
      () => {
        for (const name of copies) rmSync(inMarker(`box-state/${name}`));
        execFileSync(
          'mkfifo',
          copies.map((name) => inMarker(`box-state/${name}`)),
        );
      },
      'no-copy',
      'no-copy',
    ],
    ['a copy cut off', () => editCopy((bytes) => bytes.subarray(0, -200)), 200, 'checksum-mismatch'],
    [
      'a copy with a byte changed',
      () =>
        editCopy((bytes) =>
          Buffer.concat([bytes.subarray(0, -900), Buffer.from([(bytes.at(-900) ?? 0) ^ 1]), bytes.subarray(-899)]),
        ),
      200,
      'checksum-mismatch',
    ],
    [
      'a copy of another time',
      () => editCopy((bytes) => Buffer.from(bytes.toString('latin1').replace('"madeAt":1', '"madeAt":2'), 'latin1')),
      200,
      'checksum-mismatch',
    ],
    [
      'a copy of the future',
      () => {
        copies = copies.toReversed();
      },
      200,
      'future',
    ],
    ['no catalogue', () => rmSync(inMarker('library.sqlite')), 'damaged', 'damaged'],
    [
      'a catalogue cut off',
      () => writeFileSync(inMarker('library.sqlite'), readFileSync(inMarker('library.sqlite')).subarray(0, 50_000)),
      'damaged',
      'damaged',
    ],
    [
      'a catalogue that is a link',
      () => swap(inMarker('library.sqlite'), join(kept, '.nightjar/library.sqlite')),
      'leads-out',
      'leads-out',
    ],
    ['a catalogue of the future', () => catalogue((it) => it.pragma('user_version = 999')), 'future', 'future'],
    [
      'a trigger of somebody’s',
      () => catalogue((it) => it.exec('CREATE TRIGGER mine AFTER INSERT ON asset BEGIN DELETE FROM asset; END')),
      'foreign',
      'foreign',
    ],
    [
      'a view in a table’s place that never ends',
      () =>
        catalogue((it) => {
          it.exec('ALTER TABLE person RENAME TO was');
          it.exec(
            'CREATE VIEW person AS WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT * FROM n',
          );
        }),
      'foreign',
      'foreign',
    ],
    [
      'a photo that is elsewhere',
      () => catalogue((it) => it.exec(`UPDATE asset SET path = 'Photos/../../state/tls/authority.json' WHERE id = 1`)),
      200,
      'leads-out',
    ],
    [
      'a removal elsewhere',
      () => catalogue((it) => it.exec(`INSERT INTO erased_file VALUES ('x', '../camera/1.jpg', 1)`)),
      200,
      'leads-out',
    ],
    ['a folder that is a link', () => swap(join(disk, 'Photos/Bob'), '/etc'), 200, 'leads-out'],
  ];

  for (const [what, change, seen, opened] of foreign) {
    it(`has a word for ${what}`, async () => {
      const names = copies;
      rmSync(disk, { recursive: true });
      cpSync(kept, disk, { recursive: true });
      change();
      const before = contentOf(disk);
      expect(verdict(await look())).toBe(seen);
      expect(contentOf(disk)).toEqual(before);
      const answer = await adopt({ copy: copies[0] });
      expect(verdict(answer), answer.text).toBe(opened);
      expect(answer.status).toBeLessThan(500);
      copies = names;
      expect(readdirSync(fresh.stateDir).filter((name) => name.startsWith('adopt'))).toEqual([]);
    });
  }

  it('is still a new box', async () => {
    expect((await fresh.ask('GET', '/api/setup')).json()).toEqual({ claimed: false, box: 'new-box' });
    expect(fresh.ownErrors()).toEqual([]);
  });
});

describe('once it is adopted', () => {
  const said: string[] = [];
  const console = (...args: string[]) =>
    runConsole(args, {
      stateDir: fresh.stateDir,
      input: (async function* () {
        yield Buffer.from(`${goodPassword}\n`);
      })(),
      columns: undefined,
      now: () => clock.ms,
      out: (text) => void said.push(text),
      err: (text) => void said.push(text),
    });

  it('is the box whose disk it is, by one command', async () => {
    rmSync(disk, { recursive: true });
    cpSync(kept, disk, { recursive: true });
    expect(await console('adopt')).toBe(0);
    expect(said.join('\n')).toContain('“attic”. People: 2. Files: 5.');
    expect(await console('adopt', '--copy', copies[0] ?? '', '--password-stdin'), said.at(-1)).toBe(0);
    expect(said.join('\n')).toContain('Bob: 4 files\n  Carol: 1 file\n');
    await expect.poll(() => fresh.restarts, { timeout: 20_000 }).toBe(1);
    expect((await fresh.ask('GET', '/api/setup')).json()).toEqual({ claimed: true, box: 'attic' });
    await expect.poll(async () => (await fresh.ask('GET', '/api/health')).json()['disk']).toBe('ok');
    expect(readdirSync(fresh.stateDir)).not.toContain('setup-code');
    expect(readdirSync(fresh.stateDir).filter((name) => name.startsWith('adopt'))).toEqual([]);
    expect(await console('adopt', '--code', setupCode)).toBe(1);
    expect(said.at(-1)).toContain('has an owner already');
    const { people } = (await fresh.console('GET', '/api/people')).json();
    expect(people).toMatchObject([{ name: 'Alice' }, { name: 'Bob' }, { name: 'Carol', folder: 'Carol' }]);
    const audit = await fresh.console('GET', '/api/audit');
    expect(audit.text).toContain('box-adopted');
  });

  it('has the same certificates, to the byte', () => {
    for (const name of ['authority.json', 'name-leaf.json']) {
      const at = (app: App) => readFileSync(join(app.stateDir, 'tls', name));
      expect(at(fresh).equals(at(old)), name).toBe(true);
    }
  });

  it('is known to phone and app, and gets nothing twice', async () => {
    const config = join(old.dir, 'nightjar-phone');
    // Ports of a test are never the same; on the network the name leads there.
    for (const name of readdirSync(config)) {
      const text = readFileSync(join(config, name), 'utf8');
      const moved = text
        .replaceAll(`:${oldPorts.https}`, `:${fresh.httpsPort}`)
        .replaceAll(`:${oldPorts.http}`, `:${fresh.httpPort}`);
      writeFileSync(join(config, name), moved);
    }
    writeFileSync(join(camera, 'since.jpg'), picture(4));
    const run = await phone.run('backup', camera);
    expect(run.last).toMatchObject({ safe: 4, bytes: 6_000 });
    expect(await identity()).toEqual(fileId);
    const signedIn = await fresh.ask('POST', '/api/sessions', {}, { person: 'Alice', password: goodPassword });
    expect(signedIn.status, signedIn.text).toBe(201);
    await fresh.restart();
    // For good: nothing of the new box comes back with the next start.
    expect(await identity()).toEqual(fileId);
    expect(fresh.ownErrors()).toEqual([]);
  });
});
