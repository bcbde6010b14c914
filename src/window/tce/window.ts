import { RunMap } from '../run-map.ts';
import type { TceTag } from './memory/region.ts';
import type { TableShape } from './shape.ts';
import type { WindowTally } from './tally.ts';

/** Where the two windows of a group lie on the bus. */
export const WINDOW_BASES: readonly number[] = [0, 2 ** 59];

/** What a window says when TCEs go: the bytes of their user addresses. */
export type TceGone = (start: number, end: number, tag: TceTag) => void;

/** A DMA window: a TCE table over a range of bus addresses, kept as runs of TCEs that continue each other. */
export class TceWindow {
  readonly slot: number;
  readonly base: number;
  readonly shape: TableShape;
  /** Bytes of one IOMMU page. */
  readonly page: number;
  /** CPU pages that locked memory is charged with for its tables; 0 for the group's own table. */
  readonly accountedPages: number;
  /** Bytes of tables that there are. */
  allocatedBytes: number;
  /** TCEs by offset in the window, standing for user addresses. */
  readonly tces = new RunMap<TceTag>();
  /** Lower tables that exist, by number, for each level but the top one, the lowest first. */
  readonly #lower: RunMap<null>[];
  readonly #copies: number;
  readonly #tally: WindowTally;

  /** `own`: the platform made its table for the group, without a mirror of user addresses. */
  constructor(slot: number, shape: TableShape, accountedPages: number, own: boolean, tally: WindowTally) {
    this.slot = slot;
    this.base = WINDOW_BASES[slot];
    this.shape = shape;
    this.page = 2 ** shape.pageShift;
    this.accountedPages = accountedPages;
    this.#copies = own ? 1 : 2;
    this.allocatedBytes = own ? shape.topBytes / 2 : shape.topBytes;
    this.#lower = Array.from({ length: shape.levels - 1 }, () => new RunMap<null>());
    this.#tally = tally;
  }

  get end(): number {
    return this.base + this.shape.size;
  }

  /** TCEs that are live. */
  get live(): number {
    return this.tces.length / this.page;
  }

  holds(address: number): boolean {
    return address >= this.base && address < this.end;
  }

  /**
   * Writes TCEs for [offset, offset + bytes), which lead to user addresses from `user` on; what was there goes first. Makes
   * the lower tables that are missing.
   */
  exchange(offset: number, bytes: number, user: number, tag: TceTag, gone: TceGone): void {
    this.#makeTables(offset, bytes);
    const before = this.tces.length;
    this.tces.clear(offset, offset + bytes, (from, to, at, old) => gone(at, at + (to - from), old));
    const replaced = (before - this.tces.length) / this.page;
    this.tces.put(offset, offset + bytes, user, tag);
    this.#tally.tcesReplaced += replaced;
    this.#tally.tcesLive -= replaced;
    this.#tally.noteWritten(bytes / this.page);
  }

  /** Clears TCEs; empty ones are passed over, whole missing lower tables in one step. Returns how many were live. */
  clear(offset: number, bytes: number, gone: TceGone): number {
    const before = this.tces.length;
    this.#tally.clearSteps += this.#steps(offset, bytes);
    this.tces.clear(offset, offset + bytes, (from, to, at, old) => gone(at, at + (to - from), old));
    const cleared = (before - this.tces.length) / this.page;
    this.#tally.tcesCleared += cleared;
    this.#tally.tcesLive -= cleared;
    return cleared;
  }

  /** Entries under one table of `level`, 0 the lowest. */
  #span(level: number): number {
    return 2 ** ((this.shape.tableShift - 3) * (level + 1));
  }

  #makeTables(offset: number, bytes: number): void {
    const first = offset / this.page;
    const last = (offset + bytes) / this.page - 1;
    for (const [level, tables] of this.#lower.entries()) {
      const span = this.#span(level);
      const made = tables.cover(Math.floor(first / span), Math.floor(last / span) + 1, null);
      if (made === 0) return;
      const size = made * this.#copies * 2 ** this.shape.tableShift;
      this.allocatedBytes += size;
      this.#tally.noteTables(0, size);
    }
  }

  /** Turns that the clearing loop takes (vfio_iommu_spapr_tce.c:tce_iommu_clear). */
  #steps(offset: number, bytes: number): number {
    const first = offset / this.page;
    const end = (offset + bytes) / this.page;
    if (this.#lower.length === 0) return end - first;
    const span = this.#span(0);
    const from = Math.floor(first / span);
    const to = Math.ceil(end / span);
    let steps = to - from;
    this.#lower[0].forEach(from, to, (start, behind) => {
      steps += Math.min(end, behind * span) - Math.max(first, start * span) - (behind - start);
    });
    return steps;
  }
}
