/**
 * Where everything of a timeline stands: rows of tiles and the heads of days, exact to the pixel before any picture is
 * there. Pure. Two hundred thousand entries take milliseconds, so all of it is laid out anew at each change.
 */
import type { TimelineIndex } from './timeline-index.ts';

export type GridShape = Readonly<{
  /** Pixels. */
  width: number;
  headHeight: number;
  /** What the grid has to show: rows of one height (`justified`), or squares in columns. */
  form: Readonly<{ is: 'justified' }> | Readonly<{ is: 'squares'; columns: number }>;
}>;
export type TileBox = Readonly<{ position: number; left: number; width: number }>;
/** `yyyy-mm`, where it begins, and how much of the height it takes. `known`: its rows are, not only its count. */
export type MonthBox = Readonly<{ month: string; top: number; height: number; count: number; known: boolean }>;
/** Months behind what is known of the index yet. */
export type Rest = ReadonlyArray<Readonly<{ month: string; count: number }>>;

const targetHeight = 196;
/** What is alone in its row and higher than this is shown at the target. */
const heightMax = 240;
const justifiedGap = 6;
const squaresGap = 2;
/** For those whose pictures are not made yet. */
const ratioUnknown = 133;

export class GridLayout {
  readonly shape: GridShape;
  readonly index: TimelineIndex;
  readonly height: number;
  readonly months: readonly MonthBox[];
  /** Of rows: their tops, the height of their tiles, and their first position (of heads: -1 - the day's number). */
  readonly tops: Float64Array;
  readonly heights: Float32Array;
  readonly firsts: Int32Array;

  constructor(index: TimelineIndex, rest: Rest, shape: GridShape) {
    this.index = index;
    this.shape = shape;
    // More rows than days and entries together there cannot be.
    const rows = new Rows(index.count + index.days.length);
    const months: MonthBox[] = [];
    for (const [number, { day, first, count }] of index.days.entries()) {
      const month = day.slice(0, 7);
      const top = rows.height;
      rows.add(-1 - number, shape.headHeight, 0);
      if (shape.form.is === 'squares') squares(rows, first, count, shape);
      else justified(rows, index, first, count, shape.width);
      const last = months.at(-1);
      if (last?.month !== month) months.push({ month, top, height: rows.height - top, count, known: true });
      else months[months.length - 1] = { ...last, height: rows.height - last.top, count: last.count + count };
    }
    this.tops = rows.tops.slice(0, rows.count);
    this.heights = rows.heights.slice(0, rows.count);
    this.firsts = rows.firsts.slice(0, rows.count);
    this.height = addRest(months, rest, rows.height, index.count === 0 ? undefined : rows.height / index.count, shape);
    this.months = months;
  }

  get rows(): number {
    return this.tops.length;
  }

  /** Where the tiles of a row begin and how high they are, in whole pixels. */
  lineOf(row: number): { top: number; height: number } {
    const top = this.tops[row] ?? 0;
    const whole = Math.round(top);
    return { top: whole, height: Math.round(top + (this.heights[row] ?? 0)) - whole };
  }

  /** The last row that begins at or before this height; 0 above all. */
  rowAt(y: number): number {
    let [low, high] = [0, this.rows - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.tops[middle] ?? 0) <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }

  isHead(row: number): boolean {
    return (this.firsts[row] ?? 0) < 0;
  }

  /** The day whose head this row is. */
  dayOf(row: number): number {
    return -1 - (this.firsts[row] ?? -1);
  }

