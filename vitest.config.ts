import { configDefaults, defineConfig } from 'vitest/config';

/** Long tests (minutes) are `*.long.test.ts`; they run where VERITAB_LONG is set (`npm run test:long`). */
const long = process.env.VERITAB_LONG !== undefined;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(long ? [] : ['**/*.long.test.ts'])],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: long ? 1_800_000 : 120_000,
    hookTimeout: 120_000,
  },
});
