/**
 * Which sidecar stands beside which photo or video, told by their names alone. Pure.
 *
 * `IMG_1.AAE`, `IMG_O1.AAE` (the older edit of an iPhone) and `IMG_1.xmp` stand beside whatever has the stem `IMG_1`;
 * `IMG_1.jpg.xmp`, `IMG_1.jpg.json` and `IMG_1.jpg.supplemental-metadata.json` beside `IMG_1.jpg` alone, and Takeout's
 * `IMG_1.jpg(2).json` beside `IMG_1(2).jpg`.
 */
import { posix } from 'node:path';
import { mediaKind } from './media-kinds.ts';
import { pathKey } from './placement.ts';

/** What a sidecar stands beside: a whole name, or every photo and video with a stem. */
export type SidecarTarget = Readonly<{ name: string } | { stem: string }>;

export function stemOf(name: string): string {
  return name.slice(0, name.length - posix.extname(name).length);
}

/** `name`: of a file whose kind is `sidecar`, without its folder. */
export function sidecarTarget(name: string): SidecarTarget {
  const rest = stemOf(name);
  if (posix.extname(name).toLowerCase() !== '.json') {
    if (isMedia(rest)) return { name: rest };
    const older = /^(IMG_)O(\d.*)$/i.exec(rest);
    return { stem: older === null ? rest : `${older[1]}${older[2]}` };
  }
  const [, before = rest, number = ''] = /^(.*?)(\(\d{1,4}\))?$/.exec(rest) ?? [];
  const whole = isMedia(before) ? before : stemOf(before);
  const extension = posix.extname(whole);
  return { name: `${whole.slice(0, whole.length - extension.length)}${number}${extension}` };
}

/** Whether the sidecar of this name stands beside the photo or video of that name, in one folder. */
export function standsBeside(sidecar: string, media: string): boolean {
  const target = sidecarTarget(sidecar);
  return 'name' in target ? pathKey(target.name) === pathKey(media) : pathKey(target.stem) === pathKey(stemOf(media));
}

/**
 * The name on the disk of a sidecar whose photo is called `phoneName` on the phone and `diskName` on the disk: when the
 * photo's stem got a suffix, the sidecar gets it too.
 */
export function sidecarName(sidecar: string, phoneName: string, diskName: string): string {
  const [before, now] = [stemOf(phoneName), stemOf(diskName)];
  if (before === now) return sidecar;
  if (sidecar.startsWith(before)) return now + sidecar.slice(before.length);
  if (!now.startsWith(before)) return sidecar;
  return stemOf(sidecar) + now.slice(before.length) + posix.extname(sidecar);
}

/**
 * Bounds of `path_key`, `[from, to)`, between which every name lies that may stand beside the photo or video at `path`,
 * or have its stem. Few, and each as good as exact.
 */
export function neighbourKeys(path: string): Array<Readonly<{ from: string; to: string }>> {
  const folder = posix.dirname(path);
  const name = posix.basename(path);
  const stem = stemOf(name);
  const stems = [stem];
  const numbered = /^(.+)(\(\d{1,4}\))$/.exec(stem);
  if (numbered !== null) stems.push(`${numbered[1]}${posix.extname(name)}${numbered[2]}`);
  const apple = /^(IMG_)(\d.*)$/i.exec(stem);
  if (apple !== null) stems.push(`${apple[1]}O${apple[2]}`);
  return stems.map((one) => {
    const key = pathKey(`${folder}/${one}`);
    // '/' is the letter after '.'.
    return { from: `${key}.`, to: `${key}/` };
  });
}

function isMedia(name: string): boolean {
  const { kind } = mediaKind(name);
  return kind === 'photo' || kind === 'video';
}
