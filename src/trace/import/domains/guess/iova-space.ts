import { LiveRanges } from '../live-ranges.ts';
import { PageSet } from '../page-set.ts';
import { FreedRanges } from './freed-ranges.ts';
import type { Journal } from './journal.ts';
import { isTop, LOW_PAGES, orderOf } from './orders.ts';
import * as W from './weights.ts';

/** Ranges of more pages are no business of the allocator's caches, and are looked at as a whole. */
const HUGE_PAGES = 65536;
const NEVER = -1;

/** A live mapping, in the order in which the address space made them. */
export interface Mapping {
  readonly page: number;
  readonly pages: number;
  /** Number of the map in its address space. */
  readonly seq: number;
  previous: Mapping | null;
  next: Mapping | null;
  /** Pages that are still live. */
  live: number;
}

/**
 * One address space as its IOVA allocator would act (iova.c: alloc_iova_fast, iova_rcache_get, __alloc_and_insert_iova_range):
 * sizes are rounded up to a power of two and aligned to it, freed ranges come back from the cache of their CPU last in,
 * first out, and fresh ones lie below what was handed out before.
 */
export class IovaSpace {
  readonly live = new LiveRanges();
  /** Live pages, and freed ones that the caches still hold. */
  readonly held = new PageSet();
  readonly mappings = new Map<number, Mapping>();
  readonly caches = new FreedRanges();
  newest: Mapping | null = null;
  /** Mappings whose turn to go is next, by the order in which they were made. */
  nextToGo: (Mapping | null)[] = [];
  /** Physical pages at which the latest mappings ended. */
  physical: number[] = [];
  /** Lowest page handed out so far. */
  front = NEVER;
  lastFresh = NEVER;
  /** Where low addresses end. */
  base = LOW_PAGES;
  high = false;
  maps = 0;
  unexplained = 0.5;
  /** Index of the device that names it, -1: it was inferred. */
  readonly named: number;

  constructor(named: number) {
    this.named = named;
  }

  canMap(page: number, pages: number): boolean {
    return !this.live.overlaps(page, pages);
  }

  canUnmap(page: number, pages: number): boolean {
    return this.live.livePages(page, pages) >= pages;
  }

  /**
   * Carries out a map; what it changes goes into the journal. Returns the pages of the freed range that it took, 0: none.
   * @param goesOn - it is a further piece of a list
   */
  map(
    page: number,
    pages: number,
    cpu: number,
    physical: number,
    odd: boolean,
    goesOn: boolean,
    journal: Journal,
  ): number {
    this.#noteState(journal);
    this.maps++;
    if (odd) this.unexplained++;
    this.#append(page, pages, journal);
    const taken = this.caches.take(page, journal);
    if (taken === 0 && !goesOn) {
      this.lastFresh = page;
      this.caches.passOver(cpu, orderOf(pages), journal);
    }
    this.#notePhysical(physical, pages);
    if (this.front < 0 && page < LOW_PAGES && !isTop(page, pages)) this.base = page + pages;
    if (this.front < 0 || page < this.front) this.front = page;
    if (page >= LOW_PAGES) this.high = true;
    return taken;
  }

