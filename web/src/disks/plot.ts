/** Owns the drawing of charts (uPlot), and is loaded for them alone. Never has a word of its own but numbers and days. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** `at`: seconds since 1970. */
export type Curve = Readonly<{
  at: readonly number[];
  values: readonly (number | null)[];
  /** On from the last value, dashed. */
  forecast?: readonly (number | null)[];
  low: number;
  high: number;
  ticks: readonly number[];
  /** As a tick reads. */
  unit: (value: number) => string;
  day: (seconds: number) => string;
  /** Dotted, with its word. */
  threshold?: Readonly<{ value: number; label: string }> | undefined;
}>;

const heightPx = 208;
const tickFont = '12px "Figtree Variable", system-ui, sans-serif';

/** Draws into `place`, anew when its width or the theme changes; returns how to take it away. */
export function draw(place: HTMLElement, curve: Curve): () => void {
  let plot = make(place, curve);
  const again = () => {
    plot.destroy();
    plot = make(place, curve);
  };
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', again);
  const theme = new MutationObserver(again);
  theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  const size = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: heightPx }));
  size.observe(place);
  return () => {
    dark.removeEventListener('change', again);
    theme.disconnect();
    size.disconnect();
    plot.destroy();
  };
}

function make(place: HTMLElement, curve: Curve): uPlot {
  const style = getComputedStyle(place);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const accent = colour('--accent');
  const axis = { stroke: colour('--ink-3'), font: tickFont, ticks: { show: false } };
  const last = curve.values.findLastIndex((value) => value !== null);
  const data: uPlot.AlignedData = [[...curve.at], [...curve.values], [...(curve.forecast ?? curve.at.map(() => null))]];
  return new uPlot(
    {
      width: place.clientWidth,
      height: heightPx,
      padding: [12, 18, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: true }, y: { range: [curve.low, curve.high] } },
      axes: [
        {
          ...axis,
          size: 28,
          space: 84,
          grid: { show: false },
          values: (_plot, splits) => splits.map((at) => curve.day(at)),
        },
        {
          ...axis,
          size: 64,
          grid: { stroke: colour('--line'), width: 1 },
          splits: () => [...curve.ticks],
          values: (_plot, splits) => splits.map((value) => curve.unit(value)),
        },
      ],
      series: [
        {},
        {
          stroke: accent,
          width: 2,
          fill: `color-mix(in srgb, ${accent} 9%, transparent)`,
          fillTo: curve.low,
          points: { show: true, filter: () => [last], size: 7, fill: accent, width: 0 },
        },
        { stroke: accent, width: 2, dash: [5, 5], points: { show: false } },
      ],
      hooks: { draw: [(plot) => threshold(plot, curve, { stroke: colour('--watch-fill'), ink: colour('--watch') })] },
    },
    data,
    place,
  );
}

function threshold(plot: uPlot, { threshold: line, high }: Curve, look: { stroke: string; ink: string }): void {
  if (line === undefined || line.value > high) return;
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(line.value, 'y', true));
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = look.stroke;
  ctx.lineWidth = ratio;
  ctx.setLineDash([2 * ratio, 3 * ratio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.fillStyle = look.ink;
  ctx.font = `600 ${12 * ratio}px "Figtree Variable", system-ui, sans-serif`;
  ctx.textAlign = 'right';
  ctx.textBaseline = 'bottom';
  ctx.fillText(line.label, bbox.left + bbox.width, y - 3 * ratio);
  ctx.restore();
}
