import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoxState, codeOf } from '../../test/support/box-state.ts';
import type { Caller } from '../http/caller.ts';
import { CodedError } from '../platform/errors.ts';
import { normalCode, symbols } from '../platform/identifiers.ts';
import { readWraps, unwrap, wrap } from './key-wraps.ts';
import { Passwords } from './passwords.ts';
import { openWraps, RecoveryKey } from './recovery-key.ts';
import { newRecoveryKeyText, readRecoveryKeyText } from './recovery-key-text.ts';

const first = 'the first of her passwords';
const second = 'the second of her passwords';
const anna: Caller = { kind: 'person', personId: 'anna', role: 'owner', sessionId: 'here' };

/** A stretch that is quick: what it costs is tested with the passwords. */
const quickKey = async (password: string, salt: Uint8Array) =>
  createHash('sha256').update(salt).update(password.normalize('NFC')).digest();

class KeyBox extends BoxState {
  readonly told: string[] = [];
  password = first;
  confirmed = true;
  deriveKey: typeof quickKey = quickKey;

  get key(): RecoveryKey {
    const sql = `INSERT OR IGNORE INTO person (id, name, name_key, folder, role, password_hash, created_at)
      VALUES ('anna', 'Anna', 'anna', 'Anna', 'owner', 'hash', 0)`;
    this.database.run(sql);
    return new RecoveryKey({
      database: this.database,
      stateDir: this.dir,
      deriveKey: (password, salt) => this.deriveKey(password, salt),
      passwordCost: { memoryKiB: 32 * 1024, passes: 2, parallelism: 1 },
      now: this.now,
      randomBytes,
      record: ({ event, actor }) => void this.told.push(`audit ${event} by ${actor}`),
      notify: (personId, kind) => void this.told.push(`notice ${kind} to ${personId}`),
      requireConfirmed: () => {
        if (!this.confirmed) throw new CodedError('confirm-first', 'Confirm first.');
      },
      proveOwnerPassword: async (password) => {
        const settle = () => {
          if (password !== this.password) throw new CodedError('wrong-password', 'Wrong.');
        };
        settle();
        return settle;
      },
    });
  }

  get boxKeyPath(): string {
    return join(this.dir, 'box-key');
  }

  /** As whatever changes the password does it: both in one commit. */
  async changePassword(password: string, current?: string): Promise<void> {
    const rewrap = await this.key.rewrapForPassword('anna', password, current);
    await this.database.write(() => {
      this.database.run("UPDATE person SET password_hash = ? WHERE id = 'anna'", `hash of ${password}`);
      rewrap();
    });
    this.password = password;
  }

  get wrapsText(): string {
    return this.database.get<{ wraps: string }>('SELECT wraps FROM recovery_key')?.wraps ?? '';
  }
}

test('recovery key and password open the same data key, and the box opens it by itself', async () => {
  await using box = new KeyBox();
  expect([box.key.state(), await box.key.dataKey(), box.key.wrapsForCopy()]).toEqual(Array(3).fill(undefined));
  expect(await codeOf(box.key.openWith({ password: first }))).toBe('not-found');
  const recoveryKey = await box.key.make(first, anna);
  expect(recoveryKey).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/);
  const dataKey = await box.key.openWith({ recoveryKey });
  expect(dataKey).toHaveLength(32);
  const lower = recoveryKey.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l');
  expect(await box.key.openWith({ recoveryKey: lower })).toEqual(dataKey);
  expect(await box.key.openWith({ password: first })).toEqual(dataKey);
  expect(await box.key.dataKey()).toEqual(dataKey);
  expect(box.key.state()).toMatchObject({ madeAt: box.clock.ms, opensByPassword: true });
  expect(box.told).toEqual(['audit recovery-key-made by person:anna', 'notice recovery-key-made to anna']);
  expect(statSync(box.boxKeyPath).mode & 0o777).toBe(0o600);
});

