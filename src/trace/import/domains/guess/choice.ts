import type { Context } from './contexts.ts';
import type { Journal } from './journal.ts';

/** A request on its way, with the choice that was made for it. */
export interface Choice {
  readonly ticket: number;
  readonly isMap: boolean;
  readonly page: number;
  readonly pages: number;
  /** Physical page of a map. */
  readonly physical: number;
  readonly context: Context;
  readonly cpu: number;
  readonly ns: number;
  readonly named: number;
  readonly journal: Journal;
  space: number;
  /** The next best, -1: none. */
  second: number;
  score: number;
  margin: number;
  ambiguous: boolean;
  unknown: boolean;
}

export const NO_CHOICE = -1;
