import { addHi, addLo } from '../base/u64.ts';
import { PROT_READ, PROT_WRITE } from '../base/vocabulary.ts';
import * as C from '../lpae/counters.ts';
import { LAST_LEVEL } from '../lpae/format/geometry.ts';
import { IommuDomain } from './domain.ts';
import type { Gather } from './gather.ts';
import { PteCost } from './pte-cost.ts';

/** Counters that tell what an operation did beside its runs of leaves. */
const WATCHED = [
  C.TABLE_ALLOCS,
  C.SUBTREES_FREED,
  C.BLOCKS_SPLIT,
  C.LEAVES_WRITTEN,
  C.MAP_CALLS,
  C.LEVEL_FREES,
  C.LEVEL_FREES + 1,
  C.LEVEL_FREES + 2,
] as const;
const [ALLOCS, SUBTREES, SPLITS, WRITTEN, CALLS, FREES] = WATCHED.keys();

/** A request or a raw call that is being carried out; `raw` is the page size of a raw call. */
interface Call {
  readonly hi: number;
  readonly lo: number;
  readonly paddrHi: number;
  readonly paddrLo: number;
  readonly size: number;
  readonly prot: number;
  readonly raw: number | null;
}

/**
 * io-pgtable-arm under the IOMMU core, with a count of the descriptors that each operation reads and writes. What was
 * called follows from the addresses, the sizes and the answer, so that the engine itself counts nothing: each raw call
 * walks from the start table and looks at every entry of its run (io-pgtable-arm.c:__arm_lpae_map, __arm_lpae_unmap). With
 * `whole` blocks removed for a part of them the count is an upper bound.
 */
export class MeteredDomain extends IommuDomain {
  override readonly cost = new PteCost();
  readonly #before = new Float64Array(WATCHED.length);
  readonly #added = new Float64Array(WATCHED.length);
  /** A map that has not been counted yet: a failed one is before its pages are unmapped again. */
  #mapping: Call | null = null;

  override map(hi: number, lo: number, paddrHi: number, paddrLo: number, size: number, prot: number): number {
    this.#mapping = { hi, lo, paddrHi, paddrLo, size, prot, raw: null };
    this.#note();
    const ret = super.map(hi, lo, paddrHi, paddrLo, size, prot);
    this.#settleMap(this.mapped);
    return ret;
  }

  override mapPages(
    hi: number,
    lo: number,
    paddrHi: number,
    paddrLo: number,
    pgsize: number,
    count: number,
    prot: number,
  ): number {
    this.#mapping = { hi, lo, paddrHi, paddrLo, size: pgsize * count, prot, raw: pgsize };
    this.#note();
    const ret = super.mapPages(hi, lo, paddrHi, paddrLo, pgsize, count, prot);
    // A short answer without an error ends a raw call as well as a whole one.
    if (ret === 0) this.#mapping = { ...this.#mapping, size: this.table.mapped };
    this.#settleMap(this.table.mapped);
    return ret;
  }

  override unmapInto(hi: number, lo: number, size: number, gather: Gather): number {
    this.#settleMap(this.mapped);
    return this.#unmapping(hi, lo, size, null, () => super.unmapInto(hi, lo, size, gather));
  }

  override unmapPages(hi: number, lo: number, pgsize: number, count: number): number {
    return this.#unmapping(hi, lo, pgsize * count, pgsize, () => super.unmapPages(hi, lo, pgsize, count));
  }

  override unmapPagesSynced(hi: number, lo: number, pgsize: number, count: number): number {
    return this.#unmapping(hi, lo, pgsize * count, pgsize, () => super.unmapPagesSynced(hi, lo, pgsize, count));
  }

  override unmapPagesQueued(hi: number, lo: number, pgsize: number, count: number): number {
    return this.#unmapping(hi, lo, pgsize * count, pgsize, () => super.unmapPagesQueued(hi, lo, pgsize, count));
  }

