/** How bad it is: an error breaks a rule, a warning may be right, a note is worth knowing. */
export const LEVELS = ['error', 'warning', 'note'] as const;
export type Level = (typeof LEVELS)[number];

/** A rule that a trace can break. */
export interface Rule {
  /** Of a finding that does not say otherwise. */
  readonly level: Level;
  /** What a finding of this kind is. */
  readonly what: string;
  /** The rule in words. */
  readonly rule: string;
  /** Where the rule comes from. */
  readonly source: string;
  /** What to do about it. */
  readonly fix: string;
}

/** The rules that are judged from the operations of a trace alone. */
export const CHECK_RULES = {
  'lock-conflict': {
    level: 'error',
    what: 'two operations on overlapping ranges of one address space ran at the same time, which its lock forbids',
    rule: 'whoever maps, unmaps or looks up an IOVA keeps others off its range; only disjoint ranges may run at once',
    source:
      'generic_pt documentation: a range lock, taken for write by map and unmap; io-pgtable.h: struct io_pgtable_ops',
    fix: 'hold one lock over the range of each, or let one wait for the other',
  },
  'dirty-race': {
    level: 'error',
    what: 'two read-and-clears of dirty state on overlapping ranges ran at the same time',
    rule: 'each dirty bit is told to one reader only, so two of them must not clear the same leaves at once',
    source: 'io-pgtable-arm.c:arm_lpae_read_and_clear_dirty; iommufd reads under its own lock',
    fix: 'let one reader at a time clear a range',
  },
  'install-race': {
    level: 'note',
    what: 'maps of disjoint ranges at the same time needed the same missing table; the loser of the race frees its own',
    rule: 'legal: both allocate, one links its table by compare-exchange, the other frees what it had (2 alloc, 1 free)',
    source: 'io-pgtable-arm.c:arm_lpae_install_table',
    fix: 'nothing; a reservation of the range makes the tables beforehand',
  },
  'thread-overlap': {
    level: 'error',
    what: 'one thread seems to do two things at the same time',
    rule: 'operations of one thread follow each other; where they overlap, the times or the threads of the trace are wrong',
    source: 'design of the check: a trace like that is malformed',
    fix: 'record begin and end with one clock, and the thread that ran it',
  },
  'time-disorder': {
    level: 'warning',
    what: 'an operation stands so far behind its time in the trace that it was held against later ones only',
    rule: 'operations come roughly in the order of their times',
    source: 'design of the check: 16,384 operations are sorted at a time',
    fix: 'sort the trace by `ts`',
  },
  'unknown-fence': {
    level: 'warning',
    what: 'an event waits for a fence that no event before it signals',
    rule: 'a wait comes after the signal in the trace; one for nothing orders nothing',
    source: 'trace language: `signals` and `waits`',
    fix: 'name the fence in `signals` of the event that it waits for',
  },
  'reuse-before-flush': {
    level: 'error',
    what: 'an IOVA was mapped again while a TLB may still hold what was mapped there before',
    rule: 'a range must not be used again before the IOTLB sync, or the flush of the queue, that follows its unmap',
    source: 'dma-iommu.c:queue_iova, fq_ring_free; iommu.h: struct iommu_iotlb_gather',
    fix: 'free the IOVA only once its entry has left the flush queue, or unmap it strictly',
  },
  'use-after-unmap': {
    level: 'error',
    what: 'an IOVA was accessed after its unmap, while a TLB may still translate it to memory that is free',
    rule: 'a device has let go of a range before it is unmapped; until the flush it would not even fault',
    source: 'dma-iommu.c:fq_flush_iotlb; Documentation/core-api/dma-api.rst',
    fix: 'stop the device first, or flush before the memory is given away',
  },
  'double-unmap': {
    level: 'error',
    what: 'a range was unmapped that had been unmapped before',
    rule: 'an unmap ends at the first hole with a kernel warning; what lies behind the hole stays mapped',
    source: 'io-pgtable-arm.c:__arm_lpae_unmap; iommu.c:__iommu_unmap',
    fix: 'unmap what is mapped, once',
  },
  'unmap-of-nothing': {
    level: 'warning',
    what: 'a range was unmapped that nothing in the trace had mapped',
    rule: 'an unmap ends at the first hole with a kernel warning; a trace that began late shows this, too',
    source: 'io-pgtable-arm.c:__arm_lpae_unmap; iommu.c:__iommu_unmap',
    fix: 'unmap what is mapped; record from the start',
  },
  'map-over-live': {
    level: 'error',
    what: 'a map met what was still mapped',
    rule: 'a map over a leaf fails with -EEXIST; a block over a table of smaller leaves removes them without a word',
    source: 'io-pgtable-arm.c:arm_lpae_init_pte',
    fix: 'unmap the range first',
  },
  'partial-unmap': {
    level: 'error',
    what: 'a part of a block was unmapped',
    rule: '7.1 refuses: nothing goes, the unmap returns less; 6.12 splits the block without break-before-make; others remove it whole',
    source: 'io-pgtable-arm.c:__arm_lpae_unmap (6.13: 33729a5fc0ca), arm_lpae_split_blk_unmap (6.12)',
    fix: 'unmap as it was mapped, or map pages where parts are to be unmapped',
  },
  'look-up-alias': {
    level: 'warning',
    what: 'an address above the address space was looked up; the answer is that of another address',
    rule: 'iova_to_phys checks no range and masks its indices',
    source: 'io-pgtable-arm.c:arm_lpae_iova_to_phys',
    fix: 'look up addresses below 2^ias only',
  },
  leak: {
    level: 'warning',
    what: 'ranges were still mapped when their address space went, or when the trace ended',
    rule: 'what is mapped is unmapped before its address space is destroyed; teardown frees the tables, nobody frees the memory behind',
    source: 'io-pgtable.c:free_io_pgtable_ops; design of the check',
    fix: 'unmap the ranges first',
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type CheckRule = keyof typeof CHECK_RULES;
