import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BoxState, codeOf, goodPassword, setupCode } from '../../test/support/box-state.ts';
import type { PersonCaller } from '../http/caller.ts';
import { CodedError } from '../platform/errors.ts';

const anna = { code: setupCode, person: 'Anna', password: goodPassword };
const browser = { userAgent: 'a browser', address: '192.168.1.20' };

function auditEvents(box: BoxState): string[] {
  const rows = box.database.prepare<[], { event: string }>('SELECT event FROM audit ORDER BY id').all();
  return rows.map((row) => row.event);
}

test('a box is claimed once, signs in, and its code is dead', async () => {
  await using box = new BoxState();
  const access = await box.openAccess();
  expect(access.claimed()).toBe(false);
  const { person, token } = await access.claim({ ...anna, code: '7kq4m2xdpreset' }, browser);
  expect(person).toMatchObject({ name: 'Anna', folder: 'Anna', role: 'owner' });
  expect(access.personBySession(token ?? '')).toMatchObject({ personId: person.id, role: 'owner' });
  expect(access.claimed()).toBe(true);
  expect(existsSync(join(box.dir, 'setup-code'))).toBe(false);
  expect(await codeOf(access.claim(anna, browser))).toBe('already-set-up');
  expect(auditEvents(box)).toEqual(['box-claimed']);
});

test('of two claims at once with the right code, one wins', async () => {
  await using box = new BoxState();
  const access = await box.openAccess();
  const codes = await Promise.all([
    codeOf(access.claim(anna, undefined)),
    codeOf(access.claim({ ...anna, person: 'Mallory' }, undefined)),
  ]);
  expect(codes).toEqual(['none', 'busy']);
  expect(access.people().map((person) => person.name)).toEqual(['Anna']);
});

test('nothing is claimed when the disk cannot be adopted, and the same code and owner id serve again', async () => {
  await using box = new BoxState();
  const asked: string[] = [];
  const onClaimed = async ({ id }: { id: string }) => {
    asked.push(id);
    if (asked.length < 3) throw new CodedError('disk-missing', 'No disk.');
  };
  let access = await box.openAccess({ onClaimed });
  expect(await codeOf(access.claim(anna, browser))).toBe('disk-missing');
  expect(access.claimed()).toBe(false);
  expect(auditEvents(box)).toEqual([]);
  expect(await codeOf(access.claim(anna, browser))).toBe('disk-missing');
  await box.stop();
  access = await box.openAccess({ onClaimed });
  const { person } = await access.claim({ ...anna, person: 'Anna M.' }, browser);
  expect(asked).toEqual([person.id, person.id, person.id]);
});

test('a box that dies between being claimed and removing its code forgets the code at the next start', async () => {
  await using box = new BoxState();
  await box.openClaimed();
  await box.stop();
  writeFileSync(join(box.dir, 'setup-code'), setupCode);
  writeFileSync(join(box.dir, 'setup-code.new'), setupCode);
  const access = await box.openAccess();
  expect(existsSync(join(box.dir, 'setup-code'))).toBe(false);
  expect(existsSync(join(box.dir, 'setup-code.new'))).toBe(false);
  expect(await codeOf(access.claim(anna, undefined))).toBe('already-set-up');
});

test('a made setup code is for its user alone, and the same after a restart', async () => {
  await using box = new BoxState();
  await box.openAccess({ setupCode: undefined });
  const path = join(box.dir, 'setup-code');
  const code = readFileSync(path, 'utf8');
  expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}\n$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await box.stop();
  const access = await box.openAccess({ setupCode: undefined });
  expect(readFileSync(path, 'utf8')).toBe(code);
  await access.claim({ ...anna, code: code.trim() }, undefined);
});

test('wrong setup codes are slowed down for the whole box; the right one waits as well', async () => {
  await using box = new BoxState();
  const access = await box.openAccess();
  for (let count = 0; count < 5; count += 1) {
    expect(await codeOf(access.claim({ ...anna, code: `wrong-${count}` }, undefined))).toBe('wrong-setup-code');
  }
  expect(await codeOf(access.claim(anna, undefined))).toBe('too-many-requests');
  box.clock.ms += 5_000;
  expect(await codeOf(access.claim({ ...anna, code: '' }, undefined))).toBe('wrong-setup-code');
  box.clock.ms += 5_000;
  expect(await codeOf(access.claim(anna, undefined))).toBe('too-many-requests');
  box.clock.ms += 5_000;
  expect(await codeOf(access.claim(anna, undefined))).toBe('none');
});

test('who guesses in the network keeps nobody from the console', async () => {
  await using box = new BoxState();
  const access = await box.openAccess();
  const guess = (place: typeof browser | undefined) => codeOf(access.claim({ ...anna, code: 'wrong' }, place));
  for (let count = 0; count < 5; count += 1) expect(await guess(browser)).toBe('wrong-setup-code');
  expect(await codeOf(access.claim(anna, { ...browser, address: '192.168.1.21' }))).toBe('too-many-requests');
  for (let count = 0; count < 4; count += 1) expect(await guess(undefined)).toBe('wrong-setup-code');
  expect(await codeOf(access.claim(anna, undefined))).toBe('none');
});

test('a preset code of nothing but dashes does not open the box to everyone', async () => {
  await using box = new BoxState();
  expect(await codeOf(box.openAccess({ setupCode: '- - - - - -' }))).toBe('invalid-request');
});

