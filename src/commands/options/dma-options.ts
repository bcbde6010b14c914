import { type Command, Option } from 'commander';
import { DEFAULT_DMA_OPTIONS as DEFAULTS } from '../../replay/windows/options.ts';
import { NESTINGS, type Nesting, PARENT_UNMAPS, type ParentUnmap } from '../../window/nested/options.ts';
import { UNREGISTER_MODES, type UnregisterMode } from '../../window/tce/options.ts';

/** Options about DMA windows and nested address spaces, as commander hands them over. */
export interface DmaCommandOptions {
  readonly fixLeaks?: 'on' | 'off';
  readonly unregister?: UnregisterMode;
  readonly nesting?: Nesting;
  readonly parentUnmap?: ParentUnmap;
  readonly require?: string;
}

const WINDOWS = 'DMA windows:';

/** Adds the options about DMA windows, pre-registration and nested address spaces. */
export function addDmaOptions(command: Command): void {
  const add = (option: Option): void => {
    option.helpGroup(WINDOWS);
    command.addOption(option);
  };
  add(
    new Option(
      '--fix-leaks <how>',
      'off: a window that is refused keeps its tables charged, as upstream (default: on)',
    ).choices(['on', 'off']),
  );
  add(
    new Option(
      '--unregister <how>',
      `giving memory back that TCEs point into: refused, or the region is lost, as in the kernel (default: ${DEFAULTS.unregister})`,
    ).choices(UNREGISTER_MODES),
  );
  add(
    new Option(
      '--nesting <who>',
      `who follows maps of a nested address space through its parent (default: ${DEFAULTS.nesting})`,
    ).choices(NESTINGS),
  );
  add(
    new Option(
      '--parent-unmap <how>',
      `an unmap of what children refer to: refused, or taken from them first (default: ${DEFAULTS.parentUnmap})`,
    ).choices(PARENT_UNMAPS),
  );
  add(
    new Option(
      '--require <ranges>',
      'IOVAs that each domain needs, START:END[,START:END], such as 0x0:4G; it gets the smallest tables that reach them',
    ),
  );
}
