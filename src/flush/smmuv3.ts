import { addHi, addLo, distance64, log2Floor, TWO_32 } from '../base/u64.ts';
import type { Kernel } from '../base/vocabulary.ts';
import type { FlushPolicy } from '../iommu/flush-policy.ts';
import type { CommandLog } from './command-log.ts';

/** What the SMMU and its driver are. */
export interface Smmuv3Options {
  readonly kernel: Kernel;
  /** Range invalidation commands (SMMU_IDR3.RIL). */
  readonly ril: boolean;
  /** Smallest page size of the domain in bytes. */
  readonly smallestPage: number;
  /** Streams whose devices cache translations themselves (ATS); left out: 0. */
  readonly ats?: number;
  /** The erratum that wants a sync in every batch; left out: not there. */
  readonly forceSync?: boolean;
  /** The domain is the parent of nested ones, whose stage 1 must go as well; left out: it is not. */
  readonly nested?: boolean;
}

/** Hears of what is invalidated: addresses as doubles, ends exclusive. */
export interface Reach {
  range(start: number, end: number): void;
  all(): void;
}

/** The same, with a memory of the operation at hand. */
export interface RememberedReach extends Reach {
  /** True when all of [start, end) has been invalidated since the operation began. */
  covers(start: number, end: number): boolean;
}

const NUM_MAX = 32;
const TWO_64 = TWO_32 * TWO_32;
/** Commands of a batch under the erratum, of which the last carries a sync (arm_smmu_cmdq_batch_force_sync). */
const FORCED_BATCH = 63;
const ATC_SHIFT = 12;
const ATC_PAGE = 2 ** ATC_SHIFT;
const ATC_PAGES_IN_HALF = TWO_32 / ATC_PAGE;

/**
 * Invalidations of one stage-1 ASID or stage-2 VMID the way arm-smmu-v3 issues them, and of the ATCs of its devices
 * (arm-smmu-v3.c:__arm_smmu_tlb_inv_range, arm_smmu_tlb_inv_range_domain, arm_smmu_iotlb_sync, arm_smmu_atc_inv_domain).
 */
export class Smmuv3Flush implements FlushPolicy {
  commands = 0;
  commandSyncs = 0;
  /** Of the commands, those to devices. */
  atcCommands = 0;
  readonly #options: Smmuv3Options;
  readonly #tgShift: number;
  readonly #log: CommandLog | null;
  readonly #reach: Reach | null;
  readonly #ats: number;

  constructor(options: Smmuv3Options, log: CommandLog | null, reach: Reach | null = null) {
    this.#options = options;
    this.#tgShift = log2Floor(options.smallestPage);
    this.#log = log;
    this.#reach = reach;
    this.#ats = options.ats ?? 0;
  }

  flushWalk(hi: number, lo: number, size: number, granule: number): void {
    this.#range(hi, lo, size, granule, 0);
  }

  iotlbSync(startHi: number, startLo: number, endHi: number, endLo: number, pgsize: number): void {
    // Ranges without a page size (dirty clearing) make the driver issue nothing.
    if (pgsize === 0) return;
    const size = distance64(endHi, endLo, startHi, startLo) + 1;
    // The whole of 2^64 wraps to size 0 in the driver, which means everything.
    this.#range(startHi, startLo, size >= TWO_64 ? 0 : size, pgsize, 1);
  }

