import { EINVAL, type Quirk } from '../base/vocabulary.ts';
import { GFP_KERNEL, NO_PAGE, type TableAllocator, type TlbCallbacks } from './callbacks.ts';
import { isStage1, isSubsetOfBitmap, type PgtableConfig, restrictConfig } from './config.ts';
import * as C from './counters.ts';
import {
  type AttributeTable,
  attributeTable,
  leafType,
  NS_TABLE_HI,
  packHi,
  packLo,
  SW_SYNC_HI,
  TYPE_TABLE,
} from './descriptor.ts';
import { blockSize, type Geometry, geometryOf, LAST_LEVEL, LEVELS, levelShift } from './geometry.ts';
import { type AddressBump, type TableMemory, unitOf } from './memory.ts';
import { type Registers, registersOf } from './registers.ts';

/** No level has entries of the asked size: a call with it ends with a warning at the last level. */
export const NO_LEVEL = LEVELS;

/** Since 7.1 a start table is asked for with at least this size (its alignment in the TTBR). */
const MIN_REQUEST_BYTES = 64;

/**
 * One LPAE page table: its configuration, its start table and the scratch results of the last operation.
 * The operations on it are functions of their own (map.ts, unmap.ts, lookup.ts, dirty.ts); none throws for an errno.
 */
export class PageTable {
  readonly config: PgtableConfig;
  readonly geometry: Geometry;
  readonly registers: Registers;
  readonly memory: TableMemory;
  readonly counters = new Float64Array(C.COUNTERS);
  readonly attributes: AttributeTable;
  /** Slot of the start table; 0 once destroyed. */
  root = 0;
  /** Bytes that the last mapPages wrote. */
  mapped = 0;
  /** The last map or unmap would have run past the end of a start table smaller than a page. */
  pgdOverrun = false;
  /** The last look-up is one that the kernel answers from an uninitialised variable. */
  undefinedResult = false;
  /** The last unmap split a block although the caller gave no gather: SMMUv3 would crash. */
  splitWithoutGather = false;
  /** Physical address found by the last look-up. */
  foundHi = 0;
  foundLo = 0;
  /** The n-th table allocation from now fails; 0: none. */
  failAllocIn = 0;

  readonly startLevel: number;
  readonly coherent: boolean;
  readonly granule: number;
  readonly granule64K: boolean;
  readonly isMali: boolean;
  /** Type bits of a leaf at the last level. */
  readonly pageType: number;
  readonly noWarn: boolean;
  readonly nonSecure: boolean;
  readonly tableEntries: number;
  readonly pgdEntries: number;
  /**
   * Where the indices of an IOVA stand. Those of levels 2 and 3 come from one 32-bit word that starts at bit `lowShift`,
   * those of levels 0 and 1 from one that starts at bit `highShift`; the upper level of each pair lies `indexBits` up.
   */
  readonly indexBits: number;
  /** Index mask by level; levels above the start level have none. */
  readonly mask0: number;
  readonly mask1: number;
  readonly mask2: number;
  readonly mask3: number;
  readonly lowShift: number;
  readonly highShift: number;
  /** Index field position and entry size by level. */
  readonly shifts = new Int32Array(LEVELS);
  readonly sizes = new Float64Array(LEVELS);
  /** An IOVA is in range when its bits above ias equal these. */
  readonly iovaMaskHi: number;
  readonly iovaMaskLo: number;
  readonly iovaWantHi: number;
  readonly iovaWantLo: number;
  readonly paddrMaskHi: number;
  readonly paddrMaskLo: number;

  readonly #allocator: TableAllocator;
  readonly tlb: TlbCallbacks;
  readonly #bump: AddressBump;

  /**
   * Creates the table and its start table (io-pgtable.c:alloc_io_pgtable_ops).
   * Throws ConfigRefused where the kernel returns NULL for the configuration; see `create` in iommu/ for -ENOMEM.
   */
  constructor(
    asked: PgtableConfig,
    memory: TableMemory,
    allocator: TableAllocator,
    tlb: TlbCallbacks,
    bump: AddressBump = memory.bump,
  ) {
    const config = restrictConfig(asked);
    const geometry = geometryOf(config);
    this.config = config;
    this.geometry = geometry;
    this.registers = registersOf(config, geometry);
    this.memory = memory;
    this.#allocator = allocator;
    this.tlb = tlb;
    this.#bump = bump;
    this.attributes = attributeTable(config);
    this.startLevel = geometry.startLevel;
    this.coherent = config.coherent;
    this.granule = geometry.granule;
    this.granule64K = geometry.pageShift === 16;
    this.isMali = config.format === 'ARM_MALI_LPAE';
    this.pageType = leafType(config.format, LAST_LEVEL);
    this.noWarn = hasQuirk(config, 'NO_WARN');
    this.nonSecure = hasQuirk(config, 'NS');
    this.tableEntries = geometry.entriesPerTable;
    this.pgdEntries = 2 ** geometry.pgdBits;
    this.indexBits = geometry.bitsPerLevel;
    [this.mask0, this.mask1, this.mask2, this.mask3] = [0, 1, 2, 3].map((level) => this.entriesAt(level) - 1);
    this.lowShift = levelShift(geometry, LAST_LEVEL);
    this.highShift = levelShift(geometry, 1);
    for (let level = 0; level < LEVELS; level++) {
      this.shifts[level] = levelShift(geometry, level);
      this.sizes[level] = blockSize(geometry, level);
    }
    [this.iovaMaskHi, this.iovaMaskLo] = bitsAbove(config.ias);
    const upperHalf = isStage1(config.format) && hasQuirk(config, 'TTBR1');
    this.iovaWantHi = upperHalf ? this.iovaMaskHi : 0;
    this.iovaWantLo = upperHalf ? this.iovaMaskLo : 0;
    [this.paddrMaskHi, this.paddrMaskLo] = bitsAbove(config.oas);
    this.root = this.allocTable(geometry.startLevel, geometry.pgdSize, GFP_KERNEL);
  }

