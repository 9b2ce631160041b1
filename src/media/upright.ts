/** How a stored picture is turned to be the right way up: quarter turns with the clock, then left and right exchanged. */
import type { Sharp } from 'sharp';

export type Upright = Readonly<{ turns: 0 | 1 | 2 | 3; mirrored: boolean }>;

export const asStored: Upright = { turns: 0, mirrored: false };

/** EXIF 3.0, 4.6.5.1.11 (tag 0x0112): 1 to 8. Anything else means as stored. */
export function uprightOfExif(orientation: number | undefined): Upright {
  const turns = ([0, 0, 2, 2, 1, 1, 3, 3] as const)[(orientation ?? 1) - 1];
  return turns === undefined ? asStored : { turns, mirrored: [2, 4, 5, 7].includes(orientation ?? 1) };
}

/** One more turn, after what `upright` does. */
export function turnedOn(upright: Upright, quartersClockwise: number): Upright {
  const more = upright.mirrored ? -quartersClockwise : quartersClockwise;
  return { ...upright, turns: ((((upright.turns + more) % 4) + 4) % 4) as Upright['turns'] };
}

/** One more mirroring, after what `upright` does. */
export function mirroredOn(upright: Upright, how: 'left-right' | 'top-bottom'): Upright {
  const turned = how === 'left-right' ? upright : turnedOn(upright, 2);
  return { ...turned, mirrored: !turned.mirrored };
}

export function sizeUpright(
  upright: Upright,
  size: { width: number; height: number },
): { width: number; height: number } {
  const { width, height } = size;
  return upright.turns % 2 === 0 ? { width, height } : { width: height, height: width };
}

export function applyUpright(picture: Sharp, upright: Upright): Sharp {
  // sharp mirrors before it rotates, whatever the order of the calls; so the turn goes the other way round.
  const turns = upright.mirrored ? (4 - upright.turns) % 4 : upright.turns;
  const mirrored = upright.mirrored ? picture.flop() : picture;
  return turns === 0 ? mirrored : mirrored.rotate(turns * 90);
}

/** `width` x `height` made to fit a square of `pixels`, never enlarged, never less than one pixel. */
export function fitInside(size: { width: number; height: number }, pixels: number): { width: number; height: number } {
  const factor = Math.min(1, pixels / Math.max(size.width, size.height));
  const side = (length: number) => Math.max(1, Math.round(length * factor));
  return { width: side(size.width), height: side(size.height) };
}
