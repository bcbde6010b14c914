import { TWO_32 } from '../../src/base/u64.ts';
import { Smmuv3Flush } from '../../src/flush/smmuv3.ts';
import { IommuDomain } from '../../src/iommu/domain.ts';
import { DomainTlb } from '../../src/iommu/domain-tlb.ts';
import { NO_PAGE, type TableAllocator } from '../../src/lpae/callbacks.ts';
import * as C from '../../src/lpae/counters.ts';
import { DEFAULT_CONFIG, defaultPartialUnmap, type PgtableConfig } from '../../src/lpae/format/config.ts';
import { iovaToPhys } from '../../src/lpae/lookup.ts';
import { PageTable } from '../../src/lpae/page-table.ts';
import { defaultPlacement, TableMemory, unitOf } from '../../src/lpae/table/memory.ts';
import { Grace } from '../../src/reservation/grace/grace.ts';
import { offsetOf } from '../../src/reservation/offsets.ts';
import { DEFAULT_RESERVATION_OPTIONS, type ReservationOptions } from '../../src/reservation/options.ts';
import type { PageBulk, ReserveOutcome } from '../../src/reservation/request.ts';
import { Reservations } from '../../src/reservation/reservations.ts';
import { treeLines } from '../lpae/fixture.ts';

export const K = 2 ** 10;
export const M = 2 ** 20;
export const G = 2 ** 30;
export const PAGE = 4 * K;

export type Options = Partial<ReservationOptions>;

/** Hands out numbered pages and notices pages that come back twice or never. */
export class PageLedger implements TableAllocator, PageBulk {
  readonly out = new Set<number>();
  /** Pages fetched ahead and not used yet. */
  ahead = 0;
  /** Bulk requests, and whether the next ones are refused. */
  readonly bulks: number[] = [];
  refuse = false;
  #next = 0;

  alloc(): number {
    if (this.refuse) return NO_PAGE;
    if (this.ahead > 0) this.ahead--;
    this.out.add(this.#next);
    return this.#next++;
  }

  free(token: number): void {
    if (!this.out.delete(token)) throw new Error(`page ${token} came back twice`);
  }

  take(pages: number): boolean {
    this.bulks.push(pages);
    if (this.refuse) return false;
    this.ahead = pages;
    return true;
  }

  /** Pages that went back unused in the last bulk. */
  surplus = 0;

  done(): void {
    this.surplus = this.ahead;
    this.ahead = 0;
  }
}

export interface SpaceOptions {
  readonly config?: Partial<PgtableConfig>;
  readonly options?: Options;
  readonly ril?: boolean;
}

/** One address space with reservations. */
export class Space {
  readonly memory = new TableMemory(64);
  readonly pages = new PageLedger();
  readonly table: PageTable;
  readonly domain: IommuDomain;
  readonly policy: Smmuv3Flush;
  readonly grace: Grace;
  readonly reservations: Reservations;
  readonly #base: readonly [number, number];

  constructor({ config = {}, options = {}, ril = true }: SpaceOptions = {}) {
    const kernel = config.kernel ?? '7.1';
    const full: PgtableConfig = {
      ...DEFAULT_CONFIG,
      kernel,
      partialUnmap: defaultPartialUnmap(kernel),
      quirks: kernel === '7.1' ? ['NO_WARN'] : [],
      ...config,
    };
    const all = { ...DEFAULT_RESERVATION_OPTIONS, ...options };
    const smallestPage = 2 ** Math.log2(full.pgsizes & -full.pgsizes);
    this.policy = new Smmuv3Flush({ kernel, ril, smallestPage }, null);
    const tlb = new DomainTlb(kernel, this.policy, null);
    this.table = new PageTable(full, this.memory, this.pages, tlb, defaultPlacement());
    this.domain = new IommuDomain(this.table, tlb);
    this.grace = new Grace(all.rcu, all.rcuLatency, (token) => this.pages.free(token));
    this.reservations = new Reservations(this.table, tlb, this.domain, all, this.grace);
    this.#base = [this.table.iovaWantHi >>> 0, this.table.iovaWantLo >>> 0];
  }

