import { Option } from 'commander';
import { REPEAT_UNWINDS, type RepeatUnwind } from '../../iommu/repeat-unwind.ts';
import {
  COW_RESERVES,
  DEFAULT_REPEAT_OPTIONS as DEFAULTS,
  REPEATS,
  type Repeats,
} from '../../replay/repeats/options.ts';

/** Options about repeat mappings, as commander hands them over. */
export interface RepeatCommandOptions {
  readonly repeat: Repeats;
  readonly repeatUnwind: RepeatUnwind;
  readonly cowReserve: (typeof COW_RESERVES)[number];
}

/** The options about repeat mappings. */
export function repeatCommandOptions(): readonly Option[] {
  return [
    new Option('--repeat <tables>', 'a repeat mapping makes tables of its own, or shares those that hold the same')
      .choices(REPEATS)
      .default(DEFAULTS.tables),
    new Option(
      '--repeat-unwind <how>',
      'a plain one that fails takes back all it had mapped, or one repetition less, as the posted series does',
    )
      .choices(REPEAT_UNWINDS)
      .default(DEFAULTS.unwind),
    new Option(
      '--cow-reserve <when>',
      'shared: put by the pages that an unmap of a part needs for copies; without them it may return a short count',
    )
      .choices(COW_RESERVES)
      .default('off'),
  ];
}
