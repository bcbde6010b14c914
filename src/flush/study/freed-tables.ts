import * as C from '../../lpae/counters.ts';
import type { OpAtHand } from './op-at-hand.ts';
import type { StudiedPolicy } from './studied-policy.ts';
import type { TlbState } from './tlb-state.ts';
import type { Verdict } from './verdict.ts';

/** One policy of a study in one address space. */
export interface StudyColumn {
  /** As `NAME,k=v`. */
  readonly name: string;
  readonly policy: StudiedPolicy;
  readonly tlb: TlbState;
  readonly verdict: Verdict;
}

/**
 * Which tables are freed below which range: the engine asks for the invalidation of a range when it has unlinked it, and frees
 * what hung below it before it asks for another. Tables on the freelist of a gather are not open under a policy whose flush queue
 * takes the gather: they wait there for the flush (dma-iommu.c:queue_iova).
 */
export class FreedTables {
  readonly #columns: readonly StudyColumn[];
  readonly #counters: Float64Array;
  /** Tables freed when the engine last asked, or when the operation began. */
  #seen = 0;
  /** The range that it asked for; the policies that did not invalidate it at once, one bit each. */
  #asked = false;
  #start = 0;
  #end = 0;
  #open = 0;
  #isWalk = false;

  constructor(columns: readonly StudyColumn[], counters: Float64Array) {
    this.#columns = columns;
    this.#counters = counters;
    this.take();
  }

  /** An operation begins. */
  begin(): void {
    this.#asked = false;
    this.take();
  }

  /** Tables freed since it was asked last. */
  take(): number {
    const freed = this.#counters[C.TABLE_FREES] - this.#seen;
    this.#seen += freed;
    return freed;
  }

  /** The engine has asked for the invalidation of a range (`isWalk`: of its walk caches), and whoever wanted to has invalidated it. */
  ask(start: number, end: number, isWalk: boolean, operation: OpAtHand): void {
    this.close(operation);
    let open = 0;
    this.#columns.forEach(({ tlb, policy }, at) => {
      const rides = operation.freelist && policy.waits(operation);
      if (!rides && !tlb.covers(start, end)) open |= 1 << at;
    });
    this.#asked = true;
    this.#start = start;
    this.#end = end;
    this.#open = open;
    this.#isWalk = isWalk;
  }

  /** What has been freed since hung below the range that the engine asked for last; without one it had been unlinked before. */
  close(operation: OpAtHand): void {
    const freed = this.take();
    if (!this.#asked) {
      if (freed === 0) return;
      for (const { verdict } of this.#columns) verdict.unlinkedBefore(freed, operation.start, operation.end);
      return;
    }
    this.#asked = false;
    if (operation.freelist && operation.kind === 'unmap') operation.freelistTables += freed;
    if (this.#open === 0 || (freed === 0 && !this.#isWalk)) return;
    const walk = { start: this.#start, end: this.#end, tables: freed };
    this.#columns.forEach(({ tlb }, at) => {
      if ((this.#open & (1 << at)) !== 0) tlb.openWalks.push(walk);
    });
  }
}
