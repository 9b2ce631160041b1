/** Photos of other disks and folders come into a person's library, and a library goes out to a folder: on the whole box. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runConsole } from '../../src/console/commands.ts';
import type { ImportView } from '../../src/imports/contract.ts';
import { App } from '../support/app.ts';
import { Callers, headersOf } from '../support/callers.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';

const bytes = 5_000;
const dated = (seed: number, day = '2025-07-04') => exifJpeg({ seed, bytes, takenLocal: `${day}T10:00:00` });
/** A picture that tells no date of its own. */
const undated = (seed: number) => exifJpeg({ seed, bytes, takenLocal: '                   ' });
let notes = 0;
const note = (seconds: number) =>
  JSON.stringify({ title: `x${++notes}`, photoTakenTime: { timestamp: String(seconds) } });
const may2018 = Date.UTC(2018, 4, 9, 12) / 1_000;

let app: App;
let callers: Callers;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nightjar-import-'));
  const mountInfo = join(dir, 'mountinfo');
  const mounts = ['card', 'old'].map((id) => `37 36 8:17 / /run/nightjar/disks/${id} ro - ext4 /dev/sdb1 ro\n`);
  writeFileSync(mountInfo, mounts.join(''));
  const disks = { socketPath: join(dir, 'no-helper'), mountRoot: join(dir, 'looked-at'), mountInfo };
  // By day, and it stands: at night the box reads its files again, and would find those that are damaged here for a moment.
  const now = () => new Date(2026, 5, 10, 12).getTime();
  app = await App.startClaimed({}, { disks, now });
  callers = await Callers.make(app, now);
});
afterAll(async () => {
  callers.close();
  rmSync(dir, { recursive: true, force: true });
  await app[Symbol.asyncDispose]();
});

function plant(top: string, files: Readonly<Record<string, Uint8Array | string>>): string {
  for (const [path, content] of Object.entries(files)) {
    const file = join(dir, top, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    utimesSync(file, new Date('2020-02-02'), new Date('2020-02-02'));
  }
  return join(dir, top);
}

async function begin(folder: string, more: Record<string, unknown> = {}): Promise<ImportView> {
  const asked = { source: 'folder', folder, person: 'Alice', ...more };
  const { status, text, json } = await app.console('POST', '/api/imports', asked);
  expect(status, text).toBe(201);
  return json() as unknown as ImportView;
}
const viewOf = async (id: string) => (await app.console('GET', `/api/imports/${id}`)).json() as unknown as ImportView;
async function ended(id: string): Promise<ImportView> {
  await expect.poll(async () => (await viewOf(id)).state, { timeout: 20_000 }).not.toBe('running');
  return await viewOf(id);
}
const brought = async (folder: string, more: Record<string, unknown> = {}) =>
  await ended((await begin(folder, more)).id);
const countsOf = ({ report: { imported, had } }: ImportView) => ({
  imported: Object.fromEntries(Object.entries(imported).map(([kind, { files }]) => [kind, files])),
  had: Object.values(had).reduce((sum, { files }) => sum + files, 0),
});
async function run(...args: string[]): Promise<{ code: number; said: string }> {
  const said: string[] = [];
  const take = (text: string) => void said.push(text);
  const none = (async function* () {})();
  const terminal = { stateDir: app.stateDir, input: none, columns: undefined, now: Date.now, out: take, err: take };
  return { code: await runConsole(args, terminal), said: said.join('\n') };
}
async function fingerprint(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const facts = entries.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    // A name that is no text cannot be asked for here.
    if (entry.name.includes('\ufffd')) return '';
    if (!entry.isFile()) return path;
    const { mtimeNs, ctimeNs, ino, mode } = await stat(path, { bigint: true });
    return [
      path,
      mtimeNs,
      ctimeNs,
      ino,
      mode,
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    ].join();
  });
  return (await Promise.all(facts)).sort().join('\n');
}

