import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeOf } from '../../test/support/box-state.ts';
import { HouseholdBox, place } from '../../test/support/household-box.ts';

const dayMs = 86_400_000;
const password = 'quite another set of words';
const console_ = { kind: 'console' } as const;

let box: HouseholdBox;
beforeEach(async () => {
  box = await HouseholdBox.make();
});
afterEach(() => box[Symbol.asyncDispose]());

const add = (name: string) => box.household.addPerson(name, box.by);
const secretOf = (link: string) => new URLSearchParams(new URL(link).hash.slice(1)).get('s') ?? '';
const invite = async (name: string) => {
  const person = await add(name);
  return { person, secret: secretOf((await box.invitations.invite(person.id, box.by)).link) };
};
const join = async (name: string) => {
  const { person, secret } = await invite(name);
  const { token } = await box.invitations.redeem({ secret, password }, place);
  return { person, token };
};

describe('invitations', () => {
  it('let somebody choose a password once, and go in', async () => {
    const { person, secret } = await invite('Bob');
    expect(box.invitations.look(secret)).toMatchObject({ person: 'Bob', kind: 'join', box: 'nightjar' });
    expect(await codeOf(box.invitations.redeem({ secret, password: 'short' }, place))).toBe('weak-password');
    const { token, stage } = await box.invitations.redeem({ secret, password }, place);
    expect(stage).toBe('open');
    expect(box.access.personBySession(token ?? '')).toMatchObject({ kind: 'person', personId: person.id });
    expect((await box.access.signIn({ person: 'bob', password }, place)).stage).toBe('open');
    expect(await codeOf(box.invitations.redeem({ secret, password }, place))).toBe('invitation-used');
    expect(await codeOf(box.invitations.invite(person.id, box.by))).toBe('conflict');
    await box.reopen();
    expect(await codeOf(box.invitations.redeem({ secret, password }, place))).toBe('invitation-used');
    expect(box.events()).toEqual(expect.arrayContaining(['person-added', 'person-invited', 'person-joined']));
  });

  it('keep their secret out of the request line, and no readable one on the box', async () => {
    const person = await add('Bob');
    const { link, code } = await box.invitations.invite(person.id, box.by);
    const url = new URL(link);
    expect([url.protocol, url.host, url.pathname, url.search]).toEqual(['https:', 'nightjar.local:8443', '/join', '']);
    expect(secretOf(link)).toBe(code);
    // 32 symbols of 5 bits.
    expect(code.replaceAll('-', '')).toMatch(/^[0-9A-HJKMNP-TV-Z]{32}$/);
    const all = box.state.database.all<{ row: string }>(
      'SELECT group_concat(id || kind || hex(secret_sha256)) || (SELECT group_concat(detail) FROM audit) AS row FROM invitation',
    );
    expect(JSON.stringify(all)).not.toContain(code);
    expect(JSON.stringify(all)).not.toContain(Buffer.from(code).toString('hex').toUpperCase());
  });

  it('end after seven days, and when a newer one is made', async () => {
    const { person, secret } = await invite('Bob');
    const newer = secretOf((await box.invitations.invite(person.id, box.by)).link);
    expect(await codeOf(box.invitations.redeem({ secret, password }, place))).toBe('invitation-expired');
    box.state.clock.ms += 7 * dayMs - 1;
    expect(box.invitations.look(newer).person).toBe('Bob');
    box.state.clock.ms += 1;
    expect(() => box.invitations.look(newer)).toThrow(expect.objectContaining({ code: 'invitation-expired' }));
    expect(() => box.invitations.look('0000')).toThrow(expect.objectContaining({ code: 'invitation-unknown' }));
  });

  it('let one of two in who come at the same moment', async () => {
    const { secret } = await invite('Bob');
    const both = await Promise.all([
      codeOf(box.invitations.redeem({ secret, password }, place)),
      codeOf(box.invitations.redeem({ secret, password }, place)),
    ]);
    expect(both.sort()).toEqual(['invitation-used', 'none']);
  });
});

