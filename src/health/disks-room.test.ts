import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import type { AttachedMirror, Disk } from '../disks/disk.ts';
import { DisksRoom } from './disks-room.ts';

test('each disk that answers is told of, with how long it lasts at the library’s pace; one that does not is left out', async () => {
  const room = async () => ({ totalBytes: 1_000, freeBytes: 310 });
  const mirrors: AttachedMirror[] = [
    { diskId: 'm1', name: 'B', disk: { room } as unknown as Disk },
    { diskId: 'm2', name: 'C', disk: { room: () => Promise.reject(new Error('EIO')) } as unknown as Disk },
  ];
  const rooms = new DisksRoom({
    library: {
      state: 'none',
      current: () => {
        throw new Error('There is none.');
      },
    },
    mirrors: () => mirrors,
    looks: () => [
      { source: 's', path: tmpdir() },
      { source: 'gone', path: '/nowhere' },
    ],
    nights: { roomOf: () => ({ nights: [], bytesPerDay: 20 }) },
    reserveBytes: 10,
  });
  const view = await rooms.view();
  expect(view).toMatchObject({ reserveBytes: 10, bytesPerDay: 20, library: null });
  expect(view.mirrors).toEqual([{ diskId: 'm1', totalBytes: 1_000, freeBytes: 310, fullInDays: 15 }]);
  expect(view.looks).toEqual([{ source: 's', totalBytes: expect.any(Number), freeBytes: expect.any(Number) }]);
});
