import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // What is waited for comes late on a busy machine; it fails only when it does not come at all.
    expect: { poll: { timeout: 15_000, interval: 50 } },
    include: ['src/**/*.test.ts', 'test/api/**/*.test.ts', 'test/contract/**/*.test.ts', 'test/flash/**/*.test.ts'],
    // Much of it waits for disks, processes and timers: on two cores one worker would leave one idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Real disks, processes and sockets: slow machines are given time, and no test is timed.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
