import { addHi, addLo } from '../../base/u64.ts';
import { PROT_READ, PROT_WRITE } from '../../base/vocabulary.ts';
import { LOOKED_AT, refuseHopeless } from '../../iommu/hopeless.ts';
import { PageSizeChooser } from '../../iommu/page-size.ts';
import { LAST_LEVEL, LEVELS } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { DEMAND_MAP, type Demand } from '../demand.ts';
import type { Need } from './need.ts';
import { offsetIn } from './windows.ts';

const ACCESS = PROT_READ | PROT_WRITE;
/** The operation would end here. */
const STOP = -1;

/**
 * Counts the tables that an operation would make if it ran now, without touching the tree: it goes the way of
 * IommuDomain and of the engine's map and unmap, and stops where they would. IOVAs only grow on that way, so of the
 * tables that would have been made it is enough to know the last of each level.
 */
export class MissingTables {
  readonly #table: PageTable;
  readonly #chooser: PageSizeChooser;
  /** By level: bytes of a table's window, where in its window the operation starts, and the last window with a new table. */
  readonly #spans = new Float64Array(LEVELS);
  readonly #offsets = new Float64Array(LEVELS);
  readonly #made = new Float64Array(LEVELS);
  /** Where the piece at hand begins, in bytes behind the start, and where it lies. */
  #pieceAt = 0;
  #paddrHi = 0;
  #paddrLo = 0;

  constructor(table: PageTable) {
    this.#table = table;
    this.#chooser = new PageSizeChooser(table.config.pgsizes);
    for (let level = table.startLevel + 1; level < LEVELS; level++) this.#spans[level] = table.sizes[level - 1];
  }

  /** Adds what one map or unmap would make. */
  add(demand: Demand, need: Need): void {
    if (demand.estimate !== null) {
      const tables = demand.estimate();
      need.pages += tables;
      need.unplaced += tables;
      return;
    }
    const { iovaHi, iovaLo } = demand;
    const table = this.#table;
    const isMap = demand.kind === DEMAND_MAP;
    // Only splitting makes tables in an unmap.
    if (isMap ? (demand.prot & ACCESS) === 0 : table.config.partialUnmap !== 'split') return;
    for (let level = table.startLevel + 1; level < LEVELS; level++) {
      const span = this.#spans[level];
      this.#offsets[level] = offsetIn(iovaHi, iovaLo, span);
      this.#made[level] = -1;
    }
    this.#pieceAt = 0;
    this.#paddrHi = demand.paddrHi;
    this.#paddrLo = demand.paddrLo;
    if (demand.pgsize !== 0) {
      if (isMap) this.#mapCall(demand, 0, demand.pgsize, demand.pgcount, need);
      else this.#unmapCall(demand, 0, demand.pgsize, demand.pgcount, need);
      return;
    }
    if (demand.pieces === null) {
      this.#request(demand, isMap, 0, demand.size, need);
      return;
    }
    for (const { paddrHi, paddrLo, size } of demand.pieces) {
      this.#paddrHi = paddrHi;
      this.#paddrLo = paddrLo;
      if (!this.#request(demand, isMap, this.#pieceAt, size, need)) return;
      this.#pieceAt += size;
    }
  }

  /** All raw calls of a request for `size` bytes, `from` bytes behind the start; false when one of them stops it. */
  #request(demand: Demand, isMap: boolean, from: number, size: number, need: Need): boolean {
    const chooser = this.#chooser;
    const { iovaHi, iovaLo } = demand;
    const paddrHi = isMap ? this.#paddrHi : addHi(iovaHi, iovaLo, from);
    const paddrLo = isMap ? this.#paddrLo : addLo(iovaLo, from);
    const hi = addHi(iovaHi, iovaLo, from);
    const lo = addLo(iovaLo, from);
    if (!chooser.isAligned(hi, lo, isMap ? paddrHi : 0, isMap ? paddrLo : 0, size)) return false;
    // Counting them one by one takes as long as making them.
    if (isMap && size >= LOOKED_AT) refuseHopeless(this.#table, hi, lo, size, chooser.common(hi, lo, paddrHi, paddrLo));
    let done = 0;
    while (done < size) {
      chooser.choose(
        addHi(hi, lo, done) | 0,
        addLo(lo, done) | 0,
        addHi(paddrHi >>> 0, paddrLo >>> 0, done) | 0,
        addLo(paddrLo >>> 0, done) | 0,
        size - done,
      );
      const bytes = isMap
        ? this.#mapCall(demand, from + done, chooser.size, chooser.count, need)
        : this.#unmapCall(demand, from + done, chooser.size, chooser.count, need);
      if (bytes <= 0) return false;
      done += bytes;
    }
    return true;
  }

  /** Level that the entries of a raw call stand on, NO_LEVEL when there is none, STOP when the call is refused at once. */
  #target(demand: Demand, done: number, pgsize: number): number {
    const table = this.#table;
    const hi = addHi(demand.iovaHi >>> 0, demand.iovaLo >>> 0, done) | 0;
    const lo = addLo(demand.iovaLo >>> 0, done) | 0;
    if (!table.acceptsPgsize(pgsize) || !table.iovaInRange(hi, lo)) return STOP;
    return pgsize === table.granule ? LAST_LEVEL : table.levelOf(pgsize);
  }