it('brings a camera card in once, says what it left out, and changes nothing on it', async () => {
  const card = plant('card', {
    'DCIM/100CANON/IMG_0001.JPG': dated(1),
    'DCIM/100CANON/IMG_0002.JPG': dated(2),
    'DCIM/100CANON/IMG_0002.AAE': '<plist/>',
    'DCIM/100CANON/COPY.JPG': dated(1),
    'DCIM/100CANON/MVI_0003.THM': 'rough',
    'DCIM/100CANON/EMPTY.JPG': '',
    'MISC/settings.dat': 'x',
    'Thumbs.db': 'x',
    'line\nbreak.jpg': dated(3),
  });
  writeFileSync(Buffer.concat([Buffer.from(`${card}/caf`), Buffer.from([0xe9]), Buffer.from('.jpg')]), dated(4));
  symlinkSync('/etc/passwd', join(card, 'passwd.jpg'));
  execFileSync('mkfifo', [join(card, 'pipe.jpg')]);
  const before = await fingerprint(card);
  const first = await brought(card);
  expect(first).toMatchObject({ state: 'done', reason: null, person: 'Alice', name: 'card' });
  expect(countsOf(first)).toEqual({ imported: { photo: 4, video: 0, sidecar: 1, file: 0 }, had: 1 });
  expect(first.report.leftOut).toEqual({
    'rough-copy': 1,
    'empty-picture': 1,
    'other-kind': 1,
    system: 1,
    'no-file': 2,
  });
  expect(first.report.problems.map(({ path, reason }) => `${path}: ${reason}`).sort()).toEqual([
    'DCIM/100CANON/EMPTY.JPG: empty-picture',
    'passwd.jpg: no-file',
    'pipe.jpg: no-file',
  ]);
  expect(await fingerprint(card)).toBe(before);
  const files = await app.filesInView();
  expect(files.filter((path) => path.startsWith('Photos/Alice/2025/2025-07/'))).toEqual([
    expect.stringMatching(/\/(IMG_0001|COPY)\.JPG$/),
    'Photos/Alice/2025/2025-07/IMG_0002.AAE',
    'Photos/Alice/2025/2025-07/IMG_0002.JPG',
    expect.stringMatching(/\/café~[0-9a-f]{12}\.jpg$/),
    expect.stringMatching(/\/line.break\.jpg$/),
  ]);
  // Each asset remembers where it came from.
  const details = `/api/assets/${await idOf('IMG_0002.JPG')}`;
  expect((await app.ask('GET', details, headersOf(callers.session('Alice')))).json()).toMatchObject({
    phones: [{ phone: first.id, name: 'card', path: 'DCIM/100CANON/IMG_0002.JPG' }],
  });
  // Again, also after the last one is forgotten: nothing is sent twice.
  expect(countsOf(await brought(card))).toEqual({ imported: { photo: 0, video: 0, sidecar: 0, file: 0 }, had: 6 });
  expect(await app.filesInView()).toEqual(files);
  expect(await app.incoming()).toEqual([]);
});

async function idOf(name: string): Promise<number> {
  const { assets } = (await app.ask('GET', '/api/assets', headersOf(callers.session('Alice')))).json() as unknown as {
    assets: Array<{ id: number; name: string; pair: string | null; capturedLocal: string; mtime: number }>;
  };
  return assets.find((asset) => asset.name === name)?.id ?? 0;
}
async function assetsNamed(pattern: RegExp) {
  const { assets } = (await app.ask('GET', '/api/assets', headersOf(callers.session('Alice')))).json() as unknown as {
    assets: Array<{ name: string; pair: string | null; capturedLocal: string; path: string }>;
  };
  return assets.filter(({ name }) => pattern.test(name));
}

