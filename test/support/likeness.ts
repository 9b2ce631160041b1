/**
 * How alike two pictures look to a person, as one number: 1 is the same. SSIM (Wang et al., 2004) of the luma over 8 x 8
 * windows, less the mean distance of the two chroma planes. Decoded by ImageMagick, not by what is being tested.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const side = 64;
const window = 8;
const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];

type Planes = { luma: Float64Array; blue: Float64Array; red: Float64Array };

/** The picture squeezed to a square, as RGB. */
export async function squeezed(file: string): Promise<Buffer> {
  const args = [`${file}[0]`, '-background', 'white', '-flatten', '-filter', 'Box', '-resize', `${side}x${side}!`];
  const { stdout } = await run('convert', [...args, '-depth', '8', '-type', 'TrueColor', 'rgb:-'], {
    encoding: 'buffer',
    maxBuffer: 1024 * 1024,
  });
  if (stdout.length !== side * side * 3) throw new Error(`ImageMagick made ${stdout.length} bytes of ${file}.`);
  return stdout;
}

/** ITU-R BT.601, full range, chroma around 0. */
function planesOf(rgb: Buffer): Planes {
  const count = rgb.length / 3;
  const planes = { luma: new Float64Array(count), blue: new Float64Array(count), red: new Float64Array(count) };
  for (let at = 0; at < count; at++) {
    const [r = 0, g = 0, b = 0] = rgb.subarray(at * 3, at * 3 + 3);
    const luma = 0.299 * r + 0.587 * g + 0.114 * b;
    planes.luma[at] = luma;
    planes.blue[at] = 0.564 * (b - luma);
    planes.red[at] = 0.713 * (r - luma);
  }
  return planes;
}

export function likeness(some: Buffer, other: Buffer): number {
  const [a, b] = [planesOf(some), planesOf(other)];
  const chroma = (meanDistance(a.blue, b.blue) + meanDistance(a.red, b.red)) / 2;
  return ssim(a.luma, b.luma) - chroma / 16;
}

function meanDistance(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, at) => sum + Math.abs(value - (b[at] ?? 0)), 0) / a.length;
}

function ssim(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  let windows = 0;
  for (let y = 0; y + window <= side; y += window / 2) {
    for (let x = 0; x + window <= side; x += window / 2) {
      sum += windowSsim(a, b, y * side + x);
      windows++;
    }
  }
  return sum / windows;
}

function windowSsim(a: Float64Array, b: Float64Array, start: number): number {
  let [sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0];
  for (let row = 0; row < window; row++) {
    for (let at = start + row * side; at < start + row * side + window; at++) {
      const [p, q] = [a[at] ?? 0, b[at] ?? 0];
      sumA += p;
      sumB += q;
      sumAA += p * p;
      sumBB += q * q;
      sumAB += p * q;
    }
  }
  const n = window * window;
  const [meanA, meanB] = [sumA / n, sumB / n];
  const [varianceA, varianceB] = [sumAA / n - meanA ** 2, sumBB / n - meanB ** 2];
  const covariance = sumAB / n - meanA * meanB;
  const light = (2 * meanA * meanB + c1) / (meanA ** 2 + meanB ** 2 + c1);
  return (light * (2 * covariance + c2)) / (varianceA + varianceB + c2);
}
