import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads it.
export default defineConfig({
  test: {
    // An emulated computer takes its time, on a busy machine twice as long; it fails only when nothing comes at all.
    expect: { poll: { timeout: 300_000, interval: 1_000 } },
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/image/**/*.test.ts'],
    // One emulated computer at a time: each takes every core there is.
    fileParallelism: false,
    // What comes first has to be good for what comes after it.
    bail: 1,
    testTimeout: 3_600_000,
    hookTimeout: 1_800_000,
    teardownTimeout: 60_000,
  },
});