it('reads the dates and pairs of a Takeout, and takes album copies once', async () => {
  const takeout = plant('Takeout', {
    'Google Photos/Photos from 2018/T_1.jpg': undated(20),
    'Google Photos/Photos from 2018/T_1.jpg.json': note(may2018),
    'Google Photos/Photos from 2018/T_1(1).jpg': undated(21),
    'Google Photos/Photos from 2018/T_1.jpg.supplemental-metadata(1).json': note(may2018 + 86_400),
    'Google Photos/Photos from 2018/T_1-edited.jpg': undated(22),
    // What the file says of itself counts more than the note.
    'Google Photos/Photos from 2018/T_2.jpg': dated(23, '2019-03-03'),
    'Google Photos/Photos from 2018/T_2.jpg.json': note(may2018),
    'Google Photos/Photos from 2018/T_PXL_20180509_120000000.PORTRAIT-01.jpg': undated(24),
    'Google Photos/Photos from 2018/T_PXL_20180509_120000000.PORTRAIT-01.jpg.suppl.json': note(may2018),
    'Google Photos/Trip/T_1.jpg': undated(20),
    'Google Photos/Trip/metadata.json': '{"title":"Trip"}',
    'Google Photos/Photos from 2018/T_L.HEIC': undated(25),
    'Google Photos/Photos from 2018/T_L.HEIC.json': note(may2018),
    'Google Photos/Photos from 2018/T_L.MP4': undated(26),
  });
  const done = await brought(takeout);
  expect(done).toMatchObject({ state: 'done' });
  expect(countsOf(done)).toMatchObject({ imported: { photo: 6, video: 1 }, had: 1 });
  const days = Object.fromEntries(
    (await assetsNamed(/^T_.*(jpg|HEIC|MP4)$/)).map((it) => [it.name, it.capturedLocal.slice(0, 10)]),
  );
  expect(days).toEqual({
    'T_1.jpg': '2018-05-09',
    'T_1(1).jpg': '2018-05-10',
    'T_1-edited.jpg': '2018-05-09',
    'T_2.jpg': '2019-03-03',
    'T_PXL_20180509_120000000.PORTRAIT-01.jpg': '2018-05-09',
    'T_L.HEIC': '2018-05-09',
    'T_L.MP4': '2018-05-09',
  });
  const halves = await assetsNamed(/^T_L\.(HEIC|MP4)$/);
  expect(halves).toHaveLength(2);
  expect(halves[0]?.pair).toMatch(/^import:/);
  expect(halves[1]?.pair).toBe(halves[0]?.pair);
});

it('is refused for the box’s own folders, unknown people and disks, and another’s library', async () => {
  const asked = async (body: object) => (await app.console('POST', '/api/imports', body)).json()['code'];
  const folder = plant('plain', { 'a.jpg': dated(30) });
  expect(await asked({ source: 'folder', folder: app.diskDir, person: 'Alice' })).toBe('forbidden');
  expect(await asked({ source: 'folder', folder: join(app.diskDir, '.nightjar'), person: 'Alice' })).toBe('forbidden');
  expect(await asked({ source: 'folder', folder: app.stateDir, person: 'Alice' })).toBe('forbidden');
  expect(await asked({ source: 'folder', folder, person: 'Nobody' })).toBe('not-found');
  expect(await asked({ source: 'folder', folder })).toBe('invalid-request');
  expect(await asked({ source: 'usb-9', folder: '', person: 'Alice' })).toBe('not-found');
  const bob = headersOf(callers.session('Bob'));
  const byBob = async (body: object) => (await app.ask('POST', '/api/imports', bob, body)).json()['code'];
  expect(await byBob({ source: 'folder', folder })).toBe('forbidden');
  expect(await byBob({ source: 'usb-9', folder: '', person: 'Alice' })).toBe('forbidden');
  expect(await byBob({ source: 'usb-9', folder: '' })).toBe('not-found');
  // A folder that holds the box's own is read around them.
  const around = await brought(dirname(app.diskDir));
  expect(around.report.leftOut).toMatchObject({ 'own-library': 2 });
  expect(countsOf(around)).toEqual({ imported: { photo: 0, video: 0, sidecar: 0, file: 0 }, had: 0 });
});