  /** The row of the tile at this position. */
  rowOf(position: number): number {
    const day = this.index.days[this.index.dayAt(position)];
    let [low, high] = [0, this.rows - 1];
    // Heads count as the first position of their day, so that the order holds.
    const begins = (row: number) => {
      const first = this.firsts[row] ?? 0;
      return first >= 0 ? first : (this.index.days[-1 - first]?.first ?? 0);
    };
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (begins(middle) <= position) low = middle;
      else high = middle - 1;
    }
    return this.isHead(low) && day !== undefined ? low + 1 : low;
  }

  /** The tiles of a row, from left to right. */
  tiles(row: number): TileBox[] {
    const first = this.firsts[row] ?? 0;
    if (first < 0) return [];
    const day = this.index.days[this.index.dayAt(first)];
    const next = this.firsts[row + 1] ?? -1;
    const end = next >= 0 ? next : (day?.first ?? 0) + (day?.count ?? 0);
    const { form, width } = this.shape;
    const height = this.heights[row] ?? 0;
    const boxes: TileBox[] = [];
    if (form.is === 'squares') {
      const pitch = (width + squaresGap) / form.columns;
      for (let at = first; at < end; at++) {
        const left = Math.round((at - first) * pitch);
        boxes.push({ position: at, left, width: Math.round((at - first + 1) * pitch) - squaresGap - left });
      }
      return boxes;
    }
    let x = 0;
    for (let at = first; at < end; at++) {
      const wide = Math.min((ratioAt(this.index, at) / 100) * height, width - x);
      // Rounded by its edges, so that the row ends where the grid ends.
      const left = Math.round(x);
      boxes.push({ position: at, left, width: Math.round(x + wide) - left });
      x += wide + justifiedGap;
    }
    return boxes;
  }

  monthAt(y: number): number {
    let [low, high] = [0, this.months.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.months[middle]?.top ?? 0) <= y) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }
}

class Rows {
  readonly tops: Float64Array;
  readonly heights: Float32Array;
  readonly firsts: Int32Array;
  count = 0;
  height = 0;

  constructor(max: number) {
    this.tops = new Float64Array(max);
    this.heights = new Float32Array(max);
    this.firsts = new Int32Array(max);
  }

  add(first: number, height: number, gap: number): void {
    this.tops[this.count] = this.height;
    this.heights[this.count] = height;
    this.firsts[this.count] = first;
    this.count += 1;
    this.height += height + gap;
  }
}

function ratioAt(index: TimelineIndex, position: number): number {
  return index.ratios[position] || ratioUnknown;
}

function squares(rows: Rows, first: number, count: number, { width, form }: GridShape): void {
  if (form.is !== 'squares') return;
  const size = (width + squaresGap) / form.columns - squaresGap;
  for (let at = 0; at < count; at += form.columns) rows.add(first + at, size, squaresGap);
}

/** Each row is filled as near to the target as it goes: with or without the tile that would make it too long. */
function justified(rows: Rows, index: TimelineIndex, first: number, count: number, width: number): void {
  const heightOf = (ratios: number, tiles: number) => (width - (tiles - 1) * justifiedGap) / (ratios / 100);
  const end = first + count;
  let at = first;
  while (at < end) {
    let ratios = 0;
    let tiles = 0;
    let height = Number.POSITIVE_INFINITY;
    while (at + tiles < end) {
      const longer = heightOf(ratios + ratioAt(index, at + tiles), tiles + 1);
      // Past the target: whichever is nearer to it.
      if (longer < targetHeight && tiles > 0 && height <= heightMax && height - targetHeight < targetHeight - longer)
        break;
      ratios += ratioAt(index, at + tiles);
      tiles += 1;
      height = longer;
      if (height <= targetHeight) break;
    }
    const isLast = at + tiles === end;
    // What does not fill its row stays at the target; a panorama may be lower than all others.
    if (isLast && height > heightMax) height = targetHeight;
    rows.add(at, height, justifiedGap);
    at += tiles;
  }
}

/** Behind what is known, each month by its count: as high as so many are on average. Returns the whole height. */
function addRest(
  months: MonthBox[],
  rest: Rest,
  from: number,
  perEntryKnown: number | undefined,
  { width, form, headHeight }: GridShape,
): number {
  const columns = form.is === 'squares' ? form.columns : width / (targetHeight * 1.33);
  const perEntry =
    perEntryKnown ?? (form.is === 'squares' ? width / form.columns : targetHeight) / Math.max(1, columns);
  let height = from;
  for (const { month, count } of rest) {
    const own = count * perEntry + (perEntryKnown === undefined ? headHeight : 0);
    const last = months.at(-1);
    if (last?.month === month) {
      months[months.length - 1] = { ...last, height: last.height + own, count: last.count + count, known: false };
    } else months.push({ month, top: height, height: own, count, known: false });
    height += own;
  }
  return height;
}
