import { exactSize, plural } from '../../base/sizes.ts';
import type { LeafRuns } from './leaf-runs.ts';
import type { StudiedPolicy } from './studied-policy.ts';
import type { TlbState } from './tlb-state.ts';

/** What a policy can leave open: tables freed too early, an IOVA or its pages used again too early. */
export type FlushRule = 'stale-walk' | 'stale-iova' | 'stale-pages';

/** Hears of it: the policy by its column, the range as doubles, and what was found. */
export type VerdictReport = (column: number, rule: FlushRule, start: number, size: number, message: string) => void;

/**
 * Judges one policy in one address space: was every translation that an operation removed covered by an invalidation before its
 * table, its IOVA or its pages were used again? Counts what was not.
 */
export class Verdict {
  /** Tables whose pages went back while walk caches could lead to them, or were used again before they were covered. */
  unsafeTables = 0;
  /** Tables that were freed before the flush at the end of the operation that covers them. */
  windowTables = 0;
  /** Operations that mapped an IOVA whose old translation had not been invalidated. */
  unsafeIova = 0;
  /** Operations that mapped pages which an old translation of another IOVA could still reach. */
  unsafePages = 0;
  readonly #column: number;
  readonly #tlb: TlbState;
  readonly #policy: StudiedPolicy;
  readonly #report: VerdictReport;

  constructor(column: number, tlb: TlbState, policy: StudiedPolicy, report: VerdictReport) {
    this.#column = column;
    this.#tlb = tlb;
    this.#policy = policy;
    this.#report = report;
  }

  /** Whether anything was used again too early; null where that is not judged. */
  get safe(): boolean | null {
    return this.#policy.judged ? this.unsafeTables + this.unsafeIova + this.unsafePages === 0 : null;
  }

  /** The operation has ended: its tables that were freed before an invalidation. `recycled`: pages of them are tables again. */
  tables(recycled: number): void {
    const { openWalks } = this.#tlb;
    let again = recycled;
    for (const { start, end, tables } of openWalks) {
      const size = end - start;
      if (!this.#tlb.covers(start, end)) {
        this.#tlb.walksOpen = true;
        if (tables > 0) this.#freed(tables, start, size, 'freed, and walk caches can still lead to it');
        continue;
      }
      if (this.#policy.keepsOut || tables === 0) continue;
      this.windowTables += tables;
      const used = Math.min(again, tables);
      again -= used;
      if (used > 0) this.#freed(used, start, size, 'used again before the flush of the operation that freed it');
    }
  }

  /** Tables were freed that had been unlinked before, at one time or another. */
  unlinkedBefore(tables: number, start: number, end: number): void {
    if (tables > 0 && this.#tlb.walksOpen) {
      this.#freed(tables, start, end - start, 'freed after it had been unlinked, and walk caches can still lead to it');
    }
  }

  /** The address space is gone with all its tables, and nothing was invalidated before. */
  tornDown(tables: number): void {
    if (tables > 0) this.#freed(tables, 0, 0, 'freed with the address space, and walk caches can still lead to it');
  }

  /** IOVAs [start, end) have been mapped; `fresh`: where they lead to, null where nobody needs to know. */
  mapped(start: number, end: number, fresh: LeafRuns | null): boolean {
    const { stale } = this.#tlb;
    const again = this.#policy.judged && stale.overlap(start, end);
    if (again) this.#iova(stale.foundStart, stale.foundEnd);
    if (fresh === null || !this.#policy.judged) return again;
    const at = this.#tlb.reachable(fresh);
    if (at >= 0) {
      this.unsafePages++;
      const size = fresh.end[at] - fresh.start[at];
      const message = 'its pages can still be reached through an IOVA that led to them before';
      this.#report(this.#column, 'stale-pages', fresh.start[at], size, message);
    }
    return again;
  }

  /** An operation mapped something else where it had removed translations. */
  replaced(replaced: LeafRuns): void {
    if (!this.#policy.judged) return;
    const { stale } = this.#tlb;
    for (let i = 0; i < replaced.length; i++) {
      if (!stale.overlap(replaced.start[i], replaced.end[i])) continue;
      this.#iova(stale.foundStart, stale.foundEnd);
      return;
    }
  }

  #iova(start: number, end: number): void {
    this.unsafeIova++;
    const message = `mapped again while the translation of ${exactSize(end - start)} from before can still be used`;
    this.#report(this.#column, 'stale-iova', start, end - start, message);
  }

  #freed(tables: number, start: number, size: number, what: string): void {
    if (!this.#policy.judged) return;
    this.unsafeTables += tables;
    this.#report(this.#column, 'stale-walk', start, size, `${plural(tables, 'table')}: ${what}`);
  }
}
