import { type Command, Option } from 'commander';
import { usageError } from '../../base/errors.ts';
import { parseSize } from '../../base/sizes.ts';
import { hexNumber, isHex64 } from '../../base/u64.ts';
import { DEFAULT_DMA_OPTIONS as DEFAULTS, type DmaOptions } from '../../replay/windows/options.ts';
import { readRanges } from '../../replay/windows/window-fields.ts';
import type { Hex, RequiredRange } from '../../trace/events.ts';
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

/** How windows and nests behave; null when nobody says. */
export function dmaOptions({ fixLeaks, unregister, nesting, parentUnmap }: DmaCommandOptions): DmaOptions | null {
  if ([fixLeaks, unregister, nesting, parentUnmap].every((value) => value === undefined)) return null;
  return {
    fixLeaks: fixLeaks !== 'off',
    unregister: unregister ?? DEFAULTS.unregister,
    nesting: nesting ?? DEFAULTS.nesting,
    parentUnmap: parentUnmap ?? DEFAULTS.parentUnmap,
  };
}

/** The ranges of `--require`. Throws a usage error. */
export function requiredRanges(text: string): readonly RequiredRange[] {
  const ranges = text.split(',').map((part) => {
    const [start, end, ...more] = part.split(':').map(addressOf);
    if (start === undefined || end === undefined || start === null || end === null || more.length > 0) {
      throw usageError(`--require: ${JSON.stringify(part)} is no range; such as 0x0:0x100000000 or 0:4G`);
    }
    return { start, end };
  });
  const empty = ranges.findIndex(({ end }) => /^0x0+$/.test(end));
  if (empty >= 0) {
    throw usageError(
      `--require: ${JSON.stringify(text.split(',')[empty])} holds no address; its end is the first address behind it`,
    );
  }
  const read = readRanges('require', ranges);
  if (typeof read === 'string') throw usageError(`--require: ${read.replace('"require": ', '')}`);
  return ranges;
}

/** `0x100000000`, `4G` as the trace language has addresses; null: it is none. */
function addressOf(text: string): Hex | null {
  if (isHex64(text)) return text as Hex;
  const size = parseSize(text);
  return size === null ? null : (hexNumber(size) as Hex);
}
