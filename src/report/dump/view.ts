import type { ChalkInstance } from 'chalk';
import type { TextOutput } from '../../base/text-output.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';
import type { DumpFilter } from './filter.ts';

export const VIEW_NAMES = ['tree', 'ranges', 'walk', 'raw'] as const;
export type ViewName = (typeof VIEW_NAMES)[number];

/**
 * When two neighbouring leaves are one range: equal attributes and consecutive physical addresses, equal attributes alone,
 * or never. Page sizes do not matter.
 */
export const MERGE_RULES = ['attrs+pa', 'attrs', 'none'] as const;
export type MergeRule = (typeof MERGE_RULES)[number];

/** What a view is asked for. */
export interface DumpRequest {
  readonly filter: DumpFilter;
  readonly merge: MergeRule;
  /** Name every bit of the entries of a walk. */
  readonly explain: boolean;
  /** Show shared tables at every address, however many there are. Left out: false. */
  readonly expand?: boolean;
  readonly ink: ChalkInstance;
  /** Columns of the terminal; null elsewhere. */
  readonly width: number | null;
}

/** One way to show page tables; both forms write whole lines. */
export interface DumpView {
  readonly text: (spaces: readonly AddressSpace[], request: DumpRequest, output: TextOutput) => void;
  /** One JSON object a line: addresses in hex, counts and sizes in integers. */
  readonly json: (spaces: readonly AddressSpace[], request: DumpRequest, output: TextOutput) => void;
}