  /** One mapPages at `done` bytes behind the start: the bytes that it would map, or STOP. */
  #mapCall(demand: Demand, done: number, pgsize: number, count: number, need: Need): number {
    const table = this.#table;
    const { memory } = table;
    const target = this.#target(demand, done, pgsize);
    if (target === STOP) return STOP;
    const into = done - this.#pieceAt;
    const toHi = addHi(this.#paddrHi >>> 0, this.#paddrLo >>> 0, into) | 0;
    const toLo = addLo(this.#paddrLo >>> 0, into) | 0;
    if (!table.paddrInRange(toHi, toLo)) return STOP;
    const hi = addHi(demand.iovaHi >>> 0, demand.iovaLo >>> 0, done) | 0;
    const lo = addLo(demand.iovaLo >>> 0, done) | 0;
    let at = table.root;
    let level = table.startLevel;
    for (; level !== target; level++) {
      if (level === LAST_LEVEL) return STOP;
      if (at !== 0) {
        const entry = at + table.indexAt(level, hi, lo);
        at = memory.kid[entry];
        if (at === 0) {
          if (memory.lo[entry] !== 0) return STOP;
          // A table that was set aside for a block comes back.
          if (table.pinning !== null) at = table.pinning.parkedAt(entry);
        }
      }
      if (at === 0) this.#make(level + 1, done, need);
    }
    const index = table.indexAt(level, hi, lo);
    const length = this.#runLength(level, index, count);
    if (at !== 0) {
      for (let i = 0; i < length; i++) {
        if (memory.lo[at + index + i] !== 0 && memory.kid[at + index + i] === 0) return STOP;
      }
    }
    return length * table.sizes[level];
  }

  /** One unmapPages that may split blocks: the bytes that it would remove. */
  #unmapCall(demand: Demand, done: number, pgsize: number, count: number, need: Need): number {
    const table = this.#table;
    const { memory } = table;
    const target = this.#target(demand, done, pgsize);
    if (target === STOP || count === 0) return 0;
    const hi = addHi(demand.iovaHi >>> 0, demand.iovaLo >>> 0, done) | 0;
    const lo = addLo(demand.iovaLo >>> 0, done) | 0;
    let at = table.root;
    for (let level = table.startLevel; ; level++) {
      const index = table.indexAt(level, hi, lo);
      // Inside a block that has been split everything ahead is mapped; `at` is 0 there.
      if (at !== 0 && memory.lo[at + index] === 0) return 0;
      if (level === target) {
        let length = this.#runLength(level, index, count);
        if (at !== 0) length = this.#untilHole(at + index, length);
        return length * table.sizes[level];
      }
      if (at !== 0) at = memory.kid[at + index];
      if (at !== 0) continue;
      if (level === LAST_LEVEL) return 0;
      this.#make(level + 1, done, need);
    }
  }

  /** Counts the table of `level` on the way to `done`, unless the operation would have made it before. */
  #make(level: number, done: number, need: Need): void {
    const window = Math.floor((this.#offsets[level] + done) / this.#spans[level]);
    if (this.#made[level] === window) return;
    this.#made[level] = window;
    need.add(level, 1);
  }

  /** As the engine's, without its side effects (table-entries.ts:runLength). */
  #runLength(level: number, index: number, count: number): number {
    const table = this.#table;
    const length = Math.min(count, table.tableEntries - (index & (table.tableEntries - 1)));
    return level === table.startLevel ? Math.min(length, table.pgdEntries - index) : length;
  }

  #untilHole(first: number, length: number): number {
    const { lo } = this.#table.memory;
    let run = 0;
    while (run < length && lo[first + run] !== 0) run++;
    return run;
  }
}
