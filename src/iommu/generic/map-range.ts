import { addHi, addLo } from '../../base/u64.ts';
import { EADDRINUSE, ENOMEM, ENXIO } from '../../base/vocabulary.ts';
import { GFP_KERNEL } from '../../lpae/callbacks.ts';
import * as C from '../../lpae/counters.ts';
import { isSubsetOfBitmap } from '../../lpae/format/config.ts';
import { TYPE_BLOCK } from '../../lpae/format/descriptor.ts';
import { LAST_LEVEL, LEVELS } from '../../lpae/format/geometry.ts';
import { writeLeaves } from '../../lpae/leaf-run.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { unitOf } from '../../lpae/table/memory.ts';
import type { PteCost } from '../pte-cost.ts';
import { RangePosition } from './address-range.ts';

/** A step of a map, so that it can be taken back: leaves written, a table linked, an empty table taken out. */
type Step =
  | { readonly kind: 'leaves'; readonly table: number; readonly level: number; readonly first: number; length: number }
  | { readonly kind: 'link'; readonly table: number; readonly level: number; readonly entry: number; slot: number }
  | {
      readonly kind: 'unlink';
      readonly table: number;
      readonly level: number;
      readonly entry: number;
      readonly slot: number;
      readonly lo: number;
      readonly hi: number;
      /** Where the entry's range begins in the range that is mapped. */
      readonly offset: number;
    };

/** An empty table that a block has replaced. */
export interface Replaced {
  readonly slot: number;
  /** Level of the table, and of the entry that pointed to it plus one. */
  readonly level: number;
  readonly offset: number;
  readonly size: number;
}

/**
 * Maps a whole range in one walk, every page as large as its position allows (iommu_pt.h:__map_range, __map_range_leaf).
 * Nothing that is mapped is ever replaced: a leaf in the way, or below a table in the way of a block, is -EADDRINUSE. An
 * empty table in the way of a block is unlinked. A map that fails is taken back step by step.
 */
export class RangeMap {
  /** What the last map replaced; its tables are unlinked and not freed yet. */
  readonly replaced: Replaced[] = [];
  /** Tables that a failed map had linked: unlinked again and not freed yet. */
  readonly withdrawn: Replaced[] = [];
  /** The last map, which failed, had changed the tree before it was taken back. */
  touched = false;
  readonly at = new RangePosition();
  readonly #pt: PageTable;
  readonly #cost: PteCost;
  /** By level: leaves of its size may be written. */
  readonly #canBeLeaf: boolean[] = [];
  readonly #steps: Step[] = [];
  #paddrHi = 0;
  #paddrLo = 0;
  #prot = 0;

  constructor(pt: PageTable, cost: PteCost) {
    this.#pt = pt;
    this.#cost = cost;
    for (let level = 0; level < LEVELS; level++) {
      this.#canBeLeaf.push(level >= pt.startLevel && isSubsetOfBitmap(pt.sizes[level], pt.config.pgsizes));
    }
  }

