import { LAST_LEVEL } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { difference, LeafRuns } from './leaf-runs.ts';
import type { OpAtHand } from './op-at-hand.ts';

/**
 * What an operation did to the translations of an address space, by a look at the tables before it and another after it: what
 * the engine tells on the way depends on the policy. Addresses are doubles, ends exclusive.
 */
export class LeafChanges {
  /** Where the operation has removed a translation and something else stands now. */
  readonly replaced = new LeafRuns();
  readonly #before = new LeafRuns();
  readonly #after = new LeafRuns();
  readonly #fresh = new LeafRuns();

  /** Nothing has been replaced so far. */
  begin(): void {
    this.replaced.clear();
  }

  /** An operation is about to run; `pgsize`: the bytes of a page of a raw call, else 0. */
  lookBefore(op: OpAtHand, table: PageTable, pgsize: number): void {
    this.#before.clear();
    // Drivers that replace huge pages take away more than they were asked to, and so do raw calls that are not aligned.
    const grain = op.untold ? table.sizes[LAST_LEVEL - 1] : Math.max(pgsize, 1);
    this.#before.collect(table, Math.floor(op.start / grain) * grain, Math.ceil(op.end / grain) * grain);
  }

  /** It has run and mapped or unmapped so many bytes: `gone` of the operation and `replaced` tell what it removed. */
  lookAfter(op: OpAtHand, table: PageTable, bytes: number): void {
    const before = this.#before;
    op.gone.clear();
    this.replaced.clear();
    if (before.length === 0) return;
    const first = before.start[0];
    const last = before.end[before.length - 1];
    const whole = op.kind === 'unmap' && !op.untold && bytes >= op.askedEnd - op.askedStart;
    if (whole && first >= op.askedStart && last <= op.askedEnd) {
      for (let i = 0; i < before.length; i++)
        op.gone.push(before.start[i], before.end[i], before.shift[i], before.page[i]);
      return;
    }
    this.#after.clear();
    this.#after.collect(table, first, last);
    difference(before, this.#after, op.gone, this.replaced);
  }

  /** What [start, end) translates to now; good until the next call. */
  freshIn(table: PageTable, start: number, end: number): LeafRuns {
    this.#fresh.clear();
    this.#fresh.collect(table, start, end);
    this.#fresh.clip(start, end);
    return this.#fresh;
  }
}
