/** One monotonic clock, and what waits on it. */
export type Timers = Readonly<{
  nowMs(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
}>;

export const realTimers: Timers = {
  nowMs: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};
