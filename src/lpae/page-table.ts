import { TWO_32 } from '../base/u64.ts';
import { EINVAL } from '../base/vocabulary.ts';
import { GFP_KERNEL, NO_PAGE, type TableAllocator, type TableReclaim, type TlbCallbacks } from './callbacks.ts';
import * as C from './counters.ts';
import { type PgtableConfig, restrictConfig } from './format/config.ts';
import { NS_TABLE_HI, packHi, packLo, SW_SYNC_HI, TYPE_TABLE } from './format/descriptor.ts';
import { LAST_LEVEL } from './format/geometry.ts';
import { type Registers, registersOf } from './format/registers.ts';
import type { Pinning } from './pinning/pinning.ts';
import type { SharedLinks } from './sharing/shared-links.ts';
import { defaultPlacement, occupiedBytes, type TableMemory, type TablePlacement, unitOf } from './table/memory.ts';
import type { TableGuard } from './table/table-guard.ts';
import { TableShape } from './table/table-shape.ts';

/** Since 7.1 a start table is asked for with at least this size (its alignment in the TTBR). */
const MIN_REQUEST_BYTES = 64;

/**
 * One LPAE page table: its configuration, its start table and the scratch results of the last operation.
 * The operations on it are functions of their own (map.ts, unmap.ts, lookup.ts, dirty.ts); none throws for an errno.
 */
export class PageTable extends TableShape {
  declare readonly registers: Registers;
  declare readonly memory: TableMemory;
  readonly counters = new Float64Array(C.COUNTERS);
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
  /** Where freed tables wait for readers; null: they go back to the allocator at once. */
  reclaim: TableReclaim | null = null;
  /** Which tables must stay, and how; null: none, as in the kernel. */
  pinning: Pinning | null = null;
  /** Which tables stand below several entries; null: none, as in the kernel. */
  sharing: SharedLinks | null = null;
  /** Looks at maps of blocks and at unmaps first, where tables are shared or leaves bear the contiguous hint; null: nothing does. */
  guard: TableGuard | null = null;

  readonly #allocator: TableAllocator;
  declare readonly tlb: TlbCallbacks;
  readonly #placement: TablePlacement;

  /**
   * Creates the table and its start table (io-pgtable.c:alloc_io_pgtable_ops).
   * Throws ConfigRefused where the kernel returns NULL for the configuration; see `create` in iommu/ for -ENOMEM.
   */
  constructor(
    asked: PgtableConfig,
    memory: TableMemory,
    allocator: TableAllocator,
    tlb: TlbCallbacks,
    placement: TablePlacement = defaultPlacement(memory.addresses),
    failAllocIn = 0,
  ) {
    const config = restrictConfig(asked);
    super(config);
    this.registers = registersOf(config, this.geometry);
    this.memory = memory;
    this.#allocator = allocator;
    this.tlb = tlb;
    this.#placement = placement;
    this.failAllocIn = failAllocIn;
    this.root = this.allocTable(this.startLevel, this.geometry.pgdSize, GFP_KERNEL);
  }

  /**
   * Slot of the last-level table on the way to an IOVA, 0 when the walk ends above. The hot path of every operation. A missing
   * table is slot 0, where there are zeros only: it is enough to look at the end.
   */
  lastTable(iovaHi: number, iovaLo: number): number {
    const { levelsOf4K } = this;
    if (levelsOf4K === 0) return this.#lastTableOfAnyShape(iovaHi, iovaLo);
    // Shifts by constants: by fields they cost more than the loads do.
    const { kid } = this.memory;
    let table = this.root;
    if (levelsOf4K === 4) table = kid[table + ((iovaHi >>> 7) & this.mask0)];
    table = kid[table + (((iovaHi << 2) | (iovaLo >>> 30)) & this.mask1)];
    return kid[table + ((iovaLo >>> 21) & 511)];
  }

