/** A small HEIC, as phones make them: HEVC in HEIF. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quartered, tool } from '../../support/made-media.ts';

/** @throws where heif-enc is not installed (Debian: libheif-examples) */
export async function codedHeic(dir: string): Promise<Buffer> {
  const [png, heic] = [join(dir, 'one.png'), join(dir, 'one.heic')];
  await writeFile(png, await quartered(128).png().toBuffer());
  await tool('heif-enc', ['-q', '60', '-o', heic, png]);
  return await readFile(heic);
}
