import { join } from 'node:path';
import { replaceFileDurably } from '../platform/durable-files.ts';

const text = `This disk holds photos and videos that Nightjar backed up from the phones of a house.

You need no special program to read it:

  Photos/PERSON/YEAR/YEAR-MONTH/   the originals, as the phones sent them, in the month they were taken
  Files/PERSON/                    everything else that the phones sent, in the phones' own folders
  .nightjar/                       Nightjar's own catalogue and files that are still coming in; leave it as it is

Each folder of photos has a list of checksums, SHA256SUMS: "sha256sum -c SHA256SUMS" in that folder says whether every
file in it is whole.

Copy what you like. Please do not rename or move files here while a Nightjar box uses this disk: it would take them
for lost. A new Nightjar box can take this disk over with everything on it.
`;

/** Puts the plain words on the disk for whoever finds it without the box. */
export async function writeReadme(diskDir: string): Promise<void> {
  await replaceFileDurably(join(diskDir, 'README-NIGHTJAR.txt'), text, 0o644);
}
