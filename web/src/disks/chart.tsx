import { ChevronDown } from 'lucide';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { disks as t } from '../text/en/disks.ts';
import { Icon } from '../ui/icon.tsx';
import type { Curve } from './plot.ts';

type ChartProps = Readonly<{
  /** What it shows, in a sentence. */
  sentence: string;
  curve: Curve;
  columns: readonly string[];
  /** The numbers themselves, the last first. */
  rows: readonly (readonly string[])[];
  note?: ComponentChildren;
}>;

const rowsMax = 120;

/** A line over time; its sentence under it, its numbers behind "Numbers". What draws is loaded when it is first shown. */
export function Chart({ sentence, curve, columns, rows, note }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  // Only when what is shown is otherwise: the page asks every few seconds.
  const key = JSON.stringify([curve.at, curve.values, curve.forecast, curve.low, curve.high, curve.threshold]);
  useEffect(() => {
    let stop: (() => void) | undefined;
    let shown = true;
    void import('./plot.ts').then(({ draw }) => {
      if (shown && place.current !== null) stop = draw(place.current, curve);
    });
    return () => {
      shown = false;
      stop?.();
    };
  }, [key]);
  return (
    <figure class="disks-chart">
      <div class="disks-plot" ref={place} role="img" aria-label={sentence} />
      <figcaption class="cap">
        {sentence}
        {note}
      </figcaption>
      <details class="disks-numbers">
        <summary>
          <Icon of={ChevronDown} size={16} />
          {t.numbers}
        </summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys (WCAG 2.1.1) */}
        <section class="disks-table" tabIndex={0} aria-label={t.numbers}>
          <table>
            <thead>
              <tr>
                {columns.map((column) => (
                  <th key={column} scope="col">
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, rowsMax).map((row) => (
                <tr key={row[0]}>
                  {row.map((cell, index) => (
                    <td key={index} class="num">
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </figure>
  );
}

/** Four or five round steps from `low` on, and where they end. */
export function steps(high: number): { ticks: number[]; high: number } {
  const rough = Math.max(high, 1) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((one) => one * power >= rough) ?? 10) * power;
  const ends = Math.ceil(high / step) * step;
  return { ticks: Array.from({ length: Math.round(ends / step) + 1 }, (_, index) => index * step), high: ends };
}
