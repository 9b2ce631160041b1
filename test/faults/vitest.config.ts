import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads it.
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/faults/**/*.test.ts'],
    // Real disks and processes: one suite at a time, and hours for the full counts.
    fileParallelism: false,
    testTimeout: 4 * 3_600_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
  },
});