test('neither key is on the disk in clear, and the database alone opens nothing', async () => {
  await using box = new KeyBox();
  const recoveryKey = await box.key.make(first, anna);
  const dataKey = await box.key.openWith({ recoveryKey });
  const boxKey = readFileSync(box.boxKeyPath, 'utf8').trim();
  const forms = [recoveryKey, normalCode(recoveryKey).slice(0, 26), first];
  for (const form of ['hex', 'base64', 'base64url', 'latin1'] as const) forms.push(dataKey.toString(form));
  const files = readdirSync(box.dir).filter((name) => name !== 'box-key');
  const all = files.map((name) => readFileSync(join(box.dir, name), 'latin1')).join('');
  expect(all).toContain(box.key.state()?.fingerprint);
  for (const form of [...forms, boxKey]) expect(all.includes(form)).toBe(false);
  for (const form of forms) expect(boxKey.includes(form)).toBe(false);
  expect(JSON.parse(box.key.wrapsForCopy() ?? '')).toMatchObject({ box: null });
});

test('a wrong key, a wrong password and another box’s key open nothing', async () => {
  await using box = new KeyBox();
  await using other = new KeyBox();
  await box.key.make(first, anna);
  const elsewhere = await other.key.make(first, anna);
  expect(await codeOf(box.key.openWith({ recoveryKey: elsewhere }))).toBe('wrong-code');
  expect(await codeOf(box.key.openWith({ password: second }))).toBe('wrong-password');
  expect(await codeOf(box.key.openWith({ recoveryKey: '' }))).toBe('invalid-request');
});

test('up to four mistyped symbols and two that changed places are always found', () => {
  const anyText = fc
    .uint8Array({ minLength: 26, maxLength: 26 })
    .map((bytes) => newRecoveryKeyText(() => Buffer.from(bytes)));
  const anyPlace = fc.uniqueArray(fc.tuple(fc.nat(31), fc.integer({ min: 1, max: 31 })), {
    selector: ([at]) => at,
    minLength: 1,
    maxLength: 4,
  });
  const mistyped = fc.property(anyText, anyPlace, (text, changes) => {
    const typed = [...normalCode(text)];
    expect(readRecoveryKeyText(typed.join(''))).toBe(typed.slice(0, 26).join(''));
    for (const [at, by] of changes) typed[at] = symbols.charAt((symbols.indexOf(typed[at] ?? '') + by) % 32);
    expect(() => readRecoveryKeyText(typed.join(''))).toThrow('typing mistake');
  });
  fc.assert(mistyped, { numRuns: 500 });
  const swapped = fc.property(anyText, fc.nat(31), fc.nat(31), (text, one, other) => {
    const typed = [...normalCode(text)];
    fc.pre(typed[one] !== typed[other]);
    [typed[one], typed[other]] = [typed[other] ?? '', typed[one] ?? ''];
    expect(() => readRecoveryKeyText(typed.join(''))).toThrow('typing mistake');
  });
  fc.assert(swapped, { numRuns: 500 });
});

test('a key with a symbol too few, too many or unknown is mistyped', () => {
  const text = newRecoveryKeyText(randomBytes);
  for (const typed of [
    text.slice(0, -1),
    `${text}0`,
    text.replace(/.$/, 'U'),
    text.replace(/^./, '*'),
    `${text}${text}`,
  ]) {
    expect(() => readRecoveryKeyText(typed)).toThrow('typing mistake');
  }
});

test('a changed password opens the same data key, the old one no more, and the recovery key still does', async () => {
  await using box = new KeyBox();
  const recoveryKey = await box.key.make(first, anna);
  const dataKey = await box.key.openWith({ recoveryKey });
  await box.changePassword(second);
  expect(await box.key.openWith({ password: second })).toEqual(dataKey);
  expect(await box.key.openWith({ recoveryKey })).toEqual(dataKey);
  expect(await codeOf(box.key.openWith({ password: first }))).toBe('wrong-password');
  expect(box.key.state()?.opensByPassword).toBe(true);
  await box.database.write(await box.key.rewrapForPassword('a member', first, undefined));
  expect(await box.key.openWith({ password: second })).toEqual(dataKey);
});

