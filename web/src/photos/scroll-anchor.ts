/** What stays where it is on the screen while the layout around it changes. Pure. */
import type { GridLayout } from './grid-layout.ts';

/** Heights count from the top of the grid. */
export type Anchor =
  | Readonly<{ is: 'tile'; id: number; offset: number }>
  | Readonly<{ is: 'month'; month: string; share: number }>;

/** What is looked at when the window begins at `y`: its first whole row, else its month. */
export function anchorAt(layout: GridLayout, y: number): Anchor | undefined {
  const month = layout.months[layout.monthAt(y)];
  if (month === undefined) return undefined;
  let row = layout.rowAt(y);
  while (row < layout.rows && (layout.isHead(row) || (layout.tops[row] ?? 0) < y)) row += 1;
  const id = layout.index.idAt(layout.firsts[row] ?? -1);
  const top = layout.tops[row] ?? 0;
  // Farther than its own month: nothing of this is known yet.
  if (row < layout.rows && id !== undefined && top < month.top + month.height + 600) {
    return { is: 'tile', id, offset: top - y };
  }
  return { is: 'month', month: month.month, share: (y - month.top) / Math.max(1, month.height) };
}

/** Where the window begins now; undefined: what was looked at is gone, and `y` is as good as any. */
export function resolve(anchor: Anchor, layout: GridLayout): number | undefined {
  if (anchor.is === 'tile') {
    const position = layout.index.positionOf(anchor.id);
    return position === -1 ? undefined : (layout.tops[layout.rowOf(position)] ?? 0) - anchor.offset;
  }
  const month = layout.months.find((one) => one.month <= anchor.month);
  if (month === undefined) return undefined;
  return month.top + (month.month === anchor.month ? anchor.share * month.height : 0);
}