  flushAll(): void {
    this.#all();
    this.#sync(1);
    if (this.#ats > 0) this.#devices(0, 0, 0);
  }

  #range(hi: number, lo: number, size: number, granule: number, leaf: number): void {
    const before = this.commands;
    if (size === 0) this.#all();
    else if (this.#options.ril) this.#byRange(hi, lo, size, granule, leaf);
    else if (this.#options.kernel === '7.1' && size >= granule * 2 ** (log2Floor(granule) - 3)) this.#all();
    else {
      const count = Math.ceil(size / granule);
      this.commands += count;
      this.#log?.tlbiEach(hi, lo, leaf, granule, count);
      this.#byAddress(hi, lo, size);
    }
    this.#sync(this.commands - before);
    if (this.#ats > 0) this.#devices(hi, lo, size);
  }

  /** Splits a page count into NUM x 2^SCALE pieces, low bits first. */
  #byRange(hi: number, lo: number, size: number, granule: number, leaf: number): void {
    const tgShift = this.#tgShift;
    const page = 2 ** tgShift;
    let pages = Math.floor(size / page);
    let ttl = 0;
    if (leaf === 1) ttl = 4 - Math.floor((log2Floor(granule) - 3) / (tgShift - 3));
    // A walk flush of an odd page count could end in NUM 0, SCALE 0 with TTL 0, which the architecture reserves.
    else if (pages % NUM_MAX === 1) pages++;
    const reached = pages * page;
    let atHi = hi;
    let atLo = lo;
    while (pages > 0) {
      const scale = trailingZeros(pages);
      const num = Math.floor(pages / 2 ** scale) % NUM_MAX;
      this.commands++;
      this.#log?.tlbiAddress(atHi, atLo, leaf, num - 1, scale, ttl);
      const span = num * 2 ** scale;
      const bytes = span * page;
      atHi = addHi(atHi, atLo, bytes);
      atLo = addLo(atLo, bytes);
      pages -= span;
    }
    this.#byAddress(hi, lo, reached);
  }

  /** Commands by address have been issued: translations of stage 1 that went through these addresses need one more. */
  #byAddress(hi: number, lo: number, size: number): void {
    if (this.#options.nested === true) {
      this.commands++;
      this.#log?.command('TLBI_NH_ALL');
    }
    if (this.#reach === null) return;
    const start = hi * TWO_32 + lo;
    this.#reach.range(start, start + size);
  }

  /** A second batch: what each device has cached of a range, all of it for size 0. */
  #devices(hi: number, lo: number, size: number): void {
    const span = size === 0 ? 0 : atcSpan(hi, lo, size);
    const count = this.#ats;
    this.commands += count;
    this.atcCommands += count;
    const base = span === 0 || span >= TWO_64 ? 0 : Math.floor((hi * TWO_32 + lo) / span) * span;
    for (let i = 0; i < count && this.#log !== null; i++) {
      if (span === 0) this.#log.command('ATC_INV');
      else this.#log.addressed('ATC_INV', Math.floor(base / TWO_32), base >>> 0, span);
    }
    this.#sync(count);
  }

  #all(): void {
    this.commands++;
    this.#log?.tlbiAll();
    this.#reach?.all();
  }

  /** The sync behind a batch of so many commands; under the erratum one for each 63 of them. */
  #sync(commands: number): void {
    const syncs = this.#options.forceSync === true ? Math.ceil(commands / FORCED_BATCH) : 1;
    this.commandSyncs += syncs;
    for (let i = 0; i < syncs; i++) this.#log?.commandSync();
  }
}

/**
 * Bytes that an invalidation of a device's cache spans for `size` (above 0) bytes from an address: the naturally aligned power of
 * two of 4K pages that holds the first page and the last (arm-smmu-v3.c:arm_smmu_atc_inv_to_cmd).
 */
export function atcSpan(hi: number, lo: number, size: number): number {
  const first = hi * ATC_PAGES_IN_HALF + (lo >>> ATC_SHIFT);
  const last = addHi(hi, lo, size - 1) * ATC_PAGES_IN_HALF + (addLo(lo, size - 1) >>> ATC_SHIFT);
  // Page numbers have 52 bits: exact as doubles, too long for one xor.
  const high = Math.floor(first / TWO_32) ^ Math.floor(last / TWO_32);
  const low = (first >>> 0) ^ (last >>> 0);
  const bits = high !== 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(low);
  return 2 ** bits * ATC_PAGE;
}

/** Trailing zero bits of an integer in [1, 2^53). */
function trailingZeros(n: number): number {
  const low = n >>> 0;
  if (low !== 0) return 31 - Math.clz32(low & -low);
  const high = Math.floor(n / TWO_32);
  return 63 - Math.clz32(high & -high);
}