test('sessions outlive a restart, slide, end by signing out and by time', async () => {
  await using box = new BoxState();
  await box.openClaimed();
  await box.stop();
  const access = await box.openAccess();
  const { token } = await access.signIn({ person: 'anna', password: goodPassword }, browser);
  const held = token ?? '';
  await box.stop();
  const again = await box.openAccess();
  const day = 24 * 60 * 60_000;
  box.clock.ms += 20 * day;
  expect(again.personBySession(held)).toBeDefined();
  // The touch is written behind the answer; a later write shares its commit or follows it.
  await box.addPerson('Tom');
  box.clock.ms += 20 * day;
  const caller = again.personBySession(held);
  expect(caller?.role).toBe('owner');
  await again.signOut(caller?.sessionId ?? '', caller as PersonCaller);
  expect(again.personBySession(held)).toBeUndefined();

  const other = await again.signIn({ person: 'Anna', password: goodPassword }, browser);
  box.clock.ms += 31 * day;
  expect(again.personBySession(other.token ?? '')).toBeUndefined();
  expect(again.personBySession('')).toBeUndefined();
});

test('only digests of tokens and passwords are stored', async () => {
  await using box = new BoxState();
  await box.openClaimed();
  const access = await box.openAccess();
  const { token } = await access.signIn({ person: 'Anna', password: goodPassword }, browser);
  box.database.prepare('SELECT 1').get();
  const bytes = Buffer.concat(
    ['nightjar.sqlite', 'nightjar.sqlite-wal'].map((name) => readFileSync(join(box.dir, name))),
  );
  expect(bytes.includes('$argon2id$v=19$m=32768,t=2,p=1$')).toBe(true);
  expect(bytes.includes(token ?? 'missing')).toBe(false);
  expect(bytes.includes(goodPassword)).toBe(false);
  expect(bytes.includes(setupCode)).toBe(false);
});

test('a wrong password, an unknown name and a person without a password are one answer, after the same work', async () => {
  await using box = new BoxState();
  const { access } = await box.openClaimed();
  await box.addPerson('Tom');
  const messages = new Set<string>();
  const milliseconds: number[] = [];
  for (const person of ['Anna', 'Nobody', 'Tom']) {
    const start = performance.now();
    await expect(
      access.signIn({ person, password: 'not this one at all' }, browser).catch((error: CodedError) => {
        messages.add(`${error.code} ${error.message}`);
        throw error;
      }),
    ).rejects.toThrow();
    milliseconds.push(performance.now() - start);
  }
  expect(messages.size).toBe(1);
  // An answer without a hash takes about 1 ms; one with it takes tens. Wide enough for a busy machine.
  expect(Math.min(...milliseconds)).toBeGreaterThan(10);
  expect(auditEvents(box).filter((event) => event === 'sign-in-failed')).toHaveLength(3);
});

test('password failures are slowed down per person, before any hashing, and unknown names alike', async () => {
  await using box = new BoxState();
  const { access } = await box.openClaimed();
  for (const person of ['Anna', 'Nobody']) {
    for (let count = 0; count < 5; count += 1) {
      expect(await codeOf(access.signIn({ person, password: 'wrong' }, browser))).toBe('wrong-password');
    }
    const start = performance.now();
    for (let count = 0; count < 50; count += 1) {
      expect(await codeOf(access.signIn({ person, password: goodPassword }, browser))).toBe('too-many-requests');
    }
    // Fifty hashes take many seconds.
    expect(performance.now() - start).toBeLessThan(3_000);
  }
  box.clock.ms += 2_000;
  expect(await codeOf(access.signIn({ person: 'Anna', password: goodPassword }, browser))).toBe('none');
  expect(await codeOf(access.signIn({ person: 'Anna', password: 'wrong' }, browser))).toBe('wrong-password');
});

test('people have folders that no disk confuses', async () => {
  await using box = new BoxState();
  const { access } = await box.openClaimed();
  const folders: string[] = [];
  for (const name of ['a/b', 'A\\B', 'a:b', '..', '.hidden', 'CON', '  Zoë ', 'Ünal']) {
    folders.push((await box.addPerson(name)).folder);
  }
  expect(folders).toEqual(['a_b', 'A_B-2', 'a_b-3', '_', '_hidden', 'CON_', 'Zoë', 'Ünal']);
  expect(access.personByName('zoe\u0308')?.name).toBe('Zoë');
  expect(await codeOf(box.addPerson('üNAL'))).toBe('conflict');
  expect(await codeOf(box.addPerson('anna'))).toBe('conflict');
  for (const name of ['', '   ', 'x'.repeat(65), 'a\u202eb', 'a\nb', '\u200d']) {
    expect(await codeOf(box.addPerson(name))).toBe('invalid-name');
  }
  expect(await codeOf(box.addPerson('😀'.repeat(64)))).toBe('none');
  expect(access.people()).toHaveLength(10);
});

test('nobody is added to, and nobody signs in to, a box without an owner', async () => {
  await using box = new BoxState();
  const access = await box.openAccess();
  expect(await codeOf(box.addPerson('Tom'))).toBe('not-set-up');
  expect(await codeOf(access.signIn({ person: 'Tom', password: 'x' }, browser))).toBe('not-set-up');
  expect(await codeOf(access.claim({ ...anna, password: 'short' }, browser))).toBe('weak-password');
  expect(access.claimed()).toBe(false);
});
