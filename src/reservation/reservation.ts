import type { TableCount } from './page-counts.ts';

/** One reservation of IOVAs: a handle on tables that stay, and what became of it. Offsets and sizes are bytes. */
export class Reservation {
  readonly id: string;
  /** First IOVA and bytes. */
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
  /** The same as offsets [start, end) in the address space. */
  readonly start: number;
  readonly end: number;
  /** The deepest level whose tables it holds. */
  readonly depth: number;
  /** Tables that it pins, other than the start table, by level (0..3) and in all, and their bytes. */
  readonly pinned: readonly number[];
  readonly full: number;
  readonly pinnedBytes: number;
  /** Of these, the ones that did not exist and were fetched, by level and in all, and how many of them lost a race. */
  readonly missingByLevel: readonly number[];
  readonly missing: number;
  readonly raced: number;
  /** Tick (`TableMemory.now`) of its making and of its end; null while it lives. */
  readonly madeAt: number;
  endedAt: number | null = null;
  /** Maps and unmaps wholly inside that did what they were asked. */
  maps = 0;
  unmaps = 0;
  /** Bytes mapped inside now, and the most there ever were. */
  mapped: number;
  mappedPeak: number;
  /**
   * Its tables that had a leaf below them: the most that any look found. Looks are taken before unmaps that follow growth
   * and at its end, so that the number is a lower bound.
   */
  used = 0;
  /** Tables freed when it ended. */
  freed = 0;
  /** Bytes mapped at the last look. */
  surveyed = 0;

  constructor(
    id: string,
    iovaHi: number,
    iovaLo: number,
    size: number,
    start: number,
    depth: number,
    full: TableCount,
    granule: number,
    fetched: { readonly missing: number; readonly byLevel: readonly number[]; readonly raced: number },
    mapped: number,
    madeAt: number,
  ) {
    this.id = id;
    this.iovaHi = iovaHi >>> 0;
    this.iovaLo = iovaLo >>> 0;
    this.size = size;
    this.start = start;
    this.end = start + size;
    this.depth = depth;
    this.pinned = full.byLevel;
    this.full = full.total;
    this.pinnedBytes = full.total * granule;
    this.missingByLevel = fetched.byLevel;
    this.missing = fetched.missing;
    this.raced = fetched.raced;
    this.mapped = mapped;
    this.mappedPeak = mapped;
    this.madeAt = madeAt;
  }

  get live(): boolean {
    return this.endedAt === null;
  }

  /** True when the offsets [start, end) lie inside. */
  contains(start: number, end: number): boolean {
    return this.start <= start && end <= this.end;
  }

  /** Sets the bytes mapped inside. */
  setMapped(bytes: number): void {
    this.mapped = bytes;
    if (bytes > this.mappedPeak) this.mappedPeak = bytes;
  }
}
