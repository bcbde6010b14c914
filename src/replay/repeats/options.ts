import type { RepeatUnwind } from '../../iommu/repeat-unwind.ts';

/** What repeat mappings are made of: tables of their own, or tables that are shared where they hold the same. */
export const REPEATS = ['plain', 'shared'] as const;
export type Repeats = (typeof REPEATS)[number];

export const COW_RESERVES = ['on', 'off'] as const;

export interface RepeatOptions {
  readonly tables: Repeats;
  /** How far a plain repeat mapping that fails is taken back. */
  readonly unwind: RepeatUnwind;
  /** Shared: put by the pages that one unmap of a part may need for copies, so that it cannot fail. */
  readonly cowReserve: boolean;
}

export const DEFAULT_REPEAT_OPTIONS: RepeatOptions = { tables: 'plain', unwind: 'intended', cowReserve: false };

/** Options that differ from what is usual, in words; empty: none does. */
export function repeatText({ tables, unwind, cowReserve }: RepeatOptions): string {
  const words = [
    ...(tables === DEFAULT_REPEAT_OPTIONS.tables ? [] : [tables]),
    ...(unwind === DEFAULT_REPEAT_OPTIONS.unwind ? [] : [`unwind=${unwind}`]),
    ...(cowReserve === DEFAULT_REPEAT_OPTIONS.cowReserve ? [] : ['cow-reserve=on']),
  ];
  return words.join(',');
}
