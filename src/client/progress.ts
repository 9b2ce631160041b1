import { printable } from './failure.ts';
import type { Meter } from './meter.ts';

/**
 * How progress looks on a terminal. Owns: bars, rates and the time left, cut to the terminal's width.
 * Never: writes, or reads a clock. For report.ts.
 */

const steadyMs = 5000;
const windowMs = 15_000;
const filesShownMax = 4;

/** The rate over the last seconds, known once bytes have moved for `steadyMs`. */
export class RateWindow {
  readonly #meter: Pick<Meter, 'bytesMoved'>;
  #samples: { atMs: number; bytes: number }[] = [];

  constructor(meter: Pick<Meter, 'bytesMoved'>) {
    this.#meter = meter;
  }

  sample(nowMs: number): void {
    this.#samples.push({ atMs: nowMs, bytes: this.#meter.bytesMoved });
    while ((this.#samples[0]?.atMs ?? nowMs) < nowMs - windowMs) this.#samples.shift();
  }

  /** Bytes per second; null before it is steady, or when nothing moves. */
  get bytesPerSecond(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.atMs - first.atMs < steadyMs) return null;
    const rate = ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs);
    return rate > 0 ? rate : null;
  }
}

/** One line for all, one for each file on its way; none is wider than `columns`. */
export function renderFrame(meter: Meter, rate: RateWindow, columns: number): string[] {
  const { seen, safe, waiting, refused } = meter.counts;
  const speed = rate.bytesPerSecond;
  const left = speed !== null && meter.totalKnown ? timeText((meter.bytesTotal - meter.bytesThrough) / speed) : '';
  const total = `${sizeText(meter.bytesThrough)} of ${sizeText(meter.bytesTotal)}${meter.totalKnown ? '' : '+'}`;
  const pace = `${speed === null ? '' : `  ${sizeText(speed)}/s`}${left === '' ? '' : `  ${left} left`}`;
  const counts = `${safe} of ${seen} safe${waiting > 0 ? `, ${waiting} waiting` : ''}${refused > 0 ? `, ${refused} refused` : ''}`;
  const files = [...meter.current.values()].slice(0, filesShownMax).map((file) => {
    const text = `${percentText(file.offset, file.size)} ${printable(file.path)}`;
    return cut(`${bar(file.offset, file.size, Math.min(16, columns >> 2))} ${text}`, columns - 1);
  });
  const head = `${bar(meter.bytesThrough, meter.bytesTotal, Math.min(24, columns >> 2))} ${total}${pace}  ${counts}`;
  return [cut(head, columns - 1), ...files];
}

function bar(done: number, total: number, width: number): string {
  const filled = total > 0 ? Math.min(width, Math.floor((done / total) * width)) : 0;
  return `[${'#'.repeat(filled)}${'.'.repeat(Math.max(0, width - filled))}]`;
}

function percentText(done: number, total: number): string {
  return `${total > 0 ? Math.min(100, Math.floor((done / total) * 100)) : 0}%`.padStart(4);
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Decimal units, as disks and phones are sold. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function timeText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Cuts to a number of terminal cells: East Asian characters and emoji take two, combining marks none. */
export function cut(text: string, cells: number): string {
  let used = 0;
  let out = '';
  for (const character of text) {
    const width = cellsOf(character);
    if (used + width > cells) return out;
    used += width;
    out += character;
  }
  return out;
}

function cellsOf(character: string): number {
  if (/\p{Mark}/u.test(character)) return 0;
  const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
  return wide.test(character) || (character.codePointAt(0) ?? 0) >= 0x1f300 ? 2 : 1;
}
