import { expect, test } from 'vitest';
import { applePair, placeInPair, wasDeleted } from './pairs.ts';

const folder = 'Photos/Alice/2025/2025-07';
const at = (...names: string[]) => names.map((name) => ({ path: `${folder}/${name}` }));

test('names a pair by Apple’s identifier, whatever its case, and by nothing else', () => {
  const uuid = '5c7a1b9e-1111-4222-8333-abcdef012345';
  expect(applePair(uuid)).toBe(`apple:${uuid.toUpperCase()}`);
  expect(applePair(uuid.toUpperCase())).toBe(applePair(uuid));
  for (const none of [undefined, '', 'x', `${uuid}0`, `${uuid}\n`, '../../x']) expect(applePair(none)).toBeUndefined();
});

test('puts the second half beside the first, under its stem', () => {
  expect(placeInPair([], 'IMG_1.MOV')).toBeUndefined();
  expect(placeInPair(at('IMG_1.HEIC'), 'IMG_1.MOV')).toEqual({ folder, name: 'IMG_1.MOV' });
  expect(placeInPair(at('IMG_1-2.HEIC'), 'IMG_1.MOV')).toEqual({ folder, name: 'IMG_1-2.MOV' });
  expect(placeInPair(at('IMG_1.MOV'), 'something else.heic')).toEqual({ folder, name: 'IMG_1.heic' });
});

test('leaves an edited copy its own name', () => {
  expect(placeInPair(at('IMG_1.HEIC', 'IMG_1.MOV'), 'IMG_E1.HEIC')).toEqual({ folder, name: 'IMG_E1.HEIC' });
  expect(placeInPair(at('IMG_1.HEIC', 'IMG_E1.heic'), 'IMG_E1.MOV')).toEqual({ folder, name: 'IMG_E1.MOV' });
  expect(placeInPair(at('IMG_E1.HEIC', 'IMG_1.HEIC'), 'IMG_1.MOV')).toEqual({ folder, name: 'IMG_1.MOV' });
});

test('knows a half of which the owner deleted the rest', () => {
  const [photo, video, sidecar] = [{ kind: 'photo' }, { kind: 'video' }, { kind: 'sidecar' }];
  const [trashed, deleted] = [{ ...photo, state: 'trashed' } as const, { ...photo, state: 'deleted' } as const];
  expect(wasDeleted(video, [])).toBe(false);
  expect(wasDeleted(video, [trashed])).toBe(true);
  expect(wasDeleted(sidecar, [deleted, { ...trashed, ...video }])).toBe(true);
  for (const state of ['present', 'missing', 'damaged', 'publishing'] as const) {
    expect(wasDeleted(video, [trashed, { ...photo, state }])).toBe(false);
  }
});

test('takes an edited copy of a deleted photo for a photo that nobody deleted', () => {
  const halves = [
    { kind: 'photo', state: 'deleted' },
    { kind: 'video', state: 'trashed' },
  ] as const;
  expect(wasDeleted({ kind: 'photo' }, halves)).toBe(false);
  expect(wasDeleted({ kind: 'video' }, halves)).toBe(false);
});
