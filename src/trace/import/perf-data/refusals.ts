import { inputError, type PgtraceError } from '../../../base/errors.ts';

/** Prints every tracepoint with all that is needed from it, whatever else was recorded. */
export const CONVERT = '`perf script -F comm,pid,tid,cpu,time,event,trace -i FILE > trace.txt`';
export const RECORD = "`perf record -a -e 'iommu:*' -- COMMAND`";

/** An error about the recording `name` as a whole. */
export function perfDataError(name: string, message: string): PgtraceError {
  return inputError(message, { file: name, line: 0, column: 0 });
}

/** What attrs sample by their type (enum perf_type_id in perf_event.h); higher ones are handed out while the kernel runs. */
const KINDS: readonly string[] = [
  'hardware counters',
  'software events',
  'tracepoints',
  'cache counters',
  'raw counters',
  'breakpoints',
];

/** A word for what an attr of such a type samples. */
export function kindOfEvents(type: number): string {
  return KINDS[type] ?? 'events of other units';
}
