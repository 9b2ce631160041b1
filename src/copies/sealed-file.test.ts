import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { codeOf } from '../../test/support/box-state.ts';
import { readHead, type SealedHead, sealed, unsealed } from './sealed-file.ts';

const dataKey = randomBytes(32);
const head = (): SealedHead => ({
  boxId: 'box',
  box: 'nightjar',
  madeAt: 1,
  salt: randomBytes(32).toString('base64url'),
  wraps: '{}',
});

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
async function whole(from: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of from) all.push(piece);
  return Buffer.concat(all);
}
async function seal(content: Buffer, size = 10_000): Promise<Buffer> {
  return await whole(sealed(head(), dataKey, pieces(content, size)));
}
async function open(file: Buffer, key = dataKey): Promise<Buffer> {
  const { head: read, lines } = readHead(file);
  const rest = pieces(file.subarray(lines.length), 7_777);
  return await whole(unsealed({ head: read, lines }, key, rest));
}

it.each([1, 65_535, 65_536, 65_537, 200_000])('gives %d bytes back as they were', async (bytes) => {
  const content = randomBytes(bytes);
  expect(await open(await seal(content))).toEqual(content);
});

it('gives nothing of a copy that was changed anywhere, cut, lengthened or put in another order', async () => {
  const small = await seal(randomBytes(100));
  for (let at = 0; at < small.length; at += 1) {
    const changed = Buffer.from(small);
    changed.writeUInt8(changed.readUInt8(at) ^ (1 << (at % 8)), at);
    expect(await codeOf(open(changed)), `byte ${at}`).toMatch(/^(invalid-request|checksum-mismatch)$/);
    expect(await codeOf(open(small.subarray(0, at))), `cut at ${at}`).toMatch(/^(invalid-request|checksum-mismatch)$/);
  }
  const large = await seal(randomBytes(3 * 65_536));
  const { lines } = readHead(large);
  const chunk = (index: number) => large.subarray(lines.length + index * 65_552, lines.length + (index + 1) * 65_552);
  for (const other of [
    [chunk(0), chunk(1)],
    [chunk(1), chunk(0), chunk(2)],
    [chunk(0), chunk(2)],
    [chunk(0), chunk(1), chunk(2), chunk(2)],
    [chunk(0), chunk(1), chunk(2), Buffer.alloc(1)],
  ]) {
    expect(await codeOf(open(Buffer.concat([lines, ...other])))).toBe('checksum-mismatch');
  }
  expect(await codeOf(open(large, randomBytes(32)))).toBe('checksum-mismatch');
});

it('holds no more than a few chunks at a time', async () => {
  let given = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      given += 65_536;
      yield Buffer.alloc(65_536);
    }
  }
  let taken = 0;
  for await (const piece of sealed(head(), dataKey, endless())) {
    taken += piece.length;
    if (taken > 5_000_000) break;
  }
  expect(given - taken).toBeLessThan(3 * 65_536);
});
