import type { RememberedReach } from '../smmuv3.ts';
import type { LeafRuns } from './leaf-runs.ts';
import { RunSet } from './run-set.ts';
import type { StalePages } from './stale-pages.ts';

/** Stale runs of one address space that are told apart; beyond, neighbours are joined, and then no more are noted. */
const MOST_RUNS = 2 ** 18;

/** Tables that were freed below an entry that had been unlinked, before anything was invalidated there. */
interface OpenWalk {
  readonly start: number;
  readonly end: number;
  readonly tables: number;
}

/**
 * What TLBs and walk caches may still hold of one address space under one policy. The worst is assumed: a translation that was
 * removed is there until an invalidation covers it. Addresses are doubles, ends exclusive.
 */
export class TlbState implements RememberedReach {
  /** Bytes that invalidations covered; of a whole address space what was mapped in it and what waited. */
  bytesInvalidated = 0;
  fullFlushes = 0;
  /** Bytes of translations that were removed and not noted any more, for their number. */
  untracked = 0;
  /** A table was unlinked and its walk caches have not been invalidated since. */
  walksOpen = false;
  readonly stale = new RunSet();
  /** Of the operation at hand. */
  readonly openWalks: OpenWalk[] = [];
  readonly #pages: StalePages;
  readonly #space: number;
  readonly #mapped: () => number;
  /** What has been invalidated since the operation began: first addresses and ends, in order where `#ascending`. */
  #since: number[] = [];
  #ascending = true;
  #allSince = false;
  /** Neighbours have been joined once since everything was invalidated. */
  #joined = false;
  readonly #most: number;
  readonly #dropPages = (start: number, end: number, shift: number): void =>
    this.#pages.drop(this.#space, start, end, shift);

  /** `space` is its number, `mapped` gives the bytes that are mapped in it now. */
  constructor(pages: StalePages, space: number, mapped: () => number, most = MOST_RUNS) {
    this.#most = most;
    this.#pages = pages;
    this.#space = space;
    this.#mapped = mapped;
  }

  get staleBytes(): number {
    return this.stale.bytes + this.untracked;
  }

  get hasStalePages(): boolean {
    return this.#pages.runs.size > 0;
  }

  /** An operation begins. */
  begin(): void {
    if (this.#since.length > 0) this.#since = [];
    this.#ascending = true;
    this.#allSince = false;
    this.openWalks.length = 0;
  }

  range(start: number, end: number): void {
    this.#count(end - start);
    if (this.stale.size > 0) this.stale.remove(start, end, this.#dropPages);
    const since = this.#since;
    const last = since.length - 1;
    if (last > 0 && start <= since[last] && end >= since[last - 1]) {
      since[last] = Math.max(end, since[last]);
      since[last - 1] = Math.min(start, since[last - 1]);
      if (last > 1 && since[last - 1] < since[last - 2]) this.#ascending = false;
      return;
    }
    if (last > 0 && start < since[last]) this.#ascending = false;
    since.push(start, end);
  }

  all(): void {
    this.fullFlushes++;
    this.#count(this.#mapped() + this.staleBytes);
    if (this.stale.size > 0) {
      this.stale.each(0, Number.POSITIVE_INFINITY, this.#dropPages);
      this.stale.clear();
      this.#joined = false;
    }
    this.untracked = 0;
    this.walksOpen = false;
    this.#allSince = true;
  }

  /** True when all of [start, end) has been invalidated since the operation began. */
  covers(start: number, end: number): boolean {
    if (this.#allSince) return true;
    const since = this.#inOrder();
    for (let i = since.length - 2; i >= 0; i -= 2) if (since[i] <= start && since[i + 1] >= end) return true;
    return false;
  }

  /** Notes what an operation removed and nothing has invalidated since. */
  removed(gone: LeafRuns): void {
    if (gone.length === 0) return;
    const since = this.#inOrder();
    let j = 0;
    for (let i = 0; i < gone.length; i++) {
      const end = gone.end[i];
      let at = gone.start[i];
      while (j > 0 && since[j - 1] > at) j -= 2;
      while (at < end) {
        while (j < since.length && since[j + 1] <= at) j += 2;
        const to = j < since.length && since[j] < end ? since[j] : end;
        // What was mapped no more when everything was invalidated went with it.
        if (to > at && this.#allSince) this.#count(to - at);
        else if (to > at) this.#note(at, to, gone.shift[i]);
        at = j < since.length ? Math.max(to, Math.min(end, since[j + 1])) : to;
      }
    }
  }

  /** Whether pages that IOVAs lead to now can still be reached by an old translation that leads elsewhere now. */
  reachable(runs: LeafRuns): number {
    for (let i = 0; i < runs.length; i++) {
      if (this.#pages.reachable(this.#space, runs.start[i], runs.end[i], runs.shift[i])) return i;
    }
    return -1;
  }

  #note(start: number, end: number, shift: number): void {
    if (this.stale.size >= this.#most && !this.#joined) {
      this.#joined = true;
      this.stale.each(0, Number.POSITIVE_INFINITY, this.#dropPages);
      this.stale.coalesce();
    }
    if (this.stale.size >= this.#most) {
      this.untracked += end - start;
      return;
    }
    // What an IOVA led to before is forgotten: of each the last translation counts.
    this.stale.remove(start, end, this.#dropPages);
    this.stale.add(start, end, shift, 0);
    this.#pages.add(this.#space, start, end, shift);
  }

  /** What has been invalidated since the operation began, disjoint and ascending. */
  #inOrder(): readonly number[] {
    if (this.#ascending) return this.#since;
    const pairs: [number, number][] = [];
    for (let i = 0; i < this.#since.length; i += 2) pairs.push([this.#since[i], this.#since[i + 1]]);
    pairs.sort((a, b) => a[0] - b[0]);
    const merged: number[] = [];
    for (const [start, end] of pairs) {
      const last = merged.length - 1;
      if (last > 0 && start <= merged[last]) merged[last] = Math.max(merged[last], end);
      else merged.push(start, end);
    }
    this.#since = merged;
    this.#ascending = true;
    return merged;
  }

  #count(bytes: number): void {
    this.bytesInvalidated = Math.min(this.bytesInvalidated + bytes, Number.MAX_SAFE_INTEGER);
  }
}