  /** True when `(signed) iova >> ias` is what the table accepts: 0, or all ones with TTBR1. */
  iovaInRange(hi: number, lo: number): boolean {
    return ((hi & this.iovaMaskHi) ^ this.iovaWantHi) === 0 && ((lo & this.iovaMaskLo) ^ this.iovaWantLo) === 0;
  }

  paddrInRange(hi: number, lo: number): boolean {
    return (hi & this.paddrMaskHi) === 0 && (lo & this.paddrMaskLo) === 0;
  }

  /** True when every bit of `pgsize` is a supported page size, which is all that the engine checks. */
  acceptsPgsize(pgsize: number): boolean {
    return pgsize !== 0 && isSubsetOfBitmap(pgsize, this.config.pgsizes);
  }

  /** The level whose entries map `pgsize` bytes, NO_LEVEL when the walk meets none. */
  levelOf(pgsize: number): number {
    const sizes = this.sizes;
    for (let level = LAST_LEVEL; level >= this.startLevel; level--) if (sizes[level] === pgsize) return level;
    return NO_LEVEL;
  }

  /** The 32 bits of an IOVA that hold the indices of levels 2 and 3. */
  lowIndices(hi: number, lo: number): number {
    return (hi << (32 - this.lowShift)) | (lo >>> this.lowShift);
  }

  /** The 32 bits of an IOVA that hold the indices of levels 0 and 1. */
  highIndices(hi: number, lo: number): number {
    const shift = this.highShift;
    return shift < 32 ? (hi << (32 - shift)) | (lo >>> shift) : hi >>> (shift - 32);
  }

  /** Index in a table of `level`, from the two words above. */
  indexIn(level: number, high: number, low: number): number {
    if (level === 0) return (high >>> this.indexBits) & this.mask0;
    if (level === 1) return high & this.mask1;
    return level === 2 ? (low >>> this.indexBits) & this.mask2 : low & this.mask3;
  }

  /** Slot of the last-level table on the way to an IOVA, 0 when the walk ends above. The hot path of every operation. */
  lastTable(high: number, low: number): number {
    const kid = this.memory.kid;
    const startLevel = this.startLevel;
    let table = this.root;
    // A missing table is slot 0, where there are zeros only: it is enough to look at the end.
    if (startLevel === 0) table = kid[table + ((high >>> this.indexBits) & this.mask0)];
    if (startLevel <= 1) table = kid[table + (high & this.mask1)];
    if (startLevel <= 2) table = kid[table + ((low >>> this.indexBits) & this.mask2)];
    return table;
  }

  /** Index of an IOVA in a table of `level`. */
  indexAt(level: number, hi: number, lo: number): number {
    return this.indexIn(level, this.highIndices(hi, lo), this.lowIndices(hi, lo));
  }

  /** Entries of a table of `level`. */
  entriesAt(level: number): number {
    return level === this.startLevel ? this.pgdEntries : this.tableEntries;
  }

  /** Counts one kernel stack trace. */
  warn(place: number): void {
    this.counters[C.WARNS]++;
    this.counters[C.WARN_BY_PLACE + place]++;
  }

  /** One cache clean of table memory, when walks do not snoop (io-pgtable-arm.c:__arm_lpae_sync_pte). */
  syncTable(): void {
    if (!this.coherent) this.counters[C.PT_SYNCS]++;
  }

