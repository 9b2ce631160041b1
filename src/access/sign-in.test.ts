import { argon2Sync } from 'node:crypto';
import { expect, test } from 'vitest';
import { BoxState, codeOf, goodPassword } from '../../test/support/box-state.ts';
import type { Access } from './access.ts';
import type { SessionPlace } from './session-book.ts';

const place = (known?: string, address = '192.168.1.20') => ({ userAgent: 'a browser', address, known });
const hashOf = (box: BoxState, name: string) =>
  box.database.get<{ password_hash: string }>('SELECT password_hash FROM person WHERE name = ?', name)?.password_hash;

/** Anna owns the box; Tom has the same password. */
async function house(box: BoxState): Promise<Access> {
  const { access } = await box.openClaimed();
  await box.addPerson('Tom');
  await box.database.write(() =>
    box.database.run('UPDATE person SET password_hash = ? WHERE name = ?', hashOf(box, 'Anna'), 'Tom'),
  );
  return access;
}

const signIn = (access: Access, person: string, where: SessionPlace, password = goodPassword) =>
  access.signIn({ person, password }, where);

test('a hash of another cost is replaced at the next sign-in, and only then', async () => {
  await using box = new BoxState();
  const access = await house(box);
  const cost = { parallelism: 1, tagLength: 32, memory: 1024, passes: 1 } as const;
  const nonce = Buffer.alloc(16, 3);
  const tag = argon2Sync('argon2id', { message: goodPassword, nonce, ...cost });
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  const old = `$argon2id$v=19$m=1024,t=1,p=1$${text(nonce)}$${text(tag)}`;
  await box.database.write(() => box.database.run('UPDATE person SET password_hash = ?', old));
  expect(await codeOf(signIn(access, 'Anna', place(), 'not her password'))).toBe('wrong-password');
  expect(hashOf(box, 'Anna')).toBe(old);
  expect(await codeOf(signIn(access, 'Anna', place()))).toBe('none');
  const renewed = hashOf(box, 'Anna');
  expect(renewed).toContain('$m=32768,t=2,p=1$');
  expect(await codeOf(signIn(access, 'Anna', place()))).toBe('none');
  expect(hashOf(box, 'Anna')).toBe(renewed);
});

test('a password that is changed while an old one is hashed opens nothing any more', async () => {
  await using box = new BoxState();
  const access = await house(box);
  const { lock } = access.parts;
  const anna = access.personByName('Anna')?.id ?? '';
  const proven = await lock.try(anna, goodPassword, { person: anna, known: undefined }, 'no');
  const chosen = await lock.choose(anna, 'quite another four words');
  await box.database.write(() => lock.setInWrite(chosen, undefined));
  expect(await codeOf(box.database.write(() => lock.settleInWrite(proven)))).toBe('wrong-password');
  expect(await codeOf(signIn(access, 'Anna', place()))).toBe('wrong-password');
  expect(await codeOf(signIn(access, 'Anna', place(), 'quite another four words'))).toBe('none');
});

test('two people share a browser: it is known to both, and the failures of one are not the other’s', async () => {
  await using box = new BoxState();
  const access = await house(box);
  const { known } = await signIn(access, 'Anna', place());
  // Not known to Tom yet, nor with a token that the box never made.
  const { known: his } = await signIn(access, 'Tom', place(known));
  expect(his).toBe(known);
  expect((await signIn(access, 'Anna', place(known))).known).toBe(known);
  const { known: made } = await signIn(access, 'Anna', place('A'.repeat(43)));
  expect(made).not.toBe('A'.repeat(43));
  for (let count = 0; count < 10; count += 1) {
    expect(await codeOf(signIn(access, 'Tom', place(known), 'not his password'))).toBe('wrong-password');
  }
  expect(await codeOf(signIn(access, 'Tom', place(known)))).toBe('too-many-requests');
  expect(await codeOf(signIn(access, 'Anna', place(known)))).toBe('none');
  // Coming in costs no try, however often and from wherever.
  for (let count = 0; count < 7; count += 1) expect(await codeOf(signIn(access, 'Anna', place()))).toBe('none');
  // Nor does her cookie give a name that nobody has other tries than a stranger's.
  for (let count = 0; count < 5; count += 1) {
    expect(await codeOf(signIn(access, 'Nobody', place(known), 'x'))).toBe('wrong-password');
  }
  expect(await codeOf(signIn(access, 'Nobody', place(known), 'x'))).toBe('too-many-requests');
});

test('a person has twenty known browsers; the longest unused is a stranger again, and so is one of 400 days ago', async () => {
  await using box = new BoxState();
  const access = await house(box);
  const { browsers } = access.parts;
  const anna = access.personByName('Anna')?.id ?? '';
  const met = [];
  for (let count = 0; count < 21; count += 1) {
    box.clock.ms += 1_000;
    met.push(await box.database.write(() => browsers.meetInWrite(undefined, anna)));
  }
  expect(met.map(({ token }) => browsers.idOf(token, anna) !== undefined)).toEqual([
    false,
    ...Array<boolean>(20).fill(true),
  ]);
  const last = met.at(-1)?.token;
  box.clock.ms += 400 * 86_400_000 - 1;
  expect(browsers.idOf(last, anna)).toBeDefined();
  box.clock.ms += 1;
  expect(browsers.idOf(last, anna)).toBeUndefined();
  // It is met anew under another token: the old one may be anywhere by now.
  expect((await box.database.write(() => browsers.meetInWrite(last, anna))).token).not.toBe(last);
});

test('a flood of sign-ins from one address leaves those from another, and every open session, where they are', async () => {
  await using box = new BoxState();
  const access = await house(box);
  const { book } = access.parts;
  const anna = access.personByName('Anna')?.id ?? '';
  const begin = (stage: 'second-factor' | 'open', address: string) =>
    box.database.write(() =>
      book.beginInWrite(anna, place(undefined, address), {
        stage,
        way: 'password',
        knownBrowserId: undefined,
        confirmed: false,
      }),
    );
  const open = await begin('open', '192.168.1.66');
  const early = await begin('second-factor', '192.168.1.66');
  const mine = await begin('second-factor', '192.168.1.20');
  for (let count = 0; count < 250; count += 1) await begin('second-factor', '192.168.1.66');
  expect(book.callerOf(mine.token)).toMatchObject({ kind: 'halfway', stage: 'second-factor' });
  expect(book.callerOf(open.token)).toMatchObject({ kind: 'person' });
  expect(book.callerOf(early.token)).toBeUndefined();
  expect(box.database.get<{ n: number }>('SELECT count(*) AS n FROM session')?.n).toBe(101);
});

test('an old session, from before browsers were known, confirms itself and gets one', async () => {
  await using box = new BoxState();
  const access = await house(box);
  const { token, person } = await signIn(access, 'Anna', place());
  await box.database.write(() =>
    box.database.run(
      `UPDATE session SET stage = 'open', absolute_until = NULL, confirmed_at = NULL, known_browser_id = NULL`,
    ),
  );
  const caller = access.personBySession(token ?? '');
  if (caller?.kind !== 'person') throw new Error('no session');
  expect(() => access.book.requireConfirmed(caller)).toThrow('password first');
  const { known } = await access.signing.confirm(caller, { password: goodPassword }, place());
  expect(access.parts.browsers.idOf(known, person.id)).toBeDefined();
  expect(access.book.confirmedUntil(caller)).toBe(box.clock.ms + 600_000);
  box.clock.ms += 90 * 86_400_000;
  expect(access.personBySession(token ?? '')).toBeUndefined();
});