it('is its person’s: the owner sees that it is there, and no names', async () => {
  const { id } = await brought(plant('bobs-secret', { 'bob.jpg': dated(40), 'empty-secret.jpg': '' }), {
    person: 'Bob',
  });
  const asked = async (who: 'Alice' | 'Bob' | 'Carol', path = `/api/imports/${id}`) =>
    await app.ask('GET', path, headersOf(callers.session(who)));
  expect((await asked('Bob')).text).toContain('empty-secret.jpg');
  const owner = await asked('Alice');
  expect(owner.json()).toMatchObject({
    person: 'Bob',
    folder: null,
    name: '',
    report: { problems: [], problemsMore: 1 },
  });
  expect(owner.text).not.toContain('secret');
  expect((await asked('Alice', '/api/imports')).text).not.toContain('secret');
  expect((await asked('Carol')).status).toBe(404);
  expect((await asked('Carol', '/api/imports')).json()).toEqual({ imports: [] });
  expect((await app.console('GET', '/api/audit?limit=50')).text).not.toContain('secret');
  // Nobody's phone.
  expect((await app.console('GET', '/api/phones')).text).not.toContain('import-');
});

it('brings a member what is on a disk that is looked at, but nothing of another library', async () => {
  plant('looked-at', { 'card/bobs.jpg': dated(80), 'old/Photos/Alice/alices.jpg': dated(81), 'old/.nightjar/x': '' });
  const bob = headersOf(callers.session('Bob'));
  const asked = async (source: string, folder: string) =>
    await app.ask('POST', '/api/imports', bob, { source, folder });
  const { status, json } = await asked('card', '');
  expect(status).toBe(201);
  expect(countsOf(await ended(String(json()['id']))).imported).toMatchObject({ photo: 1 });
  for (const folder of ['', 'Photos/Alice']) expect((await asked('old', folder)).status).toBe(403);
});

it('ends when it is told to, and the same again brings the rest', async () => {
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`m${index}.jpg`, dated(1_000 + index)]));
  const folder = plant('many', many);
  const { id } = await begin(folder);
  const stopped = await app.console('POST', `/api/imports/${id}/stop`);
  expect(stopped.json()).toMatchObject({ state: 'stopped' });
  const rest = await brought(folder);
  expect(rest.state).toBe('done');
  const { imported, had } = countsOf(rest);
  expect((imported['photo'] ?? 0) + had).toBe(60);
  expect(await assetsNamed(/^m\d+\.jpg$/)).toHaveLength(60);
});

