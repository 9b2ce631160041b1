import { expect, test } from 'vitest';
import type { OpenLibrary } from '../library/open-library.ts';
import { Room } from './room.ts';

test('a disk that hangs is asked once, however often the page is; when it answers again, it is asked again', async () => {
  let steadyMs = 0;
  const asked: PromiseWithResolvers<{ totalBytes: number; freeBytes: number }>[] = [];
  const disk = {
    room: () => {
      asked.push(Promise.withResolvers());
      return asked.at(-1)?.promise;
    },
  };
  const open = { disk } as unknown as OpenLibrary;
  const room = new Room(
    () => steadyMs,
    (of: OpenLibrary) => of.disk.room(),
  );
  for (let looks = 0; looks < 10; looks += 1) {
    expect(await room.of(open)).toBeNull();
    steadyMs += 2_000;
  }
  expect(asked).toHaveLength(1);
  asked[0]?.resolve({ totalBytes: 2, freeBytes: 1 });
  await expect.poll(() => [void room.of(open), asked.length].at(-1)).toBe(2);
  asked[1]?.resolve({ totalBytes: 2, freeBytes: 1 });
  expect(await room.of(open)).toEqual({ totalBytes: 2, freeBytes: 1 });
});
