import { expect, test } from 'vitest';
import { browserPathRange, itemPath, namedPath } from './item-origin.ts';
import { checkPhonePath } from './placement.ts';

test('an item from the browser has a path that no app can tell, and that gives its name back', () => {
  const [from, to] = browserPathRange;
  for (const path of ['IMG_0001.jpg', 'a/b.jpg', '12/34/c.jpg', '/d.jpg', 'ä\u{1f600}.heic']) {
    expect(itemPath('app', { path, size: 1, mtime: 2 })).toBe(path);
    for (const [size, mtime] of [
      [0, null],
      [1, 0],
      [2 ** 53 - 1, -1],
      [5, 1_752_483_600_000],
    ] as const) {
      const stored = itemPath('browser', { path, size, mtime });
      expect(() => checkPhonePath(stored)).toThrow();
      expect([stored >= from, stored < to, namedPath(stored)]).toEqual([true, true, path]);
    }
    expect(namedPath(path)).toBe(path);
  }
});

test('name, size and time together tell items apart', () => {
  const items = [
    { path: 'a.jpg', size: 1, mtime: 1 },
    { path: 'a.jpg', size: 1, mtime: 11 },
    { path: 'a.jpg', size: 11, mtime: 1 },
    { path: 'a.jpg', size: 1, mtime: null },
    { path: '1/a.jpg', size: 1, mtime: null },
    { path: 'b.jpg', size: 1, mtime: 1 },
  ];
  expect(new Set(items.map((item) => itemPath('browser', item))).size).toBe(items.length);
});
