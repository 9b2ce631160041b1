/** Keeping what is there, on the whole box: originals are read again, and the box state lies sealed on the disk. */
import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runConsole } from '../../src/console/commands.ts';
import { App } from '../support/app.ts';
import { goodPassword } from '../support/box-state.ts';
import { Callers, headersOf } from '../support/callers.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';
import { flipByte } from '../support/flip-byte.ts';

const picture = (seed: number) => exifJpeg({ seed, bytes: 5_000, takenLocal: '2026-06-09T18:00:00' });
const minuteMs = 60_000;
const clock = { ms: Date.parse('2026-06-10T12:00Z') };

let app: App;
beforeAll(async () => {
  app = await App.startClaimed({}, { now: () => clock.ms });
});
afterAll(() => app[Symbol.asyncDispose]());

const copiesDir = () => join(app.diskDir, '.nightjar/box-state');
const copies = async () =>
  (await readdir(copiesDir()).catch(() => [])).filter((name) => name.endsWith('.sealed')).sort();
async function openCopy(name: string, dir: string, how: string, secret: string): Promise<number> {
  return await runConsole(['open-copy', join(copiesDir(), name), join(app.dir, dir), how], {
    stateDir: app.stateDir,
    input: (async function* () {
      yield Buffer.from(`${secret}\n`);
    })(),
    columns: undefined,
    now: () => clock.ms,
    out: () => undefined,
    err: (text) => void said.push(text),
  });
}
const said: string[] = [];

it('seals the box state each night once there is a recovery key, and opens it by either secret', async () => {
  // Nothing can be sealed yet.
  clock.ms += 11 * minuteMs;
  expect(await copies()).toEqual([]);
  const made = await app.console('POST', '/api/recovery-key', { password: goodPassword });
  const recoveryKey = String(made.json()['recoveryKey']);
  clock.ms += 11 * minuteMs;
  await expect.poll(copies, { timeout: 10_000 }).toHaveLength(1);
  const [first = ''] = await copies();
  expect(await openCopy(first, 'by-password', '--password-stdin', goodPassword)).toBe(0);
  expect(await openCopy(first, 'by-key', '--recovery-key-stdin', recoveryKey)).toBe(0);
  for (const dir of ['by-password', 'by-key']) {
    const opened = join(app.dir, dir);
    const database = new Sqlite(join(opened, 'nightjar.sqlite'), { readonly: true });
    expect(database.prepare('SELECT name FROM person').all()).toEqual([{ name: 'Alice' }]);
    expect(database.prepare('SELECT count(*) AS n FROM session').get()).toEqual({ n: 0 });
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    database.close();
    for (const name of await readdir(join(app.stateDir, 'tls'))) {
      expect(await readFile(join(opened, 'tls', name))).toEqual(await readFile(join(app.stateDir, 'tls', name)));
    }
  }
  // Not in clear, and nothing of it is left in the state folder.
  const file = await readFile(join(copiesDir(), first));
  for (const words of ['Alice', 'SQLite format', 'PRIVATE KEY']) expect(file.includes(words), words).toBe(false);
  await expect.poll(() => readdir(app.stateDir)).not.toContain('copying');
  expect(await openCopy(first, 'by-password', '--password-stdin', goodPassword)).toBe(1);
  expect(said.at(-1)).toContain('already');
  expect(await openCopy(first, 'wrong', '--password-stdin', 'not her password')).toBe(1);
  expect(
    await openCopy(
      first,
      'wrong',
      '--recovery-key-stdin',
      `${recoveryKey.slice(0, -1)}${recoveryKey.endsWith('A') ? 'B' : 'A'}`,
    ),
  ).toBe(1);
  const half = file.subarray(0, file.length - 100);
  await writeFile(join(copiesDir(), 'half'), half);
  expect(await openCopy('half', 'half', '--password-stdin', goodPassword)).toBe(1);
  expect(await readdir(app.dir)).not.toContain('half.partial');
  expect(await readdir(app.dir)).not.toContain('half');

  // Another password: a copy that it opens is made at once, and the old copy still opens by the old one.
  const callers = Callers.open(app);
  const cookie = headersOf(callers.session('Alice', { confirmed: true }));
  callers.close();
  const next = 'another password of hers';
  const changed = await app.ask('PUT', '/api/password', cookie, { current: goodPassword, password: next, again: next });
  expect(changed.status, changed.text).toBeLessThan(300);
  clock.ms += 11 * minuteMs;
  await expect.poll(copies, { timeout: 10_000 }).toHaveLength(2);
  const [, second = ''] = await copies();
  expect(await openCopy(second, 'new', '--password-stdin', next)).toBe(0);
  expect(await openCopy(second, 'old', '--password-stdin', goodPassword)).toBe(1);
  expect(await openCopy(second, 'new-by-key', '--recovery-key-stdin', recoveryKey)).toBe(0);

  // One a night, the last seven; what a plug left half-written is none of them.
  await writeFile(join(copiesDir(), 'copy.new'), half);
  for (let day = 1; day <= 9; day += 1) {
    await copyFile(join(copiesDir(), second), join(copiesDir(), `2026-06-0${day}T21-00-00.sealed`));
  }
  // One of another box, which stays; and one of a time to come (a clock was wrong), which holds up none.
  const [magic = '', head = '{}'] = (await readFile(join(copiesDir(), second), 'latin1')).split('\n', 2);
  const put = (name: string, change: object) =>
    writeFile(join(copiesDir(), name), `${magic}\n${JSON.stringify({ ...JSON.parse(head), ...change })}\n`);
  await put('2026-05-01T21-00-00.sealed', { boxId: 'another' });
  await put('2030-01-01T21-00-00.sealed', { madeAt: Date.parse('2030-01-01T21:00Z') });
  clock.ms = Date.parse('2026-06-10T21:00Z');
  await expect.poll(copies, { timeout: 10_000 }).toContain('2026-06-10T21-00-00.sealed');
  await expect.poll(copies).toHaveLength(8);
  expect((await copies()).slice(0, 2)).toEqual(['2026-05-01T21-00-00.sealed', '2026-06-07T21-00-00.sealed']);
  expect(app.ownErrors()).toEqual([]);
});