  /** Notes how all that is a plain value comes back. */
  #noteState(journal: Journal): void {
    const maps = this.maps;
    const unexplained = this.unexplained;
    const lastFresh = this.lastFresh;
    const physical = this.physical;
    const front = this.front;
    const base = this.base;
    const high = this.high;
    journal.undo(() => {
      this.maps = maps;
      this.unexplained = unexplained;
      this.lastFresh = lastFresh;
      this.physical = physical;
      this.front = front;
      this.base = base;
      this.high = high;
    });
  }

  #append(page: number, pages: number, journal: Journal): void {
    const mapping: Mapping = { page, pages, seq: this.maps, previous: this.newest, next: null, live: pages };
    const newest = this.newest;
    if (newest !== null) newest.next = mapping;
    this.newest = mapping;
    const before = this.mappings.get(page);
    this.mappings.set(page, mapping);
    this.live.add(page, pages);
    const added = pages > HUGE_PAGES ? 0 : this.#hold(page, pages, journal);
    journal.undo(() => {
      if (newest !== null) newest.next = null;
      this.newest = newest;
      if (before === undefined) this.mappings.delete(page);
      else this.mappings.set(page, before);
      this.live.remove(page, pages);
      if (added === pages) this.held.remove(page, pages);
    });
  }

  /** Returns how many of some pages were not held before; some but not all are taken back by the journal. */
  #hold(page: number, pages: number, journal: Journal): number {
    const missing = pages - this.held.count(page, pages);
    if (missing > 0 && missing < pages) {
      const added: number[] = [];
      for (let at = page; at < page + pages; at++) if (!this.held.has(at)) added.push(at);
      journal.undo(() => {
        for (const at of added) this.held.remove(at, 1);
      });
    }
    if (missing > 0) this.held.add(page, pages);
    return missing;
  }

  #notePhysical(physical: number, pages: number): void {
    const before = this.physical;
    const now = [physical + pages - 1];
    let near = false;
    for (let i = 0; i < before.length && now.length < W.PHYSICAL_KEPT; i++) {
      // One that it goes on from is replaced by it.
      if (!near && Math.abs(physical - before[i]) <= 2) near = true;
      else now.push(before[i]);
    }
    this.physical = now;
  }

  /** Carries out an unmap of pages, live or not. */
  unmap(page: number, pages: number, cpu: number, grain: number, journal: Journal): void {
    const end = page + pages;
    for (let found = this.live.firstOverlap(page, pages); found !== null; found = this.live.firstOverlap(page, pages)) {
      this.#take(found.page, found.pages, Math.max(page, found.page), Math.min(end, found.page + found.pages), journal);
    }
    const order = orderOf(pages);
    if (order - grain > W.LARGEST_CACHED && pages <= HUGE_PAGES && this.held.count(page, pages) === pages) {
      this.held.remove(page, pages);
      journal.undo(() => this.held.add(page, pages));
    }
    this.caches.add(page, cpu, order, journal);
    if (this.front >= 0) return;
    this.front = page;
    journal.undo(() => {
      this.front = NEVER;
    });
  }

  /** Takes the pages from `from` to before `to` out of the live range that begins at `start`. */
  #take(start: number, length: number, from: number, to: number, journal: Journal): void {
    const { live } = this;
    live.remove(from, to - from);
    const mapping = this.mappings.get(start) ?? null;
    const before = this.nextToGo;
    journal.undo(() => {
      live.remove(start, length);
      live.add(start, length);
      if (mapping !== null) mapping.live += to - from;
      this.nextToGo = before;
    });
    if (mapping === null) return;
    mapping.live -= to - from;
    if (mapping.live > 0) {
      // What is left behind the gap begins elsewhere and is still this mapping's.
      const rest = to < start + length ? to : NEVER;
      if (rest !== NEVER && !this.mappings.has(rest)) {
        this.mappings.set(rest, mapping);
        journal.undo(() => this.mappings.delete(rest));
      }
      return;
    }
    const { previous, next } = mapping;
    const turns: (Mapping | null)[] = [next];
    for (let i = 0, own = false; i < before.length && turns.length < W.TURNS_KEPT; i++) {
      // Its own turn has become that of the next.
      if (before[i] !== mapping) turns.push(before[i]);
      else if (own) turns.push(next);
      else own = true;
    }
    this.nextToGo = turns;
    if (previous !== null) previous.next = next;
    if (next === null) this.newest = previous;
    else next.previous = previous;
    this.mappings.delete(start);
    journal.undo(() => {
      if (previous !== null) previous.next = mapping;
      if (next === null) this.newest = mapping;
      else next.previous = mapping;
      this.mappings.set(start, mapping);
    });
  }
}
