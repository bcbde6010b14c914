import { parentPort } from 'node:worker_threads';
import { type BundleJob, runBundle } from './run-bundle.ts';

/** A thread of a sweep: takes bundles, answers each with its rows, until it is terminated. */
parentPort?.on('message', async (job: BundleJob) => {
  parentPort?.postMessage(await runBundle(job, () => false));
});
