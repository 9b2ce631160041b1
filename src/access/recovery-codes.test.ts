import { expect, test } from 'vitest';
import { codeOf } from '../../test/support/box-state.ts';
import { anna, FactorBox } from '../../test/support/factor-box.ts';

function take(box: FactorBox, code: string, personId = 'anna'): Promise<boolean> {
  return box.database.write(() => box.recovery.take(personId, code));
}

/** Anna has a second factor, and nothing was told yet. */
async function withFactor(): Promise<FactorBox> {
  const box = new FactorBox();
  await box.withAuthenticator();
  box.told.length = 0;
  return box;
}

test('there are none without a second factor', async () => {
  await using box = new FactorBox();
  expect(await codeOf(box.recovery.renew(anna))).toBe('conflict');
  expect(box.count('recovery_code')).toBe(0);
});

test('ten different codes of 80 bits, of which the box keeps digests alone', async () => {
  await using box = await withFactor();
  const codes = await box.recovery.renew(anna);
  expect(new Set(codes).size).toBe(10);
  for (const code of codes) expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/);
  const rows = box.database.all<{ sha256: Buffer }>('SELECT * FROM recovery_code');
  expect(rows.map((row) => row.sha256.length)).toEqual(Array(10).fill(32));
  const kept = JSON.stringify(rows) + Buffer.concat(rows.map((row) => row.sha256)).toString('latin1');
  for (const code of codes) expect(kept).not.toContain(code.slice(0, 9));
  expect(box.told).toEqual([
    'audit recovery-codes-replaced by person:anna',
    'notice recovery-codes-replaced to anna',
    'sessions of anna end but here',
  ]);
});

test('a code opens once, however it is typed, also across restarts and for nobody else', async () => {
  await using box = await withFactor();
  const [first = '', second = ''] = await box.recovery.renew(anna);
  box.told.length = 0;
  expect(await take(box, first, 'bert')).toBe(false);
  expect(await take(box, first.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l'))).toBe(
    true,
  );
  expect(box.told).toEqual(['audit recovery-code-used by person:anna', 'notice recovery-code-used to anna']);
  expect([await take(box, first), box.recovery.left('anna')]).toEqual([false, 9]);
  await box.reopen();
  expect([await take(box, first), await take(box, ''), await take(box, 'AAAA-AAAA-AAAA-AAAA')]).toEqual([
    false,
    false,
    false,
  ]);
  const tries = await Promise.all(Array.from({ length: 10 }, () => take(box, second)));
  expect([tries.filter(Boolean).length, box.recovery.left('anna')]).toEqual([1, 8]);
});

test('a write that fails has used no code', async () => {
  await using box = await withFactor();
  const [code = ''] = await box.recovery.renew(anna);
  const failing = box.database.write(() => {
    expect(box.recovery.take('anna', code)).toBe(true);
    throw new Error('the session could not be written');
  });
  await expect(failing).rejects.toThrow('could not be written');
  expect(await take(box, code)).toBe(true);
});

test('new codes kill the old ones, used or not', async () => {
  await using box = await withFactor();
  const [old = '', used = ''] = await box.recovery.renew(anna);
  await take(box, used);
  const [fresh = ''] = await box.recovery.renew(anna);
  expect([box.count('recovery_code'), box.recovery.left('anna')]).toEqual([10, 10]);
  expect([await take(box, old), await take(box, used), await take(box, fresh)]).toEqual([false, false, true]);
});
