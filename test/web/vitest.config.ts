import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads it.
export default defineConfig({
  test: {
    // What is waited for comes late on a busy machine; it fails only when it does not come at all.
    expect: { poll: { timeout: 30_000, interval: 100 } },
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/web/**/*.test.ts'],
    // Each file has a box and a Chromium of its own.
    maxWorkers: 2,
    testTimeout: 360_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
  },
});
