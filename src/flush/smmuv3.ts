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
}

const NUM_MAX = 32;
const TWO_64 = TWO_32 * TWO_32;

/**
 * Invalidations of one stage-1 ASID or stage-2 VMID the way arm-smmu-v3 issues them: strict mode, no ATS
 * (arm-smmu-v3.c:__arm_smmu_tlb_inv_range, arm_smmu_tlb_inv_range_domain, arm_smmu_iotlb_sync).
 */
export class Smmuv3Flush implements FlushPolicy {
  commands = 0;
  commandSyncs = 0;
  readonly #options: Smmuv3Options;
  readonly #tgShift: number;
  readonly #log: CommandLog | null;

  constructor(options: Smmuv3Options, log: CommandLog | null) {
    this.#options = options;
    this.#tgShift = log2Floor(options.smallestPage);
    this.#log = log;
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
    this.#sync();
  }

  #range(hi: number, lo: number, size: number, granule: number, leaf: number): void {
    if (size === 0) this.#all();
    else if (this.#options.ril) this.#byRange(hi, lo, size, granule, leaf);
    else if (this.#options.kernel === '7.1' && size >= granule * 2 ** (log2Floor(granule) - 3)) this.#all();
    else {
      const count = Math.ceil(size / granule);
      this.commands += count;
      this.#log?.tlbiEach(hi, lo, leaf, granule, count);
    }
    this.#sync();
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
  }

  #all(): void {
    this.commands++;
    this.#log?.tlbiAll();
  }

  #sync(): void {
    this.commandSyncs++;
    this.#log?.commandSync();
  }
}

/** Trailing zero bits of an integer in [1, 2^53). */
function trailingZeros(n: number): number {
  const low = n >>> 0;
  if (low !== 0) return 31 - Math.clz32(low & -low);
  const high = Math.floor(n / TWO_32);
  return 63 - Math.clz32(high & -high);
}
