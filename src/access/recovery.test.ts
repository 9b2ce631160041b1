import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codeOf } from '../../test/support/box-state.ts';
import { HouseholdBox, place } from '../../test/support/household-box.ts';
import { BootFile } from './boot-file.ts';
import { Recovery } from './recovery.ts';

const minuteMs = 60_000;
const password = 'quite another set of words';
const asked = { door: 'console' } as const;

let box: HouseholdBox;
beforeEach(async () => {
  box = await HouseholdBox.make();
});
afterEach(() => box[Symbol.asyncDispose]());

const id = () => box.owner.id;
const actorsOf = (event: string) =>
  box.auditLog.page(undefined, 500).entries.flatMap((entry) => (entry.event === event ? [entry.actor] : []));
const redeem = (secret: string) => box.invitations.redeem({ secret, password }, place);

/** A second factor, as a row: what codes are worth is tested elsewhere. */
async function addFactor(): Promise<void> {
  const { database } = box.state;
  await database.write(() => {
    database.run(
      `INSERT INTO authenticator (id, person_id, name, secret, created_at, confirmed_at) VALUES ('a', ?, 'app', x'00', 1, 1)`,
      id(),
    );
    database.run(`INSERT INTO recovery_code (person_id, sha256, created_at) VALUES (?, x'01', 1)`, id());
    database.run('UPDATE person SET second_factor_since = 1 WHERE id = ?', id());
  });
}

describe('a new password from the console', () => {
  it('is chosen by a code, once, within the hour, and does not replace a second factor', async () => {
    await addFactor();
    const { token } = await box.access.signIn({ person: 'Anna', password: 'four words are quite fine' }, place);
    const { code, link, expiresAt, validFrom } = await box.recovery.resetPassword(id(), asked);
    expect(expiresAt - validFrom).toBe(60 * minuteMs);
    expect(code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/);
    expect(link).toContain(`#s=${code}`);
    // As people type it.
    const { stage } = await redeem(` ${code.toLowerCase().replaceAll('-', ' ')}`);
    expect(stage).toBe('second-factor');
    expect(box.access.personBySession(token ?? '')).toBeUndefined();
    expect(await codeOf(redeem(code))).toBe('invitation-used');
    expect(await codeOf(box.access.signIn({ person: 'Anna', password: 'four words are quite fine' }, place))).toBe(
      'wrong-password',
    );
    expect((await box.access.signIn({ person: 'Anna', password }, place)).stage).toBe('second-factor');
    expect(box.notices(id())).toEqual(expect.arrayContaining(['password-reset-asked', 'password-reset']));
    const old = await box.recovery.resetPassword(id(), asked);
    box.state.clock.ms += 60 * minuteMs;
    expect(await codeOf(redeem(old.code))).toBe('invitation-expired');
  });

  it('is dead when the person says no', async () => {
    const { code } = await box.recovery.resetPassword(id(), asked);
    expect(await box.recovery.object(id())).toEqual({ stopped: 1 });
    expect(await codeOf(redeem(code))).toBe('invitation-expired');
    expect(await box.recovery.object(id())).toEqual({ stopped: 0 });
    expect(box.events()).toContain('recovery-stopped');
  });
});

describe('the second factor, taken away at the console', () => {
  it('goes at once, with every session', async () => {
    await addFactor();
    const { token } = await redeem((await box.recovery.resetPassword(id(), asked)).code);
    box.state.clock.ms += 11 * minuteMs;
    expect(await box.recovery.resetSecondFactor(id(), asked)).toMatchObject({ person: 'Anna', done: true });
    expect(box.rows('SELECT count(*) AS n FROM authenticator')).toBe(0);
    expect(box.rows('SELECT count(*) AS n FROM recovery_code')).toBe(0);
    expect(box.access.personBySession(token ?? '')).toBeUndefined();
    expect((await box.access.signIn({ person: 'Anna', password }, place)).stage).toBe('open');
    expect(box.notices(id())).toContain('second-factor-reset');
    expect(actorsOf('second-factor-reset')).toEqual(['console']);
  });

  it('goes at once also while the clock goes on', async () => {
    await addFactor();
    let { ms } = box.state.clock;
    Object.defineProperty(box.state.clock, 'ms', { get: () => ms++ });
    expect(await box.recovery.resetSecondFactor(id(), asked)).toMatchObject({ done: true });
  });

  it('goes ten minutes later when the password was reset before, through a restart, unless the person says no', async () => {
    for (const says of ['nothing', 'no'] as const) {
      await addFactor();
      await box.recovery.resetPassword(id(), asked);
      box.state.clock.ms += 9 * minuteMs;
      const { done, validFrom } = await box.recovery.resetSecondFactor(id(), asked);
      expect([done, validFrom - box.state.now()]).toEqual([false, 10 * minuteMs]);
      expect(box.notices(id())).toContain('second-factor-reset-asked');
      if (says === 'no') await box.recovery.object(id());
      await box.reopen();
      box.state.clock.ms += 10 * minuteMs - 1;
      expect(await box.recovery.runDue()).toBe(0);
      expect(box.rows('SELECT count(*) AS n FROM authenticator')).toBe(1);
      box.state.clock.ms += 1;
      expect(await box.recovery.runDue()).toBe(says === 'no' ? 0 : 1);
      expect(await box.recovery.runDue()).toBe(0);
      expect([actorsOf('second-factor-reset-asked')[0], ...actorsOf('second-factor-reset')]).toEqual([
        'console',
        'box',
      ]);
      expect(box.rows('SELECT count(*) AS n FROM authenticator')).toBe(says === 'no' ? 1 : 0);
      box.state.clock.ms += 60 * minuteMs;
    }
  });

  it('holds up a new password for ten minutes, also when the clock goes back', async () => {
    await box.recovery.resetSecondFactor(id(), asked);
    box.state.clock.ms -= 365 * 24 * 60 * minuteMs;
    const { code, validFrom } = await box.recovery.resetPassword(id(), asked);
    expect(validFrom).toBe(box.state.now() + 10 * minuteMs);
    expect(await codeOf(redeem(code))).toBe('too-early');
    box.state.clock.ms += 10 * minuteMs;
    expect(await codeOf(redeem(code))).toBe('none');
  });

  it('knows only people who are on the box', async () => {
    const bob = await box.household.addPerson('Bob', box.by);
    await box.household.removePerson(bob.id, box.by);
    expect(await codeOf(box.recovery.resetPassword(bob.id, asked))).toBe('not-found');
    expect(() => box.recovery.personByName('Bob')).toThrow(expect.objectContaining({ code: 'not-found' }));
    expect(await box.recovery.endSessions(id())).toEqual({ ended: 0 });
    await box.access.signIn({ person: 'Anna', password: 'four words are quite fine' }, place);
    expect(box.recovery.sessions(id())).toMatchObject([{ address: place.address }]);
    expect(await box.recovery.endSessions(id())).toEqual({ ended: 1 });
  });
});