  /** The IOVA at an offset from the start of the address space. */
  iova(offset: number): [number, number] {
    return [(Math.floor(offset / TWO_32) | this.#base[0]) >>> 0, (offset | this.#base[1]) >>> 0];
  }

  range(offset: number, size: number): { iovaHi: number; iovaLo: number; size: number } {
    const [iovaHi, iovaLo] = this.iova(offset);
    return { iovaHi, iovaLo, size };
  }

  reserve(id: string, offset: number, size: number, depth = 3, raced?: (born: number) => boolean): ReserveOutcome {
    return this.reservations.reserve({ id, ...this.range(offset, size), depth }, this.pages, raced);
  }

  /** Maps as a replay would: announced to the reservations. Any breach of their guarantee throws. */
  map(offset: number, paddr: number, size: number, prot = 3): number {
    const [hi, lo] = this.iova(offset);
    this.reservations.beforeMap();
    const ret = this.domain.map(hi, lo, Math.floor(paddr / TWO_32), paddr >>> 0, size, prot);
    const breach = this.reservations.afterMap(hi, lo, size, ret);
    if (breach !== null) throw new Error(breach.message);
    return ret;
  }

  unmap(offset: number, size: number): number {
    const [hi, lo] = this.iova(offset);
    this.reservations.beforeUnmap(hi, lo, size);
    const unmapped = this.domain.unmap(hi, lo, size);
    this.grace.sync();
    const breach = this.reservations.afterUnmap(hi, lo, size, unmapped);
    if (breach !== null) throw new Error(breach.message);
    return unmapped;
  }

  /** Physical address behind an offset, null when nothing is mapped. */
  physical(offset: number): number | null {
    const { table } = this;
    return iovaToPhys(table, ...this.iova(offset)) ? table.foundHi * TWO_32 + table.foundLo : null;
  }

  count(counter: number): number {
    return this.table.counters[counter];
  }

  /** The tree without addresses of tables: what maps what, and where tables stand. */
  shape(): string[] {
    return treeLines(this.table).map((line) => (isTableLine(line) ? line.replace(/pte=.*/, 'table') : line));
  }

  /** Every entry bit by bit. */
  tree(): string[] {
    return treeLines(this.table);
  }

  /** All counters but the ones that a failure may change. */
  steady(): number[] {
    return [...this.table.counters].map((value, index) => (index === C.TABLE_ALLOC_FAILS ? 0 : value));
  }

  /** Tables in the tree or set aside, as `level@offset`, and how many reservations pin each. */
  tables(): Map<string, { pins: number; aside: boolean; slot: number }> {
    const { table, memory } = this;
    const found = new Map<string, { pins: number; aside: boolean; slot: number }>();
    const visit = (slot: number, level: number, base: number, aside: boolean): void => {
      if (level > table.startLevel) {
        found.set(`${level}@${base / PAGE}`, { pins: memory.pins[unitOf(slot)], aside, slot });
      }
      if (level === 3) return;
      for (let index = 0; index < table.entriesAt(level); index++) {
        const kid = memory.kid[slot + index];
        const parked = this.reservations.pinning.parkedAt(slot + index);
        if (kid !== 0 && parked !== 0) throw new Error('an entry has both a table and one set aside');
        if (kid !== 0 || parked !== 0) {
          visit(kid !== 0 ? kid : parked, level + 1, base + index * table.sizes[level], aside || parked !== 0);
        }
      }
    };
    visit(table.root, table.startLevel, 0, false);
    return found;
  }

  /** Destroys the table; throws unless every page has come back. */
  destroy(): void {
    this.reservations.destroyed();
    this.table.destroy();
    this.grace.finish();
    const left = this.pages.out.size + this.memory.tables + this.count(C.TABLES_LIVE) + this.grace.deferred;
    if (left !== 0) throw new Error(`${left} tables left`);
    if (this.reservations.pinning.parkedNow !== 0) throw new Error('tables set aside are left');
    if (this.count(C.DMA_MAPS) !== this.count(C.DMA_UNMAPS)) throw new Error('pages left mapped for the device');
  }

  offsetOf(hi: number, lo: number): number {
    return offsetOf(this.table, hi, lo);
  }
}

/** Above the last level a descriptor of type 3 points to a table. */
function isTableLine(line: string): boolean {
  return !line.startsWith('L3') && (Number.parseInt(line.slice(-1), 16) & 3) === 3;
}
