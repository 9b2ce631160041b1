/** Where the arrows lead in a grid whose rows have tiles of all widths. Pure. */
import type { GridLayout } from './grid-layout.ts';

/** Undefined: this key leads nowhere. */
export function positionAfter(key: string, layout: GridLayout, position: number): number | undefined {
  const last = layout.index.count - 1;
  switch (key) {
    case 'ArrowLeft':
      return Math.max(0, position - 1);
    case 'ArrowRight':
      return Math.min(last, position + 1);
    case 'ArrowUp':
      return beside(layout, position, -1);
    case 'ArrowDown':
      return beside(layout, position, 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}

/** The tile of the next row of tiles that is nearest to the middle of this one. */
function beside(layout: GridLayout, position: number, step: 1 | -1): number | undefined {
  const own = layout.rowOf(position);
  let row = own + step;
  while (row >= 0 && row < layout.rows && layout.isHead(row)) row += step;
  if (row < 0 || row >= layout.rows) return undefined;
  const box = layout.tiles(own).find((tile) => tile.position === position);
  const middle = box === undefined ? 0 : box.left + box.width / 2;
  let nearest: { position: number; away: number } | undefined;
  for (const tile of layout.tiles(row)) {
    const away = Math.abs(tile.left + tile.width / 2 - middle);
    if (nearest === undefined || away < nearest.away) nearest = { position: tile.position, away };
  }
  return nearest?.position;
}
