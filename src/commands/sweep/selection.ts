import { usageError } from '../../base/errors.ts';
import type { TraceCells } from '../../sweep/bundles.ts';
import { cellId, isCellId } from '../../sweep/cell-id.ts';
import { ROW_SCHEMA } from '../../sweep/row.ts';
import type { Setup } from './expand.ts';
import { type FoundTrace, sha256Of } from './find-traces.ts';

/** A part of a sweep: the `index`-th of `count`, counted from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** A trace whose bytes are known. */
export interface HashedTrace extends FoundTrace {
  readonly sha256: string;
}

/** A configuration with the id that it has together with its trace. */
export interface IdentifiedSetup extends Setup {
  readonly id: string;
}

const MOST_SHARDS = 100_000;

/** `3/16` as a shard; null when neither the option nor the environment names one. Throws a usage error. */
export function parseShard(option: string | undefined, environment: string | undefined): Shard | null {
  const [name, text] = option === undefined ? ['PGTRACE_SHARD', environment ?? ''] : ['--shard', option];
  if (option === undefined && text === '') return null;
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  const index = Number(match?.[1]);
  const count = Number(match?.[2]);
  if (match === null || index < 1 || index > count || count > MOST_SHARDS) {
    throw usageError(`${name} ${JSON.stringify(text)} is no part of a whole; such as 3/16, from 1/16 to 16/16`);
  }
  return { index, count };
}

/** Reads the traces for their hashes and gives every cell its id. */
export async function identified(
  traces: readonly TraceCells<FoundTrace, Setup>[],
  engine: string,
): Promise<TraceCells<HashedTrace, IdentifiedSetup>[]> {
  const result: TraceCells<HashedTrace, IdentifiedSetup>[] = [];
  for (const { trace, cells } of traces) {
    const sha256 = await sha256Of(trace.path);
    const schema = ROW_SCHEMA;
    result.push({
      trace: { ...trace, sha256 },
      cells: cells.map((setup) => ({ ...setup, id: cellId({ sha256, config: setup.config, engine, schema }) })),
    });
  }
  refuseClash(result);
  return result;
}

/** The cells that `--job` names; all when it names none. Throws a usage error for one that is not among them. */
export function chosenCells(
  traces: readonly TraceCells<HashedTrace, IdentifiedSetup>[],
  jobs: readonly string[] | undefined,
): readonly TraceCells<HashedTrace, IdentifiedSetup>[] {
  if (jobs === undefined) return traces;
  const known = new Set(traces.flatMap(({ cells }) => cells.map(({ id }) => id)));
  for (const job of jobs) {
    if (!isCellId(job))
      throw usageError(`--job ${JSON.stringify(job)} is no job id of sixteen hex digits; --list prints them`);
    if (!known.has(job)) {
      throw usageError(`--job ${job} is none of this sweep's; --list with the same traces and options prints them`);
    }
  }
  const wanted = new Set(jobs);
  return traces
    .map(({ trace, cells }) => ({ trace, cells: cells.filter(({ id }) => wanted.has(id)) }))
    .filter(({ cells }) => cells.length > 0);
}

/** Two cells with one id are the same configuration twice, in different words. Throws a usage error. */
function refuseClash(traces: readonly TraceCells<HashedTrace, IdentifiedSetup>[]): void {
  const seen = new Set<string>();
  for (const { trace, cells } of traces) {
    for (const { id, config } of cells) {
      if (seen.has(id))
        throw usageError(`${trace.name}: job ${id} comes twice (allocator ${config.allocator}, flush ${config.flush})`);
      seen.add(id);
    }
  }
}
