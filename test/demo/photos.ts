import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../src/platform/commands.ts';
import { exifJpeg } from '../support/exif-jpeg.ts';

const pictures = 40;
const pictureBytes = 3_000_000;
const videoSeconds = 20;

/** About 200 MB: forty pictures of two years, and one video. */
export async function makePhotos(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (let index = 0; index < pictures; index++) {
    const month = String((index % 12) + 1).padStart(2, '0');
    const takenLocal = `${2024 + (index % 2)}-${month}-15T10:${String(index).padStart(2, '0')}:00`;
    const path = join(dir, `IMG_${String(index + 1).padStart(4, '0')}.jpg`);
    await writeFile(path, exifJpeg({ seed: index + 1, bytes: pictureBytes + index * 1_000, takenLocal }));
    await utimes(path, new Date(takenLocal), new Date(takenLocal));
  }
  await makeVideo(join(dir, 'VID_0001.mp4'));
}

/** Noise, so that it cannot be compressed: about 80 MB. */
async function makeVideo(path: string): Promise<void> {
  const source = ['-f', 'lavfi', '-i', 'nullsrc=size=640x360:rate=30,geq=random(1)*255:128:128'];
  const codec = [
    '-t',
    String(videoSeconds),
    '-c:v',
    'mpeg4',
    '-b:v',
    '32M',
    '-minrate',
    '32M',
    '-maxrate',
    '32M',
    '-bufsize',
    '64M',
  ];
  const date = ['-metadata', 'creation_time=2025-05-04T12:00:00Z'];
  const { status, stderr } = await runCommand('ffmpeg', ['-v', 'error', '-y', ...source, ...codec, ...date, path], {
    timeoutMs: 300_000,
    outputBytesMax: 64 * 1024,
  });
  if (status !== 0) throw new Error(`ffmpeg could not make the video: ${stderr}`);
}
