import type { Command } from 'commander';
import type { Io } from './process/io.ts';

/** Declares one command; `finish` takes the exit code that a run of it comes to. */
type Declare = (program: Command, io: Io, finish: (code: number) => void) => void;

/** Where each command is declared. Nothing of a command is loaded before it is asked for. */
const DECLARATIONS: Readonly<Record<string, () => Promise<Declare>>> = {
  replay: async () => (await import('./replay/replay-command.ts')).addReplayCommand,
  dump: async () => (await import('./dump/dump-command.ts')).addDumpCommand,
  import: async () => (await import('./import/import-command.ts')).addImportCommand,
  check: async () => (await import('./check/check-command.ts')).addCheckCommand,
  compare: async () => (await import('./compare/compare-command.ts')).addCompareCommand,
  report: async () => (await import('./reports/report-command.ts')).addReportCommand,
  allocators: async () => (await import('./models/models-command.ts')).addAllocatorsCommand,
  flushes: async () => (await import('./models/models-command.ts')).addFlushesCommand,
  gen: async () => (await import('./gen/gen-command.ts')).addGenCommand,
  record: async () => (await import('./record/record-command.ts')).addRecordCommand,
  reduce: async () => (await import('./reduce/reduce-command.ts')).addReduceCommand,
  sweep: async () => (await import('./sweep/sweep-command.ts')).addSweepCommand,
  merge: async () => (await import('./sweep/merge/merge-command.ts')).addMergeCommand,
  schema: async () => (await import('./schema/schema-command.ts')).addSchemaCommand,
  completion: async () => (await import('./completion/completion-command.ts')).addCompletionCommand,
  man: async () => (await import('./man/man-command.ts')).addManCommand,
  windows: async () => (await import('./windows/windows-command.ts')).addWindowsCommand,
};

/** Commands that speak of all commands. */
const OF_ALL: readonly string[] = ['completion', 'man'];

/**
 * The declarations that a command line needs: of the command that it begins with, of none for the version, else of all, for
 * help and for what was mistyped.
 */
export function declarationsFor(args: readonly string[]): Promise<readonly Declare[]> {
  const [first] = args;
  if (args.length === 1 && (first === '--version' || first === '-V')) return Promise.resolve([]);
  const one = first !== undefined && Object.hasOwn(DECLARATIONS, first) && !OF_ALL.includes(first);
  return Promise.all(one ? [DECLARATIONS[first]()] : Object.values(DECLARATIONS).map((load) => load()));
}
