import { type Command, Option } from 'commander';
import { TOOLS } from '../../recording/commands.ts';
import { TARGETS } from '../../recording/targets.ts';

const EXAMPLES = `
Examples:
  pgtrace record --smmu --kernel 6.12               everything there is to know
  pgtrace record --smmu --kernel 6.12 --tool boot   a kernel command line
  pgtrace record --panthor --tool ftrace | sudo sh -s -- glmark2-es2-drm
  pgtrace record --check recording.txt.gz           or .dat, .perf.data`;

/** Adds the options of `record`. */
export function addRecordOptions(command: Command): Command {
  for (const { name, title } of TARGETS) command.option(`--${name}`, title);
  return command
    .option('--kernel <version>', 'the kernel that will run: 5.15 or later (default: 7.1)')
    .addOption(new Option('--tool <name>', 'only what this tool needs, to pipe into sh or to paste').choices(TOOLS))
    .option('--buffer <size>', 'ring buffer of each CPU, all of which take memory (default: 24M)')
    .option('--check <file>', 'say whether a recording is complete enough to be replayed')
    .option('--json', 'print the recipe, or what --check finds, as JSON')
    .addHelpText('after', EXAMPLES);
}
