import { plural, readableBytes } from '../../base/sizes.ts';
import { EADDRINUSE, EEXIST } from '../../base/vocabulary.ts';
import { packPaths } from '../../check/install-races.ts';
import * as S from '../../check/op-store.ts';
import type { CheckOptions } from '../../check/options.ts';
import { type MapOutcome, PageHazards } from '../../check/page-hazards.ts';
import { opText, PAGE, rangeText } from '../../check/pairs.ts';
import { CHECK_RULES, type CheckRule, type Level } from '../../check/rules.ts';
import { TableLook } from '../../check/table-look.ts';
import { judgedOp } from '../../check/verdict.ts';
import * as C from '../../lpae/counters.ts';
import { LAST_LEVEL } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { Operated } from '../observer.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { CheckFindings } from './check-findings.ts';
import { CutBlocks } from './cut-blocks.ts';

const LEAKS_LOOKED_AT = 10_000;

/** One address space of a replay under a check: what each operation meets in the table, and what it leaves behind. */
export class CheckedSpace {
  readonly domain: number;
  readonly #space: AddressSpace;
  readonly #store: S.OpStore;
  readonly #sink: CheckFindings;
  readonly #hazards: PageHazards;
  readonly #look = new TableLook();
  readonly #cut: CutBlocks;
  /** What the last operation met: levels of the tables on the way to its first and last page. */
  #firstLevel = 0;
  #lastLevel = 0;
  #subtrees = 0;
  #allocs = 0;
  /** Something as large as a block has been mapped: before that there is none to be met. */
  #mayHaveBlocks = false;
  /** What had been counted after the last operation. */
  #flushAlls = 0;
  #conflicts = 0;

  constructor(space: AddressSpace, domain: number, store: S.OpStore, sink: CheckFindings, options: CheckOptions) {
    this.#space = space;
    this.domain = domain;
    this.#store = store;
    this.#sink = sink;
    this.#hazards = new PageHazards(store, sink, options);
    this.#cut = new CutBlocks(domain, store, sink);
  }

  /** An operation is about to run. */
  began(op: number): void {
    const store = this.#store;
    const { table } = this.#space;
    this.#hazards.advance(store.begin[op]);
    if (table === null || store.page[op] >= store.pageEnd[op]) return;
    this.#noteFlushes(table);
    const kind = store.kind[op];
    if (kind >= S.KIND_LOOK_UP && kind !== S.KIND_READ_DIRTY) {
      const granule = table.granule / PAGE;
      store.page[op] = Math.floor(store.page[op] / granule) * granule;
      store.pageEnd[op] = store.page[op] + granule;
      return;
    }
    if (kind === S.KIND_MAP || kind === S.KIND_RESERVE) {
      this.#subtrees = table.counters[C.SUBTREES_FREED];
      this.#allocs = table.counters[C.TABLE_ALLOCS];
      if ((store.pageEnd[op] - store.page[op]) * PAGE >= table.sizes[LAST_LEVEL - 1]) this.#mayHaveBlocks = true;
      if (store.end[op] <= store.begin[op]) return;
      this.#look.at(table, store.page[op]);
      this.#firstLevel = this.#look.level;
      this.#look.next(table, store.page[op], store.pageEnd[op] - 1);
      this.#lastLevel = this.#look.level;
    } else if (kind === S.KIND_UNMAP) {
      // A request that is refused for its form meets nothing.
      if (this.#mayHaveBlocks && this.#isOrderly(op, table)) this.#cut.find(op, table);
      else this.#cut.none();
    }
  }

  /** It has run. `raw`: one call of the engine, which never goes beyond a table. */
  ended(op: number, what: Operated, raw: boolean): void {
    const { table } = this.#space;
    const store = this.#store;
    if (table === null || store.page[op] >= store.pageEnd[op]) return;
    this.#noteFlushes(table);
    switch (store.kind[op]) {
      case S.KIND_MAP:
        this.#mapped(op, what, table);
        break;
      case S.KIND_UNMAP:
        this.#unmapped(op, what, raw, table);
        break;
      case S.KIND_LOOK_UP:
      case S.KIND_WALK:
      case S.KIND_SET_DIRTY:
        this.#used(op, table);
        break;
    }
  }

  /** A `reserve`, `unreserve` or `release` has run. */
  rangeEnded(op: number): void {
    const { table } = this.#space;
    if (table === null || this.#store.page[op] >= this.#store.pageEnd[op]) return;
    const kind = this.#store.kind[op];
    if (kind === S.KIND_RELEASE) {
      this.#hazards.released(op, (page) => {
        this.#look.at(table, page);
        return !this.#look.leaf;
      });
    } else if (kind === S.KIND_RESERVE) this.#noteTables(op, table);
  }

  /** What is still mapped is a leak: at operation `op`, or (-1) at the end of the trace. */
  leaks(op: number, level: Level): void {
    const { table } = this.#space;
    const bytes = table?.counters[C.MAPPED_BYTES] ?? 0;
    if (table === null || bytes === 0) return;
    let ranges = 0;
    let first = -1;
    let page = 0;
    let end = 0;
    let looked = 0;
    this.#hazards.eachLive((map, from, to) => {
      // What the replay unmapped by itself, for events were missing, is no leak.
      if (looked++ < LEAKS_LOOKED_AT) this.#look.at(table, from);
      if (looked <= LEAKS_LOOKED_AT && !this.#look.leaf) return true;
      if (ranges++ > 0) return true;
      first = map;
      page = from;
      end = to;
      return true;
    });
    if (ranges === 0 || !this.#sink.counts('leak', level)) return;
    const when = op < 0 ? 'at the end of the trace' : 'when the domain is destroyed';
    const store = this.#store;
    const message = `${readableBytes(bytes)} in ${plural(ranges, 'range')} still mapped ${when}; the lowest is ${rangeText(page, end)} of ${opText(store, first)}`;
    this.#tell('leak', level, op < 0 ? [first] : [first, op], page, end, message);
  }

