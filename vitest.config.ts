import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/api/**/*.test.ts', 'test/contract/**/*.test.ts'],
    // Real disks, processes and sockets: slow machines are given time, and no test is timed.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
