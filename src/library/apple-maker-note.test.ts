import { expect, test } from 'vitest';
import { appleMakerNote } from '../../test/support/exif-jpeg.ts';
import { contentIdentifier } from './apple-maker-note.ts';

const uuid = '5C7A1B9E-1111-4222-8333-ABCDEF012345';

test('reads the content identifier, wherever it stands', () => {
  expect(contentIdentifier(appleMakerNote(uuid))).toBe(uuid);
  const note = appleMakerNote(uuid);
  const other = Buffer.from(note);
  other.writeUInt16BE(0x0020, 16); // The same entry under another tag.
  expect(contentIdentifier(other)).toBeUndefined();
  const within = Buffer.concat([Buffer.alloc(7), note]).subarray(7);
  expect(contentIdentifier(within)).toBe(uuid);
});

test('is bounded by the bytes of the note, whatever they say', () => {
  const note = appleMakerNote(uuid);
  for (let length = 0; length < note.length; length++) {
    expect(contentIdentifier(note.subarray(0, length)) ?? uuid.slice(0, 1)).toMatch(/^5/);
  }
  for (let at = 0; at < note.length; at++) {
    for (const value of [0x00, 0xff, 0x7f]) {
      const mutated = Buffer.from(note);
      mutated[at] = value;
      expect(() => contentIdentifier(mutated)).not.toThrow();
      expect(contentIdentifier(mutated)?.length ?? 0).toBeLessThanOrEqual(64);
    }
  }
  expect(contentIdentifier(Buffer.alloc(0))).toBeUndefined();
  expect(contentIdentifier(Buffer.alloc(4096, 0xff))).toBeUndefined();
});
