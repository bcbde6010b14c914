import type { Command } from 'commander';
import type { Io } from '../process/io.ts';
import { addWindowsOptions, type WindowsCommandOptions } from './windows-options.ts';

const FOOTER = `
Of a trace with window_* events every model gets these; what it has no word for
(windows and registration under type1 and v1) is left out. In a trace of plain
map and unmap events \`paddr\` is taken as an address in the guest's memory, as
the program that runs the guest sees it: all pages that are ever mapped (or
those of --ram) are registered once before the first map, and each domain gets
one window from 0 that covers its IOVAs.

Examples:
  pgtrace windows traces/window-churn.ndjson
  pgtrace windows trace.ndjson --models type1,v2 --memlock 256M
  pgtrace windows recording.txt.gz --layer iommu --cpu-page 4K --json`;

/** Declares `pgtrace windows`. */
export function addWindowsCommand(program: Command, io: Io, finish: (code: number) => void): void {
  const command = program
    .command('windows')
    .description('hold ways of mapping guest memory for DMA against each other: what each pins, accounts and locks')
    .argument('<trace>', 'trace file, - for standard input')
    .addHelpText('after', FOOTER);
  addWindowsOptions(command).action(async (path: string, options: WindowsCommandOptions) => {
    const { windowsCommand } = await import('./windows.ts');
    finish(await windowsCommand(path, options, io));
  });
}
