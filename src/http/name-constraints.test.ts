import { expect, it } from 'vitest';
import { nameConstraintsValue } from './name-constraints.ts';

const constructed = 0x20;

/** The tags of a DER value, inside out. @throws where a length is not in its shortest form (X.690, section 10.1). */
function tagsOf(bytes: Buffer): number[] {
  const tags: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes.readUInt8(at);
    const first = bytes.readUInt8(at + 1);
    const more = first < 0x80 ? 0 : first & 0x7f;
    const length = more === 0 ? first : bytes.readUIntBE(at + 2, more);
    if (more > 0 && (length < 0x80 || length < 256 ** (more - 1))) throw new Error(`a length of ${length} in ${more}`);
    const end = at + 2 + more + length;
    if (end > bytes.length) throw new Error('longer than what holds it');
    tags.push(tag);
    // Names and addresses are primitive; their bytes are no values of their own.
    if ((tag & constructed) !== 0) tags.push(...tagsOf(bytes.subarray(at + 2 + more, end)));
    at = end;
  }
  return tags;
}

it('has every length in its shortest form: Chromium trusts nothing below an issuer that has not', () => {
  const tags = tagsOf(nameConstraintsValue());
  expect(tags.slice(0, 2)).toEqual([0x30, 0xa0]);
  expect(tags.filter((tag) => tag === 0x82)).toHaveLength(4);
  expect(tags.filter((tag) => tag === 0x87)).toHaveLength(9);
});