  /** A new table of `bytes`, or 0 when there is no memory (__arm_lpae_alloc_pages). */
  allocTable(level: number, bytes: number, gfp: number): number {
    const counters = this.counters;
    if (this.failAllocIn > 0 && --this.failAllocIn === 0) {
      counters[C.TABLE_ALLOC_FAILS]++;
      return 0;
    }
    const requested = this.config.kernel === '7.1' ? Math.max(bytes, MIN_REQUEST_BYTES) : bytes;
    const occupied = this.#bump.occupied(requested);
    const token = this.#allocator.alloc(bytes, requested, occupied, gfp);
    if (token === NO_PAGE) {
      counters[C.TABLE_ALLOC_FAILS]++;
      return 0;
    }
    counters[C.TABLE_ALLOCS]++;
    const levelAllocs = ++counters[C.LEVEL_ALLOCS + level];
    const levelLive = levelAllocs - counters[C.LEVEL_FREES + level];
    if (levelLive > counters[C.LEVEL_PEAK + level]) counters[C.LEVEL_PEAK + level] = levelLive;
    if (++counters[C.TABLES_LIVE] > counters[C.TABLES_PEAK]) counters[C.TABLES_PEAK] = counters[C.TABLES_LIVE];
    counters[C.BYTES_LOGICAL] += bytes;
    counters[C.BYTES_REQUESTED] += requested;
    counters[C.BYTES_OCCUPIED] += occupied;
    if (counters[C.BYTES_OCCUPIED] > counters[C.BYTES_OCCUPIED_PEAK]) {
      counters[C.BYTES_OCCUPIED_PEAK] = counters[C.BYTES_OCCUPIED];
    }
    if (!this.coherent) counters[C.DMA_MAPS]++;
    return this.memory.alloc(bytes >>> 3, this.#bump.take(occupied), token);
  }

  /** Gives one table back, not what hangs below it (__arm_lpae_free_pages). */
  freeTable(slot: number, level: number): void {
    const counters = this.counters;
    const bytes = level === this.startLevel ? this.geometry.pgdSize : this.granule;
    const requested = this.config.kernel === '7.1' ? Math.max(bytes, MIN_REQUEST_BYTES) : bytes;
    const occupied = this.#bump.occupied(requested);
    if (!this.coherent) counters[C.DMA_UNMAPS]++;
    counters[C.TABLE_FREES]++;
    counters[C.LEVEL_FREES + level]++;
    counters[C.TABLES_LIVE]--;
    counters[C.BYTES_LOGICAL] -= bytes;
    counters[C.BYTES_REQUESTED] -= requested;
    counters[C.BYTES_OCCUPIED] -= occupied;
    const token = this.memory.token[unitOf(slot)];
    this.memory.free(slot, bytes >>> 3);
    this.#allocator.free(token, bytes, occupied);
  }

  /**
   * Frees the table at `slot` and all below it: children in ascending order, each whole, then the table itself;
   * tables of the last level are not scanned (__arm_lpae_free_pgtable).
   */
  freeSubtree(slot: number, level: number): void {
    const { memory, counters } = this;
    const live = memory.live[unitOf(slot)];
    if (level === LAST_LEVEL) {
      counters[C.MAPPED_BYTES] -= live * this.granule;
      counters[C.LEAVES_CLEARED] += live;
    } else {
      let left = live;
      const end = slot + this.entriesAt(level);
      for (let entry = slot; left > 0 && entry < end; entry++) {
        const kid = memory.kid[entry];
        if (kid !== 0) {
          this.freeSubtree(kid, level + 1);
          left--;
        } else if (memory.lo[entry] !== 0) {
          counters[C.MAPPED_BYTES] -= this.sizes[level];
          counters[C.LEAVES_CLEARED]++;
          left--;
        }
      }
    }
    this.freeTable(slot, level);
  }

  /** Points `entry` of the table at `parent` to the table at `slot` (arm_lpae_install_table). */
  linkTable(parent: number, entry: number, slot: number): void {
    const { memory } = this;
    const address = memory.address[unitOf(slot)];
    const hi = Math.floor(address / 4294967296);
    const lo = address >>> 0;
    let descriptorHi = packHi(hi);
    if (this.nonSecure) descriptorHi |= NS_TABLE_HI;
    if (!this.coherent) {
      this.counters[C.PT_SYNCS]++;
      descriptorHi |= SW_SYNC_HI;
    }
    if (memory.lo[entry] === 0) memory.live[unitOf(parent)]++;
    memory.lo[entry] = packLo(hi, lo) | TYPE_TABLE;
    memory.hi[entry] = descriptorHi;
    memory.kid[entry] = slot;
  }

  /** Frees everything after a flush of the whole address space (arm_lpae_free_pgtable). */
  destroy(): void {
    if (this.root === 0) return;
    this.tlb.flushAll();
    this.freeSubtree(this.root, this.startLevel);
    this.root = 0;
  }

  /** Counts a warning and gives -EINVAL, the engine's answer to most misuse. */
  refuse(place: number): number {
    this.warn(place);
    return -EINVAL;
  }
}

function hasQuirk(config: PgtableConfig, quirk: Quirk): boolean {
  return config.quirks.includes(quirk);
}

/** Masks of the bits from `bits` upward, high half first, as signed 32-bit integers. */
function bitsAbove(bits: number): [number, number] {
  if (bits >= 64) return [0, 0];
  if (bits >= 32) return [bits === 32 ? -1 : -1 << (bits - 32), 0];
  return [-1, -1 << bits];
}
