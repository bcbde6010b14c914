import { FLUSH_POLICIES } from '../../flush/registry.ts';
import type { Io } from '../process/io.ts';
import { listModels } from './model-list.ts';

const HELP = `
Use them as --flush NAME[,k=v]; several times, or --flush all, compares them in
one pass:
  pgtrace replay trace.ndjson --flush smmuv3 --flush smmuv3,mode=lazy
`;

/** `pgtrace flushes`: what `--flush` takes. Returns the exit code. */
export function flushesCommand(json: boolean, io: Io): number {
  return listModels('flush policy', FLUSH_POLICIES, HELP, json, io);
}