  finish(): void {
    this.#hazards.finish();
  }

  /** Somebody may have invalidated everything since the last look. */
  #noteFlushes({ counters }: PageTable): void {
    if (counters[C.FLUSH_ALLS] === this.#flushAlls) return;
    this.#flushAlls = counters[C.FLUSH_ALLS];
    this.#hazards.flushAll();
  }

  #mapped(op: number, { ret, bytes, size }: Operated, table: PageTable): void {
    const store = this.#store;
    let outcome: MapOutcome = 'mapped';
    if (this.#isContradicted()) outcome = 'lost';
    // The generic engine, and blocks that may not replace tables, answer with the other errno.
    else if (ret === -EEXIST || ret === -EADDRINUSE) outcome = 'exists';
    else if (ret !== 0) outcome = 'failed';
    else if (table.counters[C.SUBTREES_FREED] !== this.#subtrees) outcome = 'dropped';
    const end = bytes > 0 && bytes < size ? store.page[op] + Math.ceil(bytes / PAGE) : store.pageEnd[op];
    this.#hazards.mapped(op, store.page[op], end, outcome);
    this.#noteTables(op, table);
  }

  /** The tables that an operation with a length has found and made. */
  #noteTables(op: number, table: PageTable): void {
    const store = this.#store;
    if (!(store.end[op] > store.begin[op])) return;
    let first = this.#firstLevel;
    let last = this.#lastLevel;
    // Only where tables have come or gone does the way look different from before.
    if (table.counters[C.TABLE_ALLOCS] !== this.#allocs || table.counters[C.SUBTREES_FREED] !== this.#subtrees) {
      const look = this.#look;
      look.at(table, store.page[op]);
      first = look.level;
      look.next(table, store.page[op], store.pageEnd[op] - 1);
      last = look.level;
    }
    if (first <= table.startLevel && last <= table.startLevel) return;
    const bits = table.geometry.bitsPerLevel;
    store.tables[op] = packPaths(table.startLevel, bits, this.#firstLevel, first, this.#lastLevel, last);
  }

  #unmapped(op: number, { ret, bytes, size }: Operated, raw: boolean, table: PageTable): void {
    const store = this.#store;
    const page = store.page[op];
    const lost = this.#isContradicted();
    const removed = page + Math.ceil(bytes / PAGE);
    this.#cut.unmapped(op, table, removed);
    let hole = -1;
    if (lost) hole = page;
    else if (ret === 0 && bytes < size && this.#isOrderly(op, table)) hole = removed;
    // A raw call ends with its table, hole or not.
    if (raw && bytes > 0 && this.#endsTable(removed, size, table)) hole = -1;
    this.#hazards.unmapped(op, this.#cut.from, this.#cut.to, hole, lost);
  }

  /** Aligned and within the address space: such a request ends early at holes only. */
  #isOrderly(op: number, table: PageTable): boolean {
    const store = this.#store;
    // Of a size the low 32 bits are enough.
    const low = (store.iovaLo[op] | store.size[op]) & (table.granule - 1);
    return low === 0 && table.iovaInRange(store.iovaHi[op], store.iovaLo[op]);
  }

  #endsTable(page: number, size: number, table: PageTable): boolean {
    for (const [level, entry] of table.sizes.entries()) {
      if (level < table.startLevel || size % entry !== 0) continue;
      if (page % ((entry / PAGE) * table.tableEntries) === 0) return true;
    }
    return false;
  }

  /** An address was looked up, or a device wrote through it. */
  #used(op: number, table: PageTable): void {
    const store = this.#store;
    const look = this.#look;
    const looks = store.kind[op] !== S.KIND_SET_DIRTY;
    const [hi, lo] = [store.iovaHi[op], store.iovaLo[op]];
    if (looks && !table.iovaInRange(hi, lo) && (hi & lo) >>> 0 !== 0xffffffff) {
      const { level } = CHECK_RULES['look-up-alias'];
      if (this.#sink.counts('look-up-alias', level)) {
        const message = `${opText(store, op)} is beyond the ${table.config.ias} bits of the address space`;
        this.#tell('look-up-alias', level, [op], store.page[op], store.pageEnd[op], message);
      }
      return;
    }
    look.at(table, store.page[op]);
    if (!look.leaf) this.#hazards.missed(op, looks);
    else if (!looks) this.#hazards.touched(op, look.page, look.end);
  }

  /** Whether the event at hand contradicted those before it, which must be incomplete. */
  #isContradicted(): boolean {
    const { conflicts } = this.#space.tally;
    if (conflicts.size === 0) return false;
    let sum = 0;
    for (const count of conflicts.values()) sum += count;
    const changed = sum !== this.#conflicts;
    this.#conflicts = sum;
    return changed;
  }

  #tell(rule: CheckRule, level: Level, ops: readonly number[], page: number, end: number, message: string): void {
    const store = this.#store;
    const judged = ops.map((one) => judgedOp(store, one));
    this.#sink.add({ rule, level, domain: this.domain, ops: judged, page, end, window: null, message });
  }
}
