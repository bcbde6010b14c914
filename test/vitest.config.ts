import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './longest-first.ts';

/** Files that replace modules of the sources: they load every module for themselves. */
const ALONE = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => readFileSync(new URL(name, import.meta.url), 'utf8').includes('vi.mock('))
  .map((name) => `test/${name}`);

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: availableParallelism(),
    sequence: { sequencer: LongestFirst },
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE } },
      // Loading the sources takes longer than most files take to test them: these share what a worker has loaded.
      {
        extends: true,
        test: {
          name: 'together',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ALONE,
          setupFiles: ['test/small-arena.setup.ts'],
        },
      },
    ],
  },
});
