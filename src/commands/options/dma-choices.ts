import { usageError } from '../../base/errors.ts';
import { parseSize } from '../../base/sizes.ts';
import { hexNumber, isHex64 } from '../../base/u64.ts';
import { DEFAULT_DMA_OPTIONS as DEFAULTS, type DmaOptions } from '../../replay/windows/options.ts';
import { readRanges } from '../../replay/windows/window-fields.ts';
import type { Hex, RequiredRange } from '../../trace/events.ts';
import type { DmaCommandOptions } from './dma-options.ts';

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