describe('the line in nightjar.txt', () => {
  const shown: string[] = [];
  const warned: unknown[] = [];
  const file = () => join(box.state.dir, 'boot', 'nightjar.txt');
  const act = (path: string | undefined = file()) => {
    const { database } = box.state;
    const recovery = new Recovery({ ...box.access.parts.options, invitations: box.invitations });
    const log = { warn: (about: unknown) => void warned.push(about), info: () => undefined };
    return new BootFile({ path, database, recovery, log, show: (line) => shown.push(line) }).act();
  };
  const read = () => readFile(file(), 'utf8');
  beforeEach(async () => {
    shown.length = 0;
    warned.length = 0;
    await mkdir(join(box.state.dir, 'boot'));
  });

  it('gives a code once, and becomes a comment', async () => {
    await writeFile(
      file(),
      '\uFEFF# mine\r\nhostname: attic\r\n  Reset-Password :  anna \r\nreset-second-factor: Anna\r\n',
    );
    await act();
    const text = await read();
    const code = /type the code (\S+) at/.exec(text)?.[1] ?? '';
    expect(text).toContain('hostname: attic');
    expect(text).toContain('# reset-second-factor: Anna was left');
    expect(box.rows('SELECT count(*) AS n FROM factor_reset')).toBe(0);
    await act();
    expect(await read()).toBe(text);
    expect(box.rows('SELECT count(*) AS n FROM invitation')).toBe(1);
    expect(await codeOf(redeem(code))).toBe('none');
    // Asked for again it is done again.
    await writeFile(file(), '  Reset-Password :  anna \r\n');
    await act();
    expect(box.rows('SELECT count(*) AS n FROM invitation')).toBe(2);
    expect(shown).toEqual([]);
  });

  it('is not acted on twice where the file cannot be written, and shows the code on the screen', async () => {
    await writeFile(file(), 'reset-password: Anna');
    // What is in the way of the new file cannot be removed as one: also root cannot write this.
    await mkdir(join(`${file()}.new`, 'full'), { recursive: true });
    await act();
    expect(await read()).toBe('reset-password: Anna');
    expect(shown.join()).toMatch(/type the code [0-9A-Z-]{19} at/);
    await box.reopen();
    await act();
    expect(box.rows('SELECT count(*) AS n FROM invitation')).toBe(1);
    expect(JSON.stringify(warned)).not.toMatch(/[0-9A-Z]{4}-[0-9A-Z]{4}/);
  });

  it('says what it could not do, and believes nothing else', async () => {
    await writeFile(file(), 'reset-password: Nobody\n');
    await act();
    expect(await read()).toMatch(/^# reset-password: Nobody was not done: There is no such person/);
    await writeFile(file(), 'password: hunter2\nreset-everything: Anna\n#reset-password: Anna\nreset-password:\n');
    const before = await read();
    await act();
    expect(await read()).toBe(before);
    await writeFile(file(), `reset-second-factor: Anna\n${'x'.repeat(20_000)}`);
    await act();
    expect(box.rows('SELECT count(*) AS n FROM factor_reset')).toBe(0);
    expect(warned).not.toEqual([]);
    await expect(act(join(box.state.dir, 'none.txt'))).resolves.toBeUndefined();
    await expect(act(box.state.dir)).resolves.toBeUndefined();
  });
});
