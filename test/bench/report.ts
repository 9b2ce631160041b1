/** Medians, ratios and tables. Seconds unless said otherwise; GB are 10^9 bytes. */
import type { Pair, Run } from './measuring.ts';

export type Compared = Readonly<{ peer: string; pairs: readonly Pair[] }>;
export type Section = Readonly<{ title: string; compared: readonly Compared[] }>;
/** `alone`: not one more step, but something to compare the last one with. */
export type Step = Readonly<{ name: string; runs: readonly Run[]; alone: boolean }>;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = low] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

function cpuPerGb(run: Run): number {
  return ((run.cpu.user + run.cpu.system) / run.bytes) * 1e9;
}

export function medianCpuPerGb(runs: readonly Run[]): number {
  return median(runs.map(cpuPerGb));
}

export function ratios(pairs: readonly Pair[]): { wall: number[]; cpu: number[] } {
  return {
    wall: pairs.map(({ ours, peer }) => ours.wallSeconds / peer.wallSeconds),
    cpu: pairs.map(({ ours, peer }) => cpuPerGb(ours) / cpuPerGb(peer)),
  };
}

/** One row for the box over all its runs, one for each peer with the ratio box : peer. */
export function comparisonTable({ title, compared }: Section): string[] {
  const oursRuns = compared.flatMap(({ pairs }) => pairs.map(({ ours }) => ours));
  const rows = [
    row('Nightjar, tus door', oursRuns, '', ''),
    ...compared.map(({ peer, pairs }) => {
      const { wall, cpu } = ratios(pairs);
      return row(
        peer,
        pairs.map((pair) => pair.peer),
        spread(wall),
        spread(cpu),
      );
    }),
  ];
  return [
    `### ${title}`,
    '',
    '| | wall s | MB/s | CPU s/GB | user + system | `sync` s/GB | wall: box/peer | CPU: box/peer |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ];
}

function row(name: string, runs: readonly Run[], wallRatio: string, cpuRatio: string): string {
  const wall = median(runs.map((run) => run.wallSeconds));
  const perGb = (pick: (run: Run) => number) => median(runs.map((run) => (pick(run) / run.bytes) * 1e9)).toFixed(2);
  const cells = [
    name,
    wall.toFixed(2),
    ((runs[0]?.bytes ?? 0) / 1e6 / wall).toFixed(0),
    medianCpuPerGb(runs).toFixed(2),
    `${perGb((run) => run.cpu.user)} + ${perGb((run) => run.cpu.system)}`,
    perGb((run) => run.syncCpu.user + run.syncCpu.system),
    wallRatio,
    cpuRatio,
  ];
  return `| ${cells.join(' | ')} |`;
}

function spread(values: readonly number[]): string {
  return `**${median(values).toFixed(2)}** (${Math.min(...values).toFixed(2)}-${Math.max(...values).toFixed(2)})`;
}

/** Each step does what the one before does and more; what it adds is the difference of neighbours in one round. */
export function stepTable(steps: readonly Step[]): string[] {
  const rows = steps.map(({ name, runs, alone }, index) => {
    const before = steps[index - 1]?.runs;
    const added = runs.map((run, round) => {
      const other = before?.[round];
      return cpuPerGb(run) - (other === undefined ? 0 : cpuPerGb(other));
    });
    const perGb = (pick: (run: Run) => number) => median(runs.map((run) => (pick(run) / run.bytes) * 1e9)).toFixed(2);
    const parts = `${perGb((run) => run.cpu.user)} + ${perGb((run) => run.cpu.system)}`;
    const wall = median(runs.map((run) => run.wallSeconds)).toFixed(2);
    return `| ${name} | ${medianCpuPerGb(runs).toFixed(2)} | ${parts} | ${alone ? '' : median(added).toFixed(2)} | ${wall} |`;
  });
  return ['| step | CPU s/GB | user + system | adds | wall s |', '| --- | ---: | ---: | ---: | ---: |', ...rows, ''];
}

export function aim(what: string, value: number, max: number): string {
  return `- ${value <= max ? 'met' : '**missed**'}: ${what}: ${value.toFixed(2)} (aim: at most ${max.toFixed(2)})`;
}
