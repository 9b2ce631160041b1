import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads it.
export default defineConfig({
  test: {
    // What is waited for comes late on a busy machine; it fails only when it does not come at all.
    expect: { poll: { timeout: 30_000, interval: 100 } },
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/browser/**/*.test.ts'],
    // Several browsers and a box: one suite at a time.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
  },
});
