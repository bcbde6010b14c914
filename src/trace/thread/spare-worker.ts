import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/** What the build makes of `reading-worker.ts`; it serves the sources, too, when they run as they are. */
const WORKER = import.meta.url.endsWith('.ts')
  ? new URL('../../../dist/reading-worker.js', import.meta.url)
  : new URL('./reading-worker.js', import.meta.url);
/** Sizes of files from which on a second thread wins more than its start takes: plain and compressed. */
const LEAST_PLAIN = 64 * 1024 * 1024;
const LEAST_COMPRESSED = 6 * 1024 * 1024;

/** A thread that has been started and has no file yet. */
let spare: Worker | null = null;

/** Whether a second thread reads a file faster: a long one, and a processor that has nothing else to do. */
export function paysThread(path: string): boolean {
  const info = statSync(path, { throwIfNoEntry: false });
  if (info === undefined || !info.isFile() || info.size < LEAST_COMPRESSED || availableParallelism() < 2) return false;
  if (info.size < LEAST_PLAIN && !isCompressed(path)) return false;
  return existsSync(fileURLToPath(WORKER));
}

/** The magic numbers of gzip and zstd. */
function isCompressed(path: string): boolean {
  const head = Buffer.alloc(4);
  const file = openSync(path, 'r');
  try {
    readSync(file, head);
  } finally {
    closeSync(file);
  }
  return head.readUInt16BE(0) === 0x1f8b || head.readUInt32LE(0) === 0xfd2fb528;
}

/** Starts a thread for files that are going to be read soon, if one of them is worth it: its start takes a while. */
export function prepareWorker(paths: readonly string[]): void {
  try {
    if (spare === null && paths.some(paysThread)) spare = startWorker();
  } catch {
    // What is wrong with the file is told when it is opened.
  }
  spare?.unref();
}

/** The thread that was prepared, or a new one; null where none can be started. */
export function takeWorker(): Worker | null {
  try {
    const worker = spare ?? startWorker();
    spare = null;
    worker.ref();
    return worker;
  } catch {
    return null;
  }
}

function startWorker(): Worker {
  // What this process was started with need not suit a thread (`--input-type` does not).
  const worker = new Worker(WORKER, { execArgv: [] });
  // One that ends before it has a file is of no use, and does no harm.
  worker.once('error', () => {});
  worker.once('exit', () => {
    if (spare === worker) spare = null;
  });
  return worker;
}
