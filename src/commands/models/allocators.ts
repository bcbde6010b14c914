import { ALLOCATORS } from '../../allocator/registry.ts';
import type { Io } from '../process/io.ts';
import { listModels } from './model-list.ts';

const HELP = `
Use them as --allocator NAME[,k=v]; several times, or --allocator all, compares
them in one pass:
  pgtrace replay trace.ndjson --allocator kernel --allocator bulk,k=64
`;

/** `pgtrace allocators`: what `--allocator` takes. Returns the exit code. */
export function allocatorsCommand(json: boolean, io: Io): number {
  return listModels('allocator', ALLOCATORS, HELP, json, io);
}