describe('people', () => {
  it('get names and folders that nobody else has or had', async () => {
    const bob = await add('Bob');
    expect(await codeOf(add('bob'))).toBe('conflict');
    const carol = await add('Carol');
    expect(await codeOf(box.household.renamePerson(carol.id, 'BOB', box.by))).toBe('conflict');
    expect(await box.household.renamePerson(bob.id, 'Robert', box.by)).toMatchObject({ name: 'Robert', folder: 'Bob' });
    expect(box.access.personByName('robert')?.id).toBe(bob.id);
    // The name is free, the folder is not.
    expect((await add('Bob')).folder).toBe('Bob-2');
    await box.household.removePerson(carol.id, box.by);
    expect(await codeOf(add('Carol'))).toBe('conflict');
  });

  it('have nothing that opens the box once they are removed, and keep their row', async () => {
    const { person, token } = await join('Bob');
    const opened = await box.phones.createPairing(console_, { person: 'Bob', phone: 'Pixel' });
    const phone = await box.phones.redeemPairing({ code: opened.code }, {});
    const { database, now } = box.state;
    await database.write(() => {
      database.run(
        `INSERT INTO authenticator (id, person_id, name, secret, created_at, confirmed_at) VALUES ('a', ?, 'app', x'00', 1, 1)`,
        person.id,
      );
      database.run(
        `INSERT INTO recovery_code (person_id, sha256, created_at) VALUES (?, ?, 1)`,
        person.id,
        randomBytes(32),
      );
    });
    expect(box.phones.phoneByToken(phone.token)).toBeDefined();
    expect(await codeOf(box.household.removePerson(box.owner.id, box.by))).toBe('conflict');
    await box.household.removePerson(person.id, box.by);

    expect(box.access.personBySession(token ?? '')).toBeUndefined();
    expect(box.phones.phoneByToken(phone.token)).toBeUndefined();
    expect(await codeOf(box.access.signIn({ person: 'Bob', password }, place))).toBe('wrong-password');
    expect(await codeOf(box.household.removePerson(person.id, box.by))).toBe('not-found');
    for (const table of ['session', 'known_browser', 'authenticator', 'recovery_code', 'invitation', 'notice']) {
      expect(box.rows(`SELECT count(*) AS n FROM ${table} WHERE person_id = ?`, person.id), table).toBe(0);
    }
    expect(box.rows('SELECT count(*) AS n FROM phone_credential')).toBe(0);
    expect(box.household.everyone().find(({ id }) => id === person.id)).toMatchObject({
      folder: 'Bob',
      removedAt: now(),
      erasedAt: null,
    });
    // The owner is as before.
    expect(box.rows('SELECT count(*) AS n FROM person WHERE removed_at IS NULL')).toBe(1);
  });

  it('delete their data only with their name typed, by themselves or once they are removed', async () => {
    const { person } = await join('Bob');
    const bob = { kind: 'person', personId: person.id, role: 'member', sessionId: 'x' } as const;
    const opened = await box.phones.createPairing(console_, { person: 'Bob', phone: 'Pixel' });
    const phone = await box.phones.redeemPairing({ code: opened.code }, {});
    const begin = (typed: string, by: typeof bob | typeof box.by) =>
      box.household.beginErasure({ personId: person.id, typed }, by);
    expect(await codeOf(begin('Bob', box.by))).toBe('conflict');
    expect(await codeOf(begin('bob', bob))).toBe('invalid-request');
    expect(box.phones.phoneByToken(phone.token)).toBeDefined();
    expect(await begin(' Bob ', bob)).toEqual({ folder: 'Bob', phones: [phone.phoneId] });
    // Its credential opens nothing, and says why.
    expect(box.phones.phoneByToken(phone.token)).toBeUndefined();
    expect(() => box.endings.refuseGone(phone.token)).toThrow(expect.objectContaining({ code: 'gone' }));
    expect(() => box.endings.refuseGone('somebody-elses-token')).not.toThrow();
    await box.household.erased(person.id, { files: 7, foreignFiles: 0 });
    expect(box.notices(person.id)).toEqual(['data-deletion-begun', 'data-deleted']);
    await box.household.removePerson(person.id, box.by);
    expect(await begin('Bob', box.by)).toMatchObject({ folder: 'Bob' });
    await box.household.erased(person.id, { files: 0, foreignFiles: 0 });
    expect(box.household.everyone().at(-1)?.erasedAt).toBe(box.state.now());
  });
});