it('reads the originals again when the owner asks, and says which are not what came', async () => {
  const phone = await app.pair('Bob', 'Pixel');
  await phone.send('DCIM/1.jpg', picture(1), { mtime: '1700000000000' });
  await phone.send('DCIM/2.jpg', picture(2), { mtime: '1700000000000' });
  const state = async () => (await app.console('GET', '/api/verification')).json();
  expect(await state()).toMatchObject({
    all: null,
    files: 2,
    bytes: 10_000,
    lost: { count: 0, files: [], next: null },
  });
  const path = String((await phone.library()).assets.find(({ path: at }) => at.endsWith('/2.jpg'))?.path);
  await flipByte(join(app.diskDir, path));
  expect((await app.console('POST', '/api/verification/start')).status).toBe(204);
  await expect.poll(state, { timeout: 10_000 }).toMatchObject({ all: null, running: false, lost: { count: 1 } });
  expect((await state())['lost']).toEqual({
    count: 1,
    next: null,
    files: [
      {
        id: 2,
        personId: expect.any(String),
        person: 'Bob',
        name: '2.jpg',
        path,
        kind: 'photo',
        size: 5_000,
        takenLocal: '2026-06-09T18:00:00',
        damage: 'other-bytes',
        foundAt: clock.ms,
      },
    ],
  });
  const safe = async () => (await phone.ask('GET', '/api/phone/safe-to-remove')).json()['items'];
  expect(await safe()).toMatchObject([
    { path: 'DCIM/1.jpg', verifiedAt: clock.ms, sha256: createHash('sha256').update(picture(1)).digest('hex') },
  ]);
  // The night's report says so, to its owner by name.
  clock.ms = Date.parse('2026-06-11T08:01Z');
  const report = () => app.console('GET', '/api/reports/2026-06-11');
  await expect.poll(async () => (await report()).status, { timeout: 10_000 }).toBe(200);
  expect((await report()).json()).toMatchObject({
    verified: { count: 2, damaged: 1, lost: { count: 1, files: [{ name: '2.jpg', person: 'Bob' }] } },
    boxCopy: { madeAt: expect.any(Number), lack: null },
    alerts: expect.arrayContaining([expect.objectContaining({ code: 'verification-failed', params: { count: 1 } })]),
  });
  // It is asked for again, and all is well.
  const sha256 = createHash('sha256').update(picture(2)).digest('hex');
  const told = [{ path: 'DCIM/2.jpg', size: 5_000, mtime: 1_700_000_000_000, sha256 }];
  const answer = await phone.json('POST', '/api/phone/items/check', { items: told });
  expect(answer.text).toContain('"need"');
  await phone.send('DCIM/2.jpg', picture(2), { mtime: '1700000000000' });
  expect(await state()).toMatchObject({
    lost: { count: 0 },
    overdue: 0,
    mended: [{ id: 2, name: '2.jpg', person: 'Bob', damage: 'other-bytes', mendedAt: clock.ms, how: 'came-again' }],
  });
  expect(await readFile(join(app.diskDir, path))).toEqual(picture(2));
});
