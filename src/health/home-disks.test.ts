import { expect, test } from 'vitest';
import { homeDisks, type StandingDisk } from './home-disks.ts';

const disk: StandingDisk = {
  ...{ disk: 'a', name: 'A', verdict: 'fine', reason: null, role: null, markerId: null, free: true },
};
const mirror = { disk: 'm1', name: 'B', attached: true, seenAt: 5, behindSince: null, waiting: 3 };

test('the library’s disk is first, then its mirrors with how their disks are, then what is used for nothing', () => {
  const attached: StandingDisk[] = [
    { ...disk, disk: 'c', name: 'C' },
    { ...disk, disk: 'b', name: 'B', role: 'mirror', markerId: 'm1', verdict: 'watch', reason: 'hot', free: false },
    { ...disk, disk: 'l', name: 'L', role: 'library', markerId: 'm0', free: false },
    { ...disk, disk: 'other', free: false },
  ];
  const shown = homeDisks({ attached, mirrors: [mirror], library: 'ok' });
  expect(shown.map(({ id, role, state, waiting }) => [id, role, state, waiting])).toEqual([
    ['l', 'library', 'fine', 0],
    ['b', 'mirror', 'watch', 3],
    ['c', null, 'fine', 0],
  ]);
});

test('what is away is missing, since when it was seen; of a folder nobody can say how it is', () => {
  const away = { ...mirror, attached: false };
  const states = (library: 'ok' | 'missing' | 'none', mirrors: (typeof mirror)[]) =>
    homeDisks({ attached: [], mirrors, library }).map(({ role, state, seenAt }) => [role, state, seenAt]);
  expect(states('ok', [mirror])).toEqual([
    ['library', 'folder', null],
    ['mirror', 'folder', null],
  ]);
  expect(states('missing', [away])).toEqual([
    ['library', 'missing', null],
    ['mirror', 'missing', 5],
  ]);
  expect(states('none', [])).toEqual([]);
});
