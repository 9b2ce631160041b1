import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { expect, it } from 'vitest';
import { KeepingBox } from '../../test/support/keeping-box.ts';
import { Publishing } from './publishing.ts';

it('puts both halves of a pair into one folder also when they come at the same moment', async () => {
  await using box = await KeepingBox.make();
  const dates = Promise.withResolvers<void>();
  const local = { 'a.jpg': '2025-07-31T23:59:59', 'a.mov': '2025-08-02T10:00:00' };
  const publishing = new Publishing({
    now: () => box.box.clock,
    captureDateOf: async (_file, name) => {
      await dates.promise;
      return { at: 0, local: local[name as keyof typeof local], from: 'metadata' };
    },
  });
  const halves = Object.keys(local).map(async (name) => {
    const bytes = Buffer.from(name);
    await writeFile(box.open.incoming(name), bytes);
    await publishing.admit(box.open, {
      source: name,
      phoneId: 'phone-1',
      personId: box.personId,
      personFolder: 'Alice',
      baseFolder: 'Photos/Alice',
      path: `DCIM/${name}`,
      key: null,
      mtime: null,
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest(),
      pair: 'p',
      origin: 'app',
      syncSource: async () => undefined,
      record: () => undefined,
    });
  });
  // Both were asked for their dates, and the answers come in one turn of the loop.
  await new Promise((resolve) => setTimeout(resolve, 200));
  dates.resolve();
  await Promise.all(halves);
  const [one, other] = box.open.rows.pairMembers(box.personId, 'p').map(({ path }) => posix.dirname(path));
  expect(one).toBeDefined();
  expect(other).toBe(one);
});
