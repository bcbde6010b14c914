/**
 * What one page table counts, as indices into a Float64Array: the hot path adds to an array slot and nothing else.
 * What each number means to people (name, unit, direction) is declared in stats/.
 */
export const TABLE_ALLOCS = 0;
export const TABLE_FREES = 1;
export const TABLE_ALLOC_FAILS = 2;
export const TABLES_LIVE = 3;
export const TABLES_PEAK = 4;
/** Per level: + level (0..3). */
export const LEVEL_ALLOCS = 5;
export const LEVEL_FREES = 9;
export const LEVEL_PEAK = 13;
/** Bytes of live tables: as the walker sees them, as asked of the allocator, as the allocator's pages occupy. */
export const BYTES_LOGICAL = 17;
export const BYTES_REQUESTED = 18;
export const BYTES_OCCUPIED = 19;
export const BYTES_OCCUPIED_PEAK = 20;
export const MAPPED_BYTES = 21;
export const MAPPED_BYTES_PEAK = 22;
export const PT_SYNCS = 23;
export const DMA_MAPS = 24;
export const DMA_UNMAPS = 25;
export const FLUSH_WALKS = 26;
export const ADD_PAGES = 27;
export const IOTLB_SYNCS = 28;
export const FLUSH_ALLS = 29;
export const WARNS = 30;
/** Calls of the raw operations and the pages they asked to map or unmap. */
export const MAP_CALLS = 31;
export const UNMAP_CALLS = 32;
export const LEAVES_WRITTEN = 33;
export const LEAVES_CLEARED = 34;
export const BLOCKS_SPLIT = 35;
export const SUBTREES_FREED = 36;
/** Runs of leaves that were given the contiguous hint, and runs that it was taken from since a part was to change. */
export const CONTIG_RUNS = 37;
export const CONTIG_BROKEN = 38;
/** Per place: + one of WARN_PLACES. */
export const WARN_BY_PLACE = 40;

/** The places where the kernel prints a stack trace, in the order of their counters. */
export const WARN_PLACES = [
  'config',
  'bad-pgsize',
  'range',
  'already-mapped',
  'no-such-level',
  'not-mapped',
  'zero-count',
  'partial-unmap',
  'dirty-range',
  'dirty-hole',
  'driver',
  'driver-once',
] as const;

export const WARN_BAD_PGSIZE = 1;
export const WARN_RANGE = 2;
export const WARN_ALREADY_MAPPED = 3;
export const WARN_NO_SUCH_LEVEL = 4;
export const WARN_NOT_MAPPED = 5;
export const WARN_ZERO_COUNT = 6;
export const WARN_PARTIAL_UNMAP = 7;
export const WARN_DIRTY_RANGE = 8;
export const WARN_DIRTY_HOLE = 9;
/** A GPU driver's own, and those that it prints once. */
export const WARN_DRIVER = 10;
export const WARN_DRIVER_ONCE = 11;

export const COUNTERS = WARN_BY_PLACE + WARN_PLACES.length;
