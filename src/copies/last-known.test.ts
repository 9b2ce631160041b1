import { expect, it } from 'vitest';
import { type Known, LastKnown } from './last-known.ts';

const hourMs = 3_600_000;
const known = (at: number, files: number): Known => ({
  ...{ at, files, bytes: files * 10, waiting: { files: 0, bytes: 0 }, lastCompleteAt: at },
});

it('knows what was noted last, and after a restart what was kept within the hour', () => {
  let kept: string | undefined;
  let writes = 0;
  const settings = {
    text: () => kept,
    putText: async (_name: string, value: string) => {
      kept = value;
      writes += 1;
    },
  };
  const it = new LastKnown(settings);
  expect(it.of('a')).toBeUndefined();
  for (let second = 0; second < 3_600; second += 2) it.note('a', known(second * 1_000, second));
  expect(it.of('a')).toMatchObject({ files: 3_598 });
  expect(writes).toBe(1);
  expect(new LastKnown(settings).of('a')).toMatchObject({ files: 0 });
  it.note('a', known(hourMs, 7));
  it.note('b', known(hourMs, 8));
  expect(new LastKnown(settings).of('a')).toMatchObject({ files: 7 });
  expect(new LastKnown(settings).of('b')).toMatchObject({ files: 8 });
  // A clock that was set back is no reason to keep nothing.
  it.note('a', known(-5 * hourMs, 9));
  expect(new LastKnown(settings).of('a')).toMatchObject({ files: 9 });
  for (let mirror = 0; mirror < 40; mirror += 1) it.note(`m${mirror}`, known(hourMs, mirror));
  expect(it.of('b')).toBeUndefined();
  expect(it.of('m39')).toMatchObject({ files: 39 });
});
