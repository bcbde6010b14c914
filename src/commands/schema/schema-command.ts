import { Argument, type Command } from 'commander';
import type { Io } from '../process/io.ts';
import type { SchemaName } from './schema.ts';

/** What has a schema: `replay --json`, `compare --json`, `compare --engines --json`, `check --json`, a line of `sweep`, a line of a trace, `windows --json`. */
const SCHEMA_NAMES: readonly SchemaName[] = ['stats', 'compare', 'engines', 'check', 'row', 'trace', 'windows'];

const FOOTER = `
Examples:
  pgtrace schema stats > stats.schema.json
  pgtrace schema trace | jq '."$defs".map.required'`;

/** Declares `schema`. */
export function addSchemaCommand(program: Command, io: Io, finish: (code: number) => void): void {
  program
    .command('schema')
    .description('print the JSON Schema of an output, or of a trace')
    .addArgument(
      new Argument(
        '<what>',
        'what replay, compare, check or windows print with --json, a line of a sweep, a line of a trace',
      ).choices(SCHEMA_NAMES),
    )
    .addHelpText('after', FOOTER)
    .action(async (name: SchemaName) => {
      const { schemaCommand } = await import('./schema.ts');
      finish(schemaCommand(name, io));
    });
}
