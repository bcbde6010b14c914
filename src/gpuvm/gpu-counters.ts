/**
 * What one GPU address space counts beside its page table, as indices into a Float64Array. What each number means to people is
 * declared in stats/.
 */
export const JOBS = 0;
export const ASYNC_JOBS = 1;
export const OPS_MAP = 2;
export const OPS_UNMAP = 3;
/** Steps that requests split into. */
export const STEPS_MAP = 4;
export const STEPS_UNMAP = 5;
export const STEPS_REMAP = 6;
/** Steps whose entries stay because the same mapping follows. */
export const STEPS_KEPT = 7;
export const VMAS_PREALLOCATED = 8;
export const VMAS_USED = 9;
export const VMAS_PEAK = 10;
/** Hardware events. Mali: address-space commands and flushes of the whole GPU cache. */
export const AS_LOCKS = 11;
export const AS_EXTRA_LOCKS = 12;
export const AS_UNLOCKS = 13;
export const AS_FLUSH_PTS = 14;
export const AS_UPDATES = 15;
export const CACHE_FLUSHES = 16;
/** Adreno: invalidations of the whole domain. */
export const FLUSH_ALLS = 17;
/** PowerVR: MMU cache commands to the firmware. */
export const MMU_CACHE_COMMANDS = 18;
/** Nouveau: invalidations of a whole address space. */
export const VMM_FLUSHES = 19;
/** Xe: invalidation jobs, one per GT. */
export const INVALIDATION_JOBS = 20;
/**
 * Bytes that hardware events were about, and bytes that operations asked to change: VMAs unmapped by a step, holes of remaps, new maps,
 * also where entries stay because the same mapping follows. What is mapped anew beside that is in BYTES_REMAPPED.
 */
export const BYTES_LOCKED = 21;
export const BYTES_CHANGED = 22;
/** Parts of huge pages unmapped wider than asked, and how many of those slots held no huge page. */
export const WIDENED = 23;
export const WIDENED_NEEDLESSLY = 24;
export const BYTES_REMAPPED = 25;
/** Pages taken from a reservation and freed again by the same operation. */
export const TAKEN_AND_FREED = 26;
/** Synchronous operations that ran before asynchronous ones submitted earlier, and those of them that met their ranges. */
export const OVERTAKES = 27;
export const OVERTAKES_MET = 28;
/** Submissions held back by a throttle, and for how many submissions of others. */
export const BLOCKED = 29;
export const BLOCKED_OPS = 30;
/** Jobs for which the tables missing at submission were too few, or more than they took when they ran. */
export const ESTIMATES = 31;
export const ESTIMATES_SHORT = 32;
export const ESTIMATES_OVER = 33;
/** Worst-case tables for maps: one by one, merged as msm does in the order given, and merged in the order of addresses. */
export const NEED_EACH = 34;
export const NEED_MERGED = 35;
export const NEED_SORTED = 36;
/** Last-level tables freed by an unmap and made anew by the next map there. */
export const TABLES_RECREATED = 37;
export const AS_FLUSH_MEMS = 38;
/** Maps that were answered with 0 although a part is not mapped. */
export const FALSE_SUCCESSES = 39;
/** Drivers with tables of their own: tables reserved, linked, given back unused, and the most that were outstanding at a time. */
export const OWN_RESERVED = 40;
export const OWN_USED = 41;
export const OWN_RETURNED = 42;
export const OWN_RESERVED_PEAK = 43;
/** Operations whose reservation was smaller than what was missing. */
export const UNDER_RESERVED = 44;
/** Xe: page-table operations that the arrays of a bind call are made for, and runs of entries that they write. */
export const PT_OPS = 45;
export const ENTRY_RUNS = 46;
/** Drivers with tables of their own: pages got from the page allocator and given back, and bytes held at most. */
export const OWN_PAGES = 47;
export const OWN_PAGES_FREED = 48;
export const OWN_HELD_PEAK = 49;
/** PowerVR: 1 while the MMU has yet to be told of changes. */
export const FLUSHES_PENDING = 50;
export const GPU_COUNTERS = 51;