test('a password change that is not committed changes no wrap, and one without a recovery key needs none', async () => {
  await using box = new KeyBox();
  await box.changePassword(first);
  const recoveryKey = await box.key.make(first, anna);
  const rewrap = await box.key.rewrapForPassword('anna', second, undefined);
  const failing = box.database.write(() => {
    rewrap();
    throw new Error('the hash could not be written');
  });
  await expect(failing).rejects.toThrow('could not be written');
  expect(await box.key.openWith({ password: first })).toEqual(await box.key.openWith({ recoveryKey }));
});

test.each([
  'lost',
  'cut short',
  'of another box',
])('a box key that is %s is made again by whoever opens', async (how) => {
  await using box = new KeyBox();
  const recoveryKey = await box.key.make(first, anna);
  const dataKey = await box.key.openWith({ recoveryKey });
  if (how === 'lost') rmSync(box.boxKeyPath);
  else writeFileSync(box.boxKeyPath, how === 'cut short' ? 'AAAA' : randomBytes(32).toString('base64url'));
  expect(await box.key.dataKey()).toBeUndefined();
  expect(await box.key.openWith({ password: first })).toEqual(dataKey);
  expect(await box.key.dataKey()).toEqual(dataKey);
  expect(statSync(box.boxKeyPath).mode & 0o777).toBe(0o600);
});

test('without a box key the current password still carries the data key over; without both it is due again', async () => {
  await using box = new KeyBox();
  const recoveryKey = await box.key.make(first, anna);
  const dataKey = await box.key.openWith({ recoveryKey });
  rmSync(box.boxKeyPath);
  await box.changePassword(second, first);
  expect([box.key.state()?.opensByPassword, existsSync(box.boxKeyPath)]).toEqual([true, false]);
  box.told.length = 0;
  await box.changePassword('the third, after a reset');
  expect([box.key.state()?.opensByPassword, box.told]).toEqual([false, ['notice recovery-key-due to anna']]);
  for (const password of [first, second, box.password]) {
    expect(await codeOf(box.key.openWith({ password }))).toBe('wrong-password');
  }
  expect(await box.key.openWith({ recoveryKey })).toEqual(dataKey);
});

test('a wrap that somebody changed opens nothing, and none stands in for another', async () => {
  await using box = new KeyBox();
  const recoveryKey = await box.key.make(first, anna);
  const whole = readWraps(box.wrapsText);
  if (whole === undefined) throw new Error('no wraps');
  const flipped = (text: string, at: number) => {
    const bytes = Buffer.from(text, 'base64url');
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    return bytes.toString('base64url');
  };
  const { recovery } = whole;
  for (let at = 0; at < 48; at += 1) {
    const tampered = { ...whole, recovery: { ...recovery, sealed: flipped(recovery.sealed, at) } };
    expect(await codeOf(openWraps(tampered, { recoveryKey }, quickKey)), `byte ${at}`).toBe('wrong-code');
  }
  const others = [
    { ...whole, recovery: { ...recovery, nonce: flipped(recovery.nonce, 3) } },
    { ...whole, fingerprint: whole.fingerprint.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) },
    { ...whole, recovery: { ...recovery, sealed: recovery.sealed.slice(0, -1) } },
  ];
  for (const tampered of others)
    expect(await codeOf(openWraps(tampered, { recoveryKey }, quickKey))).toBe('wrong-code');
  const secret = randomBytes(32);
  const made = wrap('box', secret, secret, randomBytes);
  expect(unwrap('recovery', secret, made, whole.fingerprint)).toBeUndefined();
});

