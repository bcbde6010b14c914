/**
 * Makes dist/ of the sources: a few dozen files instead of some hundred, which halves the time that a command takes to
 * start. What only one command needs stays in files of its own. As a command: `bundle.mjs FOLDER [NAME=FILE ...]`, with more
 * that is started by its name, for measurements of what is shipped.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** What is started by its name: the command line, the library, the threads. */
const ENTRIES = {
  cli: './cli.ts',
  index: './index.ts',
  'reading-worker': './trace/thread/reading-worker.ts',
  'sweep-worker': './commands/sweep/sweep-worker.ts',
};

const [folder, ...more] = process.argv.slice(2);
const input = Object.fromEntries([
  ...Object.entries(ENTRIES).map(([name, path]) => [name, fileURLToPath(new URL(path, import.meta.url))]),
  ...more.map((entry) => entry.split('=')).map(([name, path]) => [name, resolve(path)]),
]);
const build = await rolldown({
  input,
  platform: 'node',
  external: (id) => !/^[./]/.test(id),
  onLog: (_level, log) => {
    throw new Error(log.message);
  },
});
// Threads are found beside whoever starts them: all files lie in one folder.
await build.write({
  dir: folder,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  comments: false,
});
await build.close();