  #note(): void {
    WATCHED.forEach((counter, at) => {
      this.#before[at] = this.table.counters[counter];
    });
  }

  /** What the watched counters have gained, and what freeing tables read: all entries of those that can have tables below. */
  #gained(): Float64Array {
    const { table } = this;
    WATCHED.forEach((counter, at) => {
      this.#added[at] = table.counters[counter] - this.#before[at];
    });
    for (let level = 0; level < LAST_LEVEL; level++)
      this.cost.reads += this.#added[FREES + level] * table.entriesAt(level);
    return this.#added;
  }

  /** Counts the map that is being carried out, of which `done` bytes were written. */
  #settleMap(done: number): void {
    const call = this.#mapping;
    if (call === null) return;
    this.#mapping = null;
    const { table, cost } = this;
    const added = this.#gained();
    // Refused before the engine was called.
    if (added[CALLS] === 0) return;
    // A table is linked with one write; one that makes way for a block is unlinked, and its entry cleared once more.
    cost.writes += added[ALLOCS] + 2 * added[SUBTREES];
    let at = 0;
    while (at < done) {
      const { pgsize, count } = this.#choose(call, at);
      const level = table.levelOf(pgsize);
      const length = Math.min(count, (done - at) / pgsize, this.#room(level, call, at));
      cost.walks++;
      cost.reads += level - table.startLevel + length;
      cost.writes += length;
      at += length * pgsize;
    }
    if (at < call.size) this.#failedMap(call, at);
  }

  /** The raw call that failed: it read up to what was in its way, nothing when it was refused. */
  #failedMap(call: Call, at: number): void {
    const { table, cost } = this;
    const hi = addHi(call.hi >>> 0, call.lo >>> 0, at);
    const lo = addLo(call.lo >>> 0, at);
    const { pgsize, count } = this.#choose(call, at);
    cost.walks++;
    const toHi = addHi(call.paddrHi >>> 0, call.paddrLo >>> 0, at);
    if (!table.acceptsPgsize(pgsize) || !table.iovaInRange(hi, lo)) return;
    if (!table.paddrInRange(toHi, addLo(call.paddrLo >>> 0, at)) || (call.prot & (PROT_READ | PROT_WRITE)) === 0)
      return;
    const { lo: words, kid } = table.memory;
    const target = Math.min(table.levelOf(pgsize), LAST_LEVEL);
    let slot = table.root;
    for (let level = table.startLevel; level < target; level++) {
      const entry = slot + table.indexAt(level, hi, lo);
      cost.reads++;
      slot = kid[entry];
      if (slot === 0) return;
    }
    const length = Math.min(count, this.#room(target, call, at));
    const first = slot + table.indexAt(target, hi, lo);
    for (let i = 0; i < length; i++) {
      cost.reads++;
      if (words[first + i] !== 0 && kid[first + i] === 0) return;
    }
  }

  /** Carries out an unmap and counts it. `raw`: page size of a raw call. */
  #unmapping(hi: number, lo: number, size: number, raw: number | null, work: () => number): number {
    this.#note();
    const calls = this.table.counters[C.UNMAP_CALLS];
    const bytes = work();
    const { table, cost } = this;
    const added = this.#gained();
    if (table.counters[C.UNMAP_CALLS] === calls) return bytes;
    const call: Call = { hi, lo, paddrHi: hi, paddrLo: lo, size, prot: 0, raw };
    // An unlinked table costs a clear beside that of its run. A split writes its table and links it, and spares its target.
    const spared = added[SPLITS] * table.tableEntries - added[WRITTEN];
    cost.writes += added[SUBTREES] + added[WRITTEN] + added[ALLOCS] - spared;
    cost.reads -= spared;
    let at = 0;
    while (at < bytes && at < size) {
      const { pgsize, count } = this.#choose(call, at);
      const level = table.levelOf(pgsize);
      const most = Math.min(count, this.#room(level, call, at));
      const length = Math.min(most, Math.ceil((bytes - at) / pgsize));
      cost.walks++;
      cost.reads += level - table.startLevel + length + (length < most ? 1 : 0);
      cost.writes += length;
      at += length * pgsize;
      if (raw !== null) return bytes;
    }
    if (at < size) this.#emptyUnmap(call, at);
    return bytes;
  }

  /** The raw call that removed nothing: it read down to the hole, or to the block that it was for a part of. */
  #emptyUnmap(call: Call, at: number): void {
    const { table, cost } = this;
    const { pgsize, count } = this.#choose(call, at);
    const hi = addHi(call.hi >>> 0, call.lo >>> 0, at);
    const lo = addLo(call.lo >>> 0, at);
    cost.walks++;
    if (!table.acceptsPgsize(pgsize) || count === 0 || !table.iovaInRange(hi, lo)) return;
    const target = Math.min(table.levelOf(pgsize), LAST_LEVEL);
    let slot = table.root;
    for (let level = table.startLevel; level <= target; level++) {
      cost.reads++;
      slot = table.memory.kid[slot + table.indexAt(level, hi, lo)];
      if (slot === 0) return;
    }
  }

  /** Page size and count of the raw call at `at` bytes of a request, as the core chooses them. */
  #choose(call: Call, at: number): { readonly pgsize: number; readonly count: number } {
    if (call.raw !== null) return { pgsize: call.raw, count: call.size / call.raw };
    const { hi, lo, paddrHi, paddrLo } = call;
    const sizes = this.chooser;
    sizes.choose(
      addHi(hi >>> 0, lo >>> 0, at) | 0,
      addLo(lo >>> 0, at) | 0,
      addHi(paddrHi >>> 0, paddrLo >>> 0, at) | 0,
      addLo(paddrLo >>> 0, at) | 0,
      call.size - at,
    );
    return { pgsize: sizes.size, count: sizes.count };
  }

  /** Entries to the end of the table page, and of the start table. */
  #room(level: number, { hi, lo }: Call, at: number): number {
    const { table } = this;
    const index = table.indexAt(level, addHi(hi >>> 0, lo >>> 0, at), addLo(lo >>> 0, at));
    const inPage = table.tableEntries - (index % table.tableEntries);
    return level === table.startLevel ? Math.min(inPage, table.pgdEntries - index) : inPage;
  }
}
