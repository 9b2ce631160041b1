/** What rots behind the box's back: the size stays, so that only reading it finds it. */
import { open } from 'node:fs/promises';
import { Random } from './random.ts';

/** Changes one byte of a file on the medium, and nothing else of it: its size and times stay. */
export async function flipByte(path: string, random = new Random(1)): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size, atime, mtime } = await file.stat();
    const at = random.whole(0, size - 1);
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, at);
    byte.writeUInt8(byte.readUInt8() ^ random.whole(1, 255));
    await file.write(byte, 0, 1, at);
    await file.utimes(atime, mtime);
    await file.sync();
  } finally {
    await file.close();
  }
}
