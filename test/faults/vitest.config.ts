import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads it.
export default defineConfig({
  test: {
    // What is waited for comes late on a busy machine; it fails only when it does not come at all.
    expect: { poll: { timeout: 15_000, interval: 50 } },
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/faults/**/*.test.ts'],
    // They wait for disks and processes more than they work. The full counts, which take hours, one suite at a time.
    maxWorkers: process.env['NIGHTJAR_SOAK'] === undefined ? 3 : 1,
    testTimeout: 4 * 3_600_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
  },
});