test('a record that cannot be read opens nothing, keeps nobody from a new password, and a new key mends it', async () => {
  await using box = new KeyBox();
  const old = await box.key.make(first, anna);
  for (const text of ['', '{', 'null', '[]', '{"version":2}', box.wrapsText.replace('"version":1', '"version":2')]) {
    await box.database.write(() => box.database.run('UPDATE recovery_key SET wraps = ?', text));
    expect(await codeOf(box.key.openWith({ recoveryKey: old }))).toBe('internal');
    await box.changePassword(first);
  }
  const recoveryKey = await box.key.make(first, anna);
  expect(await box.key.openWith({ recoveryKey })).toHaveLength(32);
});

test('a new recovery key has a new data key, and the wraps beside an old copy open with the old one alone', async () => {
  await using box = new KeyBox();
  const old = await box.key.make(first, anna);
  const beside = readWraps(box.key.wrapsForCopy() ?? '');
  const oldKey = await box.key.openWith({ recoveryKey: old });
  const fresh = await box.key.make(first, anna);
  const freshKey = await box.key.openWith({ recoveryKey: fresh });
  expect(freshKey).not.toEqual(oldKey);
  expect(await box.key.dataKey()).toEqual(freshKey);
  expect(await codeOf(box.key.openWith({ recoveryKey: old }))).toBe('wrong-code');
  if (beside === undefined) throw new Error('no wraps beside the copy');
  expect(await openWraps(beside, { recoveryKey: old }, quickKey)).toEqual(oldKey);
  expect(await openWraps(beside, { password: first }, quickKey)).toEqual(oldKey);
  expect(await codeOf(openWraps(beside, { recoveryKey: fresh }, quickKey))).toBe('wrong-code');
});

test('a key is made only by who is there, knows the password, and is alone', async () => {
  await using box = new KeyBox();
  expect(await codeOf(box.key.make(second, anna))).toBe('wrong-password');
  box.confirmed = false;
  expect(await codeOf(box.key.make(first, anna))).toBe('confirm-first');
  expect(await codeOf(box.key.make(first, { kind: 'console' }))).toBe('none');
  box.confirmed = true;
  const { key } = box;
  expect(await Promise.all([codeOf(key.make(first, anna)), codeOf(key.make(first, anna))])).toEqual(['none', 'busy']);
  expect(await codeOf(key.make(first, anna)), 'the first is done').toBe('none');
});

test('a password that changes while a key is made leaves no wrap of the old one, whichever is first', async () => {
  await using box = new KeyBox();
  box.deriveKey = async (password, salt) => {
    box.deriveKey = quickKey;
    await box.changePassword(second);
    return quickKey(password, salt);
  };
  expect(await codeOf(box.key.make(first, anna))).toBe('wrong-password');
  expect(box.key.state()).toBeUndefined();

  await box.key.make(second, anna);
  const rewrap = await box.key.rewrapForPassword('anna', first, undefined);
  const recoveryKey = await box.key.make(second, anna);
  await box.database.write(rewrap);
  expect(box.key.state()?.opensByPassword).toBe(false);
  expect(await box.key.openWith({ recoveryKey })).toHaveLength(32);
});

test('by real argon2id too: a password in another normal form opens, and a dear wrap from elsewhere is refused', async () => {
  await using box = new KeyBox();
  const passwords = new Passwords({ randomBytes });
  try {
    box.password = 'Schl\u00fcssel unter der Matte';
    box.deriveKey = (password, salt) =>
      passwords.deriveKey(password, salt, { memoryKiB: 1_024, passes: 1, parallelism: 1 }) as ReturnType<
        typeof quickKey
      >;
    const recoveryKey = await box.key.make(box.password, anna);
    const opened = await box.key.openWith({ password: 'Schlu\u0308ssel unter der Matte' });
    expect(opened).toEqual(await box.key.openWith({ recoveryKey }));
    for (const cost of [
      { memoryKiB: 32 * 1024 + 1, passes: 1 },
      { memoryKiB: 64, passes: 11 },
    ]) {
      expect(await codeOf(passwords.deriveKey(first, randomBytes(16), { ...cost, parallelism: 1 }))).toBe('internal');
    }
  } finally {
    await passwords.stop();
  }
});