it('goes by the console’s words, and out again to a folder, each file read back', async () => {
  const folder = plant('by-console', { 'c\u001b[31m.jpg': '', 'd.jpg': dated(50) });
  const came = await run('import', folder, '--person', 'Alice');
  expect(came).toMatchObject({ code: 0 });
  expect(came.said).toContain('imported photo: 1');
  expect(came.said).toContain('empty-picture: c?[31m.jpg');
  expect((await run('imports')).said).toContain('by-console');
  expect(await run('import', join(dir, 'not-there'), '--person', 'Alice')).toMatchObject({ code: 1 });
  const out = join(dir, 'out');
  mkdirSync(out);
  const went = await run('export', out);
  expect(went).toMatchObject({ code: 0 });
  const listed = execFileSync('sha256sum', ['--quiet', '-c', 'SHA256SUMS'], { cwd: out }).toString();
  expect(listed).toBe('');
  expect(await readFile(join(out, 'README-NIGHTJAR.txt'), 'utf8')).toContain('sha256sum -c');
  const originals = (await app.filesInView()).filter((path) => !path.endsWith('SHA256SUMS'));
  const copied = async () =>
    (await readdir(out, { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile() && entry.parentPath !== out)
      .map((entry) => join(entry.parentPath, entry.name).slice(out.length + 1))
      .sort();
  expect(await copied()).toEqual(originals);
  // The same again: what is whole stays, what is gone comes, what is another's is left alone and said.
  const [gone = '', cut = '', longer = ''] = originals;
  rmSync(join(out, gone));
  truncateSync(join(out, cut), 100);
  appendFileSync(join(out, longer), 'mine');
  const again = await run('export', out, '--json');
  expect(again.code).toBe(1);
  const view = JSON.parse(again.said.split('\n')[0] ?? '') as { copied: number; problems: unknown };
  expect(view).toMatchObject({
    copied: 1,
    had: originals.length - 3,
    problems: [cut, longer].map((path) => ({ path, reason: 'in-the-way' })).sort(byOrderOf(view.problems)),
  });
  // What is damaged in the library itself is no photo to carry away; the others are.
  const damaged = join(app.diskDir, gone);
  const whole = await readFile(damaged);
  rmSync(join(out, gone));
  writeFileSync(
    damaged,
    whole.map((byte, index) => (index === 9 ? byte ^ 1 : byte)),
  );
  expect((await run('export', out)).said).toContain(`damaged: ${gone}`);
  writeFileSync(damaged, whole);
  expect(await readdir(out)).not.toContain('.nightjar-export.part');
  expect(await run('export', join(app.diskDir, 'Photos'))).toMatchObject({
    code: 1,
    said: expect.stringContaining('own'),
  });
});

it('exports nothing through a link, once at a time, with what is known to be damaged, and no names for the owner', async () => {
  await brought(plant('bobs-own', { 'bobs-own.jpg': dated(70) }), { person: 'Bob' });
  const out = join(dir, 'linked');
  mkdirSync(out);
  symlinkSync(join(app.diskDir, 'Photos'), join(out, 'Photos'));
  expect(await run('export', out)).toMatchObject({ code: 1, said: expect.stringContaining('is not a folder') });
  rmSync(join(out, 'Photos'));
  const asked = { folder: out, person: 'Bob' };
  const both = await Promise.all([1, 2].map(() => app.console('POST', '/api/export', asked)));
  expect(both.map(({ status }) => status).sort()).toEqual([202, 409]);
  const view = async () => (await app.console('GET', '/api/export')).json()['export'] as Record<string, unknown>;
  await expect.poll(async () => (await view())['state'], { timeout: 10_000 }).toBe('done');
  // One person after the other: the list is of both.
  expect(await run('export', out, '--person', 'Alice')).toMatchObject({ code: 0 });
  execFileSync('sha256sum', ['--quiet', '-c', 'SHA256SUMS'], { cwd: out });
  const listed = (await readFile(join(out, 'SHA256SUMS'), 'utf8')).split('\n').sort();
  expect(listed.join()).toContain('bobs-own.jpg');
  expect(await run('export', out, '--person', 'Alice')).toMatchObject({ code: 0 });
  expect((await readFile(join(out, 'SHA256SUMS'), 'utf8')).split('\n').sort()).toEqual(listed);
  const path = (await app.filesInView()).find((one) => one.endsWith('/bobs-own.jpg')) ?? '';
  rmSync(join(out, path));
  const whole = await readFile(join(app.diskDir, path));
  rmSync(join(app.diskDir, path));
  setState(path, 'missing');
  expect(await run('export', out, '--person', 'Bob')).toMatchObject({
    code: 1,
    said: expect.stringContaining(`damaged: ${path}`),
  });
  const owner = await app.ask('GET', '/api/export', headersOf(callers.session('Alice')));
  expect(owner.json()['export']).toMatchObject({ problems: [], problemsMore: 1 });
  expect(owner.text).not.toContain('bobs-own');
  writeFileSync(join(app.diskDir, path), whole);
  setState(path, 'present');
});

/** As verification would, found in the night. */
function setState(path: string, state: string): void {
  const catalogue = new Sqlite(join(app.diskDir, '.nightjar/library.sqlite'), { timeout: 5_000 });
  catalogue.prepare('UPDATE asset SET state = ? WHERE path = ?').run(state, path);
  catalogue.close();
}

function byOrderOf(problems: unknown) {
  const paths = (problems as Array<{ path: string }>).map(({ path }) => path);
  return (a: { path: string }, b: { path: string }) => paths.indexOf(a.path) - paths.indexOf(b.path);
}

it('goes with the data of the person it was for', async () => {
  await brought(plant('carols', { 'carol-9.jpg': dated(60), 'zero-9.jpg': '' }), { person: 'Carol' });
  const carol = headersOf(callers.session('Carol', { confirmed: true }));
  expect((await app.ask('DELETE', '/api/me/data', carol, { typed: 'Carol' })).status).toBe(202);
  await expect
    .poll(async () => (await app.console('GET', '/api/imports')).text, { timeout: 10_000 })
    .not.toContain('Carol');
  await expect.poll(async () => (await app.filesInView()).join(), { timeout: 10_000 }).not.toContain('carol-9');
  expect(app.ownErrors()).toEqual([]);
});
