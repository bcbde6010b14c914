import type { StaleContents } from '../../lpae/callbacks.ts';
import * as C from '../../lpae/counters.ts';
import { LAST_LEVEL } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { type TableMemory, unitOf } from '../../lpae/table/memory.ts';
import type { AllocatorStats } from '../tickets/allocator-stats.ts';
import { type PageNames, START_TOKEN } from './page-names.ts';

/**
 * What recycled pages hold when nobody zeroes them. The leaves of a last-level table that becomes one again translate
 * again. Everything else is counted only: a stale link would lead to pages that belong to others by now.
 */
export class StalePages implements StaleContents {
  /** The table at hand replaces a block: it is written as a whole, what the page held does not matter. */
  splitting = false;
  /** Whose pages these are; null before its first operation. */
  table: PageTable | null = null;
  readonly #stats: AllocatorStats;
  readonly #contents: PageNames['contents'];

  constructor(stats: AllocatorStats, names: PageNames) {
    this.#stats = stats;
    this.#contents = names.contents;
  }

  keep(token: number, memory: TableMemory, slot: number, level: number): void {
    const live = memory.live[unitOf(slot)];
    if (token === START_TOKEN || live === 0 || this.table === null) return;
    const end = slot + this.table.tableEntries;
    const copy = level === LAST_LEVEL;
    this.#contents.set(token, {
      live,
      lo: copy ? memory.lo.slice(slot, end) : null,
      hi: copy ? memory.hi.slice(slot, end) : null,
    });
  }

  restore(token: number, memory: TableMemory, slot: number, level: number): void {
    const held = this.#contents.get(token);
    if (held === undefined || this.table === null) return;
    this.#contents.delete(token);
    if (held.lo === null || held.hi === null || level !== LAST_LEVEL || this.splitting) {
      this.#stats.staleDropped += held.live;
      return;
    }
    memory.lo.set(held.lo, slot);
    memory.hi.set(held.hi, slot);
    memory.live[unitOf(slot)] = held.live;
    this.#stats.staleLeaves += held.live;
    // They translate, and are taken off again when they are cleared: without this the sum would go below zero.
    const { counters, granule } = this.table;
    counters[C.MAPPED_BYTES] += held.live * granule;
    if (counters[C.MAPPED_BYTES] > counters[C.MAPPED_BYTES_PEAK]) {
      counters[C.MAPPED_BYTES_PEAK] = counters[C.MAPPED_BYTES];
    }
  }
}
