import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Tests end by virtual time or by a process's own limit: a slow or busy host must not fail them.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // One for each processor, the last one too: nothing else needs it.
    maxWorkers: '100%',
  },
});
