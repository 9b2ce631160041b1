import { defineConfig } from 'vitest/config';

// biome-ignore lint/style/noDefaultExport: vitest reads it.
export default defineConfig({
  test: {
    // What is waited for comes late on a busy machine; it fails only when it does not come at all.
    expect: { poll: { timeout: 60_000, interval: 200 } },
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/container/**/*.test.ts'],
    // One engine, one box.
    fileParallelism: false,
    testTimeout: 180_000,
    // Unpacks 700 MB.
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
  },
});
