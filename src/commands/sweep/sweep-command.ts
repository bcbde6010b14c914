import { type Command, Option } from 'commander';
import { addTraceOptions } from '../options/trace-options.ts';
import type { Io } from '../process/io.ts';
import { GRANULES, ROW_FORMATS, type SweepCommandOptions } from './sweep-options.ts';

const CELLS = 'Cells:';
const ROWS = 'Rows:';

const EXAMPLES = `
Examples:
  pgtrace sweep traces/ --allocator all --flush all -o rows/
  pgtrace sweep a.ndjson b.txt.gz --kernel 7.1 --kernel 6.12 > rows.ndjson
  pgtrace sweep traces/ --allocator all --list
  pgtrace sweep traces/ --allocator all --shard 3/16 -o rows-3/
  pgtrace sweep traces/ --granule 64K --format parquet -o rows.parquet

Interrupted, a folder keeps its rows, and the same command goes on from there;
FILE.ndjson, FILE.parquet and stdout get the rows that are done by then.

Exit codes: 0 fine; 2 usage; 3 a trace was unusable; 4 environment (retry may
help); 70 a bug in pgtrace; 130 interrupted. Of several, the largest.`;

/** Declares `pgtrace sweep`. */
export function addSweepCommand(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('sweep')
    .description('replay many traces in many configurations, one row each')
    .argument('<trace...>', 'trace files, and folders to search for traces')
    .addHelpText('after', EXAMPLES);
  const add = (group: string, option: Option): Option => {
    option.helpGroup(group);
    command.addOption(option);
    return option;
  };
  repeatable(
    add(
      CELLS,
      new Option('--granule <size>', "all page sizes of a granule (default: the domain's own); repeatable").choices(
        GRANULES,
      ),
    ),
  );
  add(CELLS, new Option('--list', 'print the cells as NDJSON and run none'));
  repeatable(add(CELLS, new Option('--job <id>', 'run this cell only; repeatable')));
  add(CELLS, new Option('--shard <i/n>', 'run the i-th of n parts, counted from 1 (default: PGTRACE_SHARD)'));
  add(CELLS, new Option('--jobs <n>', 'replay with n threads (default: one for each processor)'));
  add(
    ROWS,
    new Option(
      '-o, --output <dir>',
      'a file for each row, and rows.ndjson; rows that are there are kept; or FILE.ndjson, FILE.parquet',
    ),
  );
  add(ROWS, new Option('--force', 'run also the cells whose rows are there'));
  add(
    ROWS,
    new Option('--format <format>', 'parquet: -o FILE.parquet, or rows.parquet beside rows.ndjson').choices(
      ROW_FORMATS,
    ),
  );
  addTraceOptions(command);
  for (const [name, more] of SEVERAL) {
    const option = command.options.find(({ long }) => long === name);
    if (option === undefined) throw new Error(`${name} is no trace option`);
    option.description += more;
    repeatable(option);
  }
  command.action(async (paths: string[], options: SweepCommandOptions) => {
    const { sweepCommand } = await import('./sweep.ts');
    finish(await sweepCommand(paths, options, io));
  });
}

/** Options that `replay` takes once and a sweep several times. */
const SEVERAL = [
  ['--kernel', '; repeatable'],
  ['--pgtable', '; repeatable'],
] as const;

/** Lets an option come several times: its values are a list. */
function repeatable(option: Option): void {
  const parse = option.parseArg;
  option.argParser((text: string, before: readonly unknown[] | undefined) => [
    ...(before ?? []),
    parse === undefined ? text : parse(text, undefined),
  ]);
}
