/** What a person may use, for a door that does not know how long a file is before its end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { exifJpeg } from '../../test/support/exif-jpeg.ts';
import { TestBox } from '../../test/support/open-library.ts';

const bytes = 5_000;
const picture = (seed: number) => exifJpeg({ seed, bytes, takenLocal: '2026-06-09T18:00:00' });

let parent: string;
let box: TestBox;
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'nightjar-quota-'));
  box = await TestBox.make(parent);
});
afterEach(async () => {
  await box.remove();
  rmSync(parent, { recursive: true, force: true });
});

function allow(quotaBytes: number | null): void {
  Object.assign(box.owner, { quotaBytes });
}

/** Its length, name and checksum come at the end. */
function send(seed: number): Promise<void> {
  return box.uploads.begin(box.owner.phoneId, { door: 'test', facts: {} }, async (upload) => {
    await upload.append(0, Readable.from([picture(seed)]));
    await upload.finish({ path: `DCIM/${seed}.jpg` });
  });
}

it('is asked in the commit that gives a file its place, so that many at once do not pass it together', async () => {
  allow(2 * bytes);
  await send(1);
  const ends = await Promise.allSettled([send(2), send(3), send(4)]);
  expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  const refused = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
  expect(refused).toMatchObject([{ code: 'over-quota' }, { code: 'over-quota' }]);
  expect((await box.filesInView()).length).toBe(2);
  expect(await box.incoming()).toEqual([]);
  expect(box.library.current().standing.usage(box.owner.person.id)).toEqual({ files: 2, bytes: 2 * bytes });
  // What the person has already takes nothing, whatever they may use.
  allow(0);
  await expect(send(5)).rejects.toMatchObject({ code: 'over-quota' });
  allow(null);
  await send(5);
});

it('takes what the person has already, by its bytes, when it is there', async () => {
  allow(2 * bytes);
  await send(1);
  allow(bytes + 1);
  await send(1);
  await expect(send(2)).rejects.toMatchObject({ code: 'over-quota', facts: { usedBytes: bytes, neededBytes: bytes } });
});