  #lastTableOfAnyShape(iovaHi: number, iovaLo: number): number {
    const { kid } = this.memory;
    let table = this.root;
    for (let level = this.startLevel; level < LAST_LEVEL; level++)
      table = kid[table + this.indexAt(level, iovaHi, iovaLo)];
    return table;
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
    const token = this.allocPage(level, bytes, gfp);
    return token === NO_PAGE ? 0 : this.tableOf(token, level, bytes);
  }

  /** A page for a table of `bytes` that is made later, if at all; its token, or NO_PAGE. */
  allocPage(level: number, bytes: number, gfp: number): number {
    if (this.failAllocIn > 0 && --this.failAllocIn === 0) {
      this.counters[C.TABLE_ALLOC_FAILS]++;
      return NO_PAGE;
    }
    const requested = this.#requested(bytes);
    const token = this.#allocator.alloc(bytes, requested, occupiedBytes(requested, this.#placement.min), gfp, level);
    if (token === NO_PAGE) this.counters[C.TABLE_ALLOC_FAILS]++;
    return token;
  }

  /** A page that has become no table goes back. */
  freePage(token: number, bytes: number): void {
    this.#allocator.free(token, bytes, occupiedBytes(this.#requested(bytes), this.#placement.min));
  }

  /** The page `token` becomes a table of `bytes`; its slot. */
  tableOf(token: number, level: number, bytes: number): number {
    const { counters } = this;
    const requested = this.#requested(bytes);
    const occupied = occupiedBytes(requested, this.#placement.min);
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
    this.memory.enter(level, occupied);
    if (!this.coherent) counters[C.DMA_MAPS]++;
    const slot = this.memory.alloc(bytes >>> 3, this.#placement.addresses.take(this.#placement.base, occupied), token);
    this.#allocator.stale?.restore(token, this.memory, slot, level);
    return slot;
  }

  /** Bytes that the allocator is asked for. */
  #requested(bytes: number): number {
    return this.config.kernel === '7.1' ? Math.max(bytes, MIN_REQUEST_BYTES) : bytes;
  }

  /** Gives one table back, not what hangs below it (__arm_lpae_free_pages). `offset`: see `freeSubtree`. */
  freeTable(slot: number, level: number, offset = 0): void {
    const counters = this.counters;
    const bytes = level === this.startLevel ? this.geometry.pgdSize : this.granule;
    const requested = this.#requested(bytes);
    const occupied = occupiedBytes(requested, this.#placement.min);
    if (!this.coherent) counters[C.DMA_UNMAPS]++;
    counters[C.TABLE_FREES]++;
    counters[C.LEVEL_FREES + level]++;
    counters[C.TABLES_LIVE]--;
    counters[C.BYTES_LOGICAL] -= bytes;
    counters[C.BYTES_REQUESTED] -= requested;
    counters[C.BYTES_OCCUPIED] -= occupied;
    this.memory.leave(level, occupied);
    const token = this.memory.token[unitOf(slot)];
    this.#allocator.stale?.keep(token, this.memory, slot, level);
    this.memory.free(slot, bytes >>> 3, level !== LAST_LEVEL);
    if (this.reclaim === null) this.#allocator.free(token, bytes, occupied);
    else this.reclaim.take(token, bytes, occupied, offset, this.sizes[level - 1]);
  }

  /**
   * Frees the table at `slot` and all below it: children in ascending order, each whole, then the table itself;
   * tables of the last level are not scanned (__arm_lpae_free_pgtable). `offset`: where in the range that was unlinked the
   * table begins. A table that other entries point to as well loses a link and stays.
   */
  freeSubtree(slot: number, level: number, offset = 0): void {
    const { memory, counters } = this;
    if (this.sharing?.drop(slot)) {
      // Others still point to it. What is shared is mapped from end to end.
      counters[C.MAPPED_BYTES] -= this.sizes[level - 1];
      return;
    }
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
          this.freeSubtree(kid, level + 1, offset + (entry - slot) * this.sizes[level]);
          left--;
        } else if (memory.lo[entry] !== 0) {
          counters[C.MAPPED_BYTES] -= this.sizes[level];
          counters[C.LEAVES_CLEARED]++;
          left--;
        }
      }
      if (this.pinning !== null) this.#freeParked(this.pinning, slot, level, offset);
    }
    this.freeTable(slot, level, offset);
  }

  /** Frees what is set aside for the entries of a table that is about to go. */
  #freeParked(pinning: Pinning, slot: number, level: number, offset: number): void {
    const { reclaim } = this;
    const aside = reclaim?.aside ?? null;
    for (let entry = slot; pinning.parkedIn(slot) > 0; entry++) {
      const parked = pinning.take(slot, entry);
      if (parked === 0) continue;
      if (reclaim !== null) reclaim.aside = pinning.takenSince;
      this.freeSubtree(parked, level + 1, offset + (entry - slot) * this.sizes[level]);
    }
    if (reclaim !== null) reclaim.aside = aside;
  }

  /** Points `entry` of the table at `parent` to the table at `slot` (arm_lpae_install_table). */
  linkTable(parent: number, entry: number, slot: number): void {
    if (!this.coherent) this.counters[C.PT_SYNCS]++;
    this.linkPrivately(parent, entry, slot);
  }

  /**
   * As `linkTable` for a parent that no walker can reach yet: its page is cleaned as a whole when it is given to the
   * device, so that the entry bears the mark of having reached memory without a clean of its own.
   */
  linkPrivately(parent: number, entry: number, slot: number): void {
    const { memory } = this;
    const address = memory.address[unitOf(slot)];
    const hi = Math.floor(address / TWO_32);
    const lo = address >>> 0;
    let descriptorHi = packHi(hi);
    if (this.nonSecure) descriptorHi |= NS_TABLE_HI;
    if (!this.coherent) descriptorHi |= SW_SYNC_HI;
    if (memory.lo[entry] === 0) memory.live[unitOf(parent)]++;
    memory.lo[entry] = packLo(hi, lo) | TYPE_TABLE;
    memory.hi[entry] = descriptorHi;
    memory.kid[entry] = slot;
  }

  /** Frees everything after a flush of the whole address space (arm_lpae_free_pgtable). */
  destroy(): void {
    if (this.root === 0) return;
    this.tlb.flushAll();
    // Nobody may walk a table that is being torn down: its pages go back at once.
    this.reclaim = null;
    this.freeSubtree(this.root, this.startLevel);
    this.root = 0;
    this.guard?.destroyed();
  }

  /** Counts a warning and gives -EINVAL, the engine's answer to most misuse. */
  refuse(place: number): number {
    this.warn(place);
    return -EINVAL;
  }
}
