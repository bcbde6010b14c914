import { type Command, Option } from 'commander';
import { nearest } from '../../base/edit-distance.ts';
import { usageError } from '../../base/errors.ts';
import { parseSize } from '../../base/sizes.ts';
import { isPowerOfTwo } from '../../base/u64.ts';
import { type AddressRange, united } from '../../window/aperture.ts';
import { DMA_MODELS, type DmaModelName } from '../../window/models/model.ts';
import { NESTINGS, type Nesting } from '../../window/nested/options.ts';
import { addInputOptions, type InputCommandOptions } from '../options/input-options.ts';
import type { ColorChoice } from '../process/io.ts';

/** Options of `pgtrace windows` as commander hands them over. */
export interface WindowsCommandOptions extends InputCommandOptions {
  readonly models?: string;
  readonly cpuPage?: string;
  readonly memlock?: string;
  readonly ram?: string;
  readonly nesting?: Nesting;
  readonly json?: boolean;
  readonly color: ColorChoice;
  readonly quiet?: boolean;
}

/** Adds the options of `pgtrace windows`. */
export function addWindowsOptions(command: Command): Command {
  command
    .option('--models <list>', `of ${DMA_MODELS.join(', ')}, or all (default: all)`)
    .option('--cpu-page <size>', "bytes of a CPU page, which locked memory counts (default: the trace's own, else 64K)")
    .option('--memlock <size>', "bytes that the process may lock (default: the trace's own, else no limit)")
    .option(
      '--ram <ranges>',
      "the guest's memory, START:SIZE[,START:SIZE], for plain maps (default: the pages that they reach)",
    )
    .addOption(
      new Option('--nesting <who>', 'who follows maps of nested address spaces (default: software)').choices(NESTINGS),
    )
    .option('--json', 'print the comparison as JSON');
  addInputOptions(command);
  return command
    .addOption(new Option('--color <when>', 'colour').choices(['always', 'never', 'auto']).default('auto'))
    .option('-q, --quiet', 'no progress, no notes on stderr');
}

/** The models asked for, each once. Throws a usage error. */
export function modelNames(text: string | undefined): readonly DmaModelName[] {
  if (text === undefined || text === 'all') return DMA_MODELS;
  const names = text.split(',').map((name) => name.trim());
  if (names.includes('all')) {
    throw usageError(`--models ${text}: all is every model; give it alone, or name those that are wanted`);
  }
  const known: readonly string[] = DMA_MODELS;
  const bad = names.find((name) => !known.includes(name));
  if (bad !== undefined) {
    const guess = nearest(bad, DMA_MODELS);
    const meant = guess === null ? '' : ` (did you mean ${guess}?)`;
    throw usageError(`--models: ${JSON.stringify(bad)} is none of ${DMA_MODELS.join(', ')}${meant}`);
  }
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw usageError(`--models: ${twice} is given twice`);
  return names as readonly DmaModelName[];
}

/** Bytes of a CPU page; null: nobody says. Throws a usage error. */
export function cpuPage(text: string | undefined): number | null {
  if (text === undefined) return null;
  const size = parseSize(text);
  if (size !== null && isPowerOfTwo(size) && size >= 4096) return size;
  throw usageError(`--cpu-page ${JSON.stringify(text)} is no page of a CPU; such as 4K or 64K`);
}

/** Bytes that may be locked; null: nobody says. Throws a usage error. */
export function memlock(text: string | undefined): number | null {
  if (text === undefined) return null;
  const size = parseSize(text);
  if (size !== null) return size;
  throw usageError(`--memlock ${JSON.stringify(text)} is no size; such as 64M`);
}

/** The guest's memory; null: what the maps reach. Throws a usage error. */
export function ramRanges(text: string | undefined, page: number): readonly AddressRange[] | null {
  if (text === undefined) return null;
  const ranges = text.split(',').map((part) => {
    const [start, size, ...more] = part.split(':').map(parseSize);
    const isRange = start !== undefined && start !== null && size !== undefined && size !== null && size > 0;
    if (!isRange || more.length > 0) {
      throw usageError(`--ram: ${JSON.stringify(part)} is no range; such as 0x80000000:2G`);
    }
    if (start % page !== 0 || size % page !== 0) {
      throw usageError(`--ram: ${JSON.stringify(part)} must begin and end at multiples of a CPU page, ${page}`);
    }
    return { start, end: start + size };
  });
  return united(ranges);
}
