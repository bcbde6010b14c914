import { usageError } from '../../base/errors.ts';
import { type ModelChoice, modelText } from '../../base/model.ts';
import { COMPARED_POLICIES } from '../../flush/registry.ts';
import type { ReplayOptions } from '../../replay/options.ts';
import { type CellConfig, cellConfig } from '../../sweep/cell-config.ts';
import type { ReadOptions } from '../../trace/open.ts';
import { readOptions } from '../options/input-options.ts';
import { allocatorChoices, driverChoices } from '../options/policy-choices.ts';
import { replayOptions } from '../options/replay-choices.ts';
import type { GranuleName, SweepCommandOptions } from './sweep-options.ts';

/** One configuration of a sweep: what a replay takes, and the same as a row tells it. */
export interface Setup {
  readonly config: CellConfig;
  readonly options: ReplayOptions;
}

/** Page sizes of each granule, as io-pgtable-arm.c:arm_lpae_restrict_pgsizes leaves them. */
const GRANULE_SIZES: Readonly<Record<GranuleName, string>> = {
  '4K': '4K,2M,1G',
  '16K': '16K,32M',
  '64K': '64K,512M',
};

/**
 * Every combination of the dimensions: kernels, formats, granules, drivers, flush policies, allocators; a dimension that
 * was not given leaves the choice to the trace. All other options apply to each. Throws a usage error.
 */
export function expandSetups(options: SweepCommandOptions): { readonly read: ReadOptions; readonly setups: Setup[] } {
  if (options.granule !== undefined && options.pgsizes !== undefined) {
    throw usageError('--granule stands for its page sizes; give it or --pgsizes');
  }
  if (options.engine !== undefined) throw usageError('a sweep replays with io-pgtable-arm; leave out --engine');
  const { flush: _flush, kernel: _kernel, pgtable: _pgtable, ...common } = options;
  const read = readOptions(common);
  const allocators = allocatorChoices(options.allocator);
  const drivers = driverChoices(options.driver);
  const setups: Setup[] = [];
  for (const kernel of distinct('--kernel', options.kernel))
    for (const pgtable of distinct('--pgtable', options.pgtable))
      for (const granule of distinct('--granule', options.granule))
        for (const driver of drivers)
          for (const flush of distinct('--flush', flushNames(options.flush)))
            for (const allocator of allocators) {
              const one = replayOptions(
                {
                  ...common,
                  ...(kernel === null ? {} : { kernel }),
                  ...(pgtable === null ? {} : { pgtable }),
                  ...(granule === null ? {} : { pgsizes: GRANULE_SIZES[granule] }),
                  ...(flush === null ? {} : { flush: [flush] }),
                },
                null,
              );
              const complete: ReplayOptions = { ...one, driver, allocator: ordered(allocator) };
              setups.push({ config: cellConfig(complete, read), options: complete });
            }
  return { read, setups };
}

/** The values of a dimension; null alone when it was not given. Throws a usage error when a value comes twice. */
function distinct<Value extends string>(
  option: string,
  values: readonly Value[] | undefined,
): readonly (Value | null)[] {
  if (values === undefined) return [null];
  const twice = values.find((value, i) => values.indexOf(value) < i);
  if (twice !== undefined) throw usageError(`${option} ${twice} is given twice`);
  return values;
}

function flushNames(texts: readonly string[] | undefined): readonly string[] | undefined {
  // A row without any command is what the others are held against.
  return texts?.flatMap((text) => (text === 'all' ? ['none', ...COMPARED_POLICIES.map(modelText)] : [text]));
}

/** Parameters in the order of the alphabet: how they were typed is no difference. */
function ordered(choice: ModelChoice | null): ModelChoice | null {
  if (choice === null) return null;
  return { name: choice.name, parameters: Object.fromEntries(Object.entries(choice.parameters).sort()) };
}