  /**
   * Maps `size` bytes, a multiple of the smallest page as both addresses are; 0 or a negative errno. `prot` is the index of
   * the leaves' attributes.
   */
  map(hi: number, lo: number, paddrHi: number, paddrLo: number, size: number, prot: number): number {
    const pt = this.#pt;
    const { counters } = pt;
    this.replaced.length = 0;
    this.withdrawn.length = 0;
    this.touched = false;
    this.#steps.length = 0;
    this.at.begin(hi, lo, size);
    this.#paddrHi = paddrHi >>> 0;
    this.#paddrLo = paddrLo >>> 0;
    this.#prot = prot;
    counters[C.MAP_CALLS]++;
    this.#cost.walks++;
    const ret = this.#inTable(pt.root, pt.startLevel);
    if (ret !== 0) {
      this.touched = this.#steps.length > 0;
      for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) this.#takeBack(step);
      return ret;
    }
    if (counters[C.MAPPED_BYTES] > counters[C.MAPPED_BYTES_PEAK]) {
      counters[C.MAPPED_BYTES_PEAK] = counters[C.MAPPED_BYTES];
    }
    for (const step of this.#steps) {
      if (step.kind !== 'unlink') continue;
      const { slot, level, offset } = step;
      this.replaced.push({ slot, level: level + 1, offset, size: pt.sizes[level] });
    }
    return 0;
  }

  #inTable(table: number, level: number): number {
    const pt = this.#pt;
    const { at } = this;
    const entries = pt.entriesAt(level);
    let index = pt.indexAt(level, at.hi, at.lo);
    while (index < entries && at.left > 0) {
      // A larger page becomes possible only where this table ends, so that all of a run have one size.
      const length = this.#leafFits(level) ? Math.min(entries - index, Math.floor(at.left / pt.sizes[level])) : 0;
      const ret =
        length > 0 ? this.#writeRun(table, level, table + index, length) : this.#below(table, level, table + index);
      if (ret !== 0) return ret;
      index += length > 0 ? length : 1;
    }
    return 0;
  }

  /** The best page size at this position is an entry of `level`, given that larger ones are not. */
  #leafFits(level: number): boolean {
    const pt = this.#pt;
    const { at } = this;
    if (!this.#canBeLeaf[level] || at.left < pt.sizes[level]) return false;
    return at.isAligned(pt, level, addHi(this.#paddrHi, this.#paddrLo, at.done), addLo(this.#paddrLo, at.done));
  }

  /** Goes on in the table below an entry, which is made when there is none. */
  #below(table: number, level: number, entry: number): number {
    const pt = this.#pt;
    const { memory } = pt;
    if (level === LAST_LEVEL) return -ENXIO;
    this.#cost.reads++;
    let slot = memory.kid[entry];
    if (slot === 0) {
      if (memory.lo[entry] !== 0) return -EADDRINUSE;
      slot = pt.allocTable(level + 1, pt.granule, GFP_KERNEL);
      if (slot === 0) return -ENOMEM;
      pt.linkTable(table, entry, slot);
      this.#cost.writes++;
      this.#steps.push({ kind: 'link', table, level, entry, slot });
    }
    return this.#inTable(slot, level + 1);
  }

  #writeRun(table: number, level: number, first: number, length: number): number {
    const pt = this.#pt;
    const { memory, counters } = pt;
    const { at } = this;
    const size = pt.sizes[level];
    if (memory.liveOf(table) === 0) this.#cost.reads += length;
    else {
      for (let entry = first; entry < first + length; entry++) {
        this.#cost.reads++;
        if (memory.lo[entry] === 0) continue;
        const slot = memory.kid[entry];
        if (slot === 0 || this.#holdsLeaf(slot, level + 1)) return -EADDRINUSE;
      }
      for (let entry = first; level < LAST_LEVEL && entry < first + length; entry++) {
        if (memory.kid[entry] !== 0) this.#unlink(table, level, entry, at.done + (entry - first) * size);
      }
    }
    const prot = this.#prot;
    const attributeLo = pt.attributes[2 * prot] | (level === LAST_LEVEL ? pt.pageType : TYPE_BLOCK);
    const paddrHi = addHi(this.#paddrHi, this.#paddrLo, at.done);
    const paddrLo = addLo(this.#paddrLo, at.done);
    writeLeaves(memory, first, length, size, paddrHi, paddrLo, pt.attributes[2 * prot + 1], attributeLo | 0);
    memory.live[unitOf(table)] += length;
    pt.syncTable();
    this.#cost.writes += length;
    counters[C.LEAVES_WRITTEN] += length;
    counters[C.MAPPED_BYTES] += length * size;
    this.#steps.push({ kind: 'leaves', table, level, first, length });
    at.advance(length * size);
    return 0;
  }

  /** Looks through a table and all below it for a leaf (iommu_pt.h:__collect_tables). */
  #holdsLeaf(slot: number, level: number): boolean {
    const { memory, tableEntries } = this.#pt;
    if (memory.liveOf(slot) === 0) {
      this.#cost.reads += tableEntries;
      return false;
    }
    for (let entry = slot; entry < slot + tableEntries; entry++) {
      this.#cost.reads++;
      const kid = memory.kid[entry];
      if (kid === 0 ? memory.lo[entry] !== 0 : this.#holdsLeaf(kid, level + 1)) return true;
    }
    return false;
  }

  #unlink(table: number, level: number, entry: number, offset: number): void {
    const { memory } = this.#pt;
    const slot = memory.kid[entry];
    this.#steps.push({
      kind: 'unlink',
      table,
      level,
      entry,
      slot,
      lo: memory.lo[entry],
      hi: memory.hi[entry],
      offset,
    });
    this.#clear(table, entry, 1);
    memory.kid[entry] = 0;
    this.#pt.counters[C.SUBTREES_FREED]++;
  }

  #takeBack(step: Step): void {
    const pt = this.#pt;
    const { memory, counters } = pt;
    switch (step.kind) {
      case 'leaves':
        this.#clear(step.table, step.first, step.length);
        counters[C.LEAVES_CLEARED] += step.length;
        counters[C.MAPPED_BYTES] -= step.length * pt.sizes[step.level];
        return;
      case 'link':
        this.#clear(step.table, step.entry, 1);
        memory.kid[step.entry] = 0;
        this.withdrawn.push({ slot: step.slot, level: step.level + 1, offset: 0, size: pt.sizes[step.level] });
        return;
      case 'unlink':
        memory.lo[step.entry] = step.lo;
        memory.hi[step.entry] = step.hi;
        memory.kid[step.entry] = step.slot;
        memory.live[unitOf(step.table)]++;
        counters[C.SUBTREES_FREED]--;
        this.#cost.writes++;
        pt.syncTable();
    }
  }

  /** Clears a run of entries that are in use, with one cache clean. */
  #clear(table: number, first: number, length: number): void {
    const { memory } = this.#pt;
    memory.lo.fill(0, first, first + length);
    memory.hi.fill(0, first, first + length);
    memory.live[unitOf(table)] -= length;
    this.#cost.writes += length;
    this.#pt.syncTable();
  }
}
