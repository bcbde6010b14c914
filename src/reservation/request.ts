import { EINVAL, ERANGE } from '../base/vocabulary.ts';
import { LAST_LEVEL } from '../lpae/format/geometry.ts';
import type { TableShape } from '../lpae/table/table-shape.ts';
import { spanInRange } from './offsets.ts';

/** `size` bytes from an IOVA. */
export interface IovaRange {
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
}

export interface ReserveRequest extends IovaRange {
  readonly id: string;
  /** Deepest level whose tables are wanted, 0..3. One at or above the start level wants none. */
  readonly depth: number;
}

/** Where the pages of a reserve come from: the allocator, asked once for all of them. */
export interface PageBulk {
  /** Fetches exactly `pages` table pages; false: it cannot, and nothing has changed. */
  take(pages: number): boolean;
  /** No more tables will be made; what was not used goes back. */
  done(): void;
}

export interface ReserveOutcome {
  /** 0, -EINVAL, -ERANGE, -EEXIST or -ENOMEM. */
  readonly ret: number;
  /** Tables that the range needs from nothing, that it lacked by the plan, and that were made. */
  readonly full: number;
  readonly missing: number;
  readonly allocated: number;
  /** Entries of the tree that were written. */
  readonly attachPoints: number;
  /** Tables that others linked first. */
  readonly raced: number;
}

/** What is wrong with a request whatever the tree holds: 0, -EINVAL or -ERANGE. */
export function errorOf({ iovaHi, iovaLo, size, depth }: ReserveRequest, shape: TableShape): number {
  if (!Number.isInteger(depth) || depth < 0 || depth > LAST_LEVEL) return -EINVAL;
  if (!(size > 0) || size % shape.granule !== 0 || (iovaLo >>> 0) % shape.granule !== 0) return -EINVAL;
  return spanInRange(shape, iovaHi, iovaLo, size) ? 0 : -ERANGE;
}
