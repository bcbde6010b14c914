import type { OpStore } from '../../check/op-store.ts';
import { opText, rangeText } from '../../check/pairs.ts';
import type { Level } from '../../check/rules.ts';
import { TableLook } from '../../check/table-look.ts';
import { judgedOp } from '../../check/verdict.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { CheckFindings } from './check-findings.ts';

/**
 * Blocks that an unmap of one address space begins or ends within, seen before it runs and looked at again after it: the engine
 * may have refused it, split the block, or removed all of it. Pages count 4K.
 */
export class CutBlocks {
  /** The pages that the unmap looked at last has touched: [from, to), whole blocks included where they went. */
  from = 0;
  to = 0;
  readonly #domain: number;
  readonly #store: OpStore;
  readonly #sink: CheckFindings;
  readonly #look = new TableLook();
  /** Blocks that its range begins, or ends, within: [page, end); -1: none. */
  #firstBlock = -1;
  #firstBlockEnd = -1;
  #lastBlock = -1;
  #lastBlockEnd = -1;

  /** `domain`: number of the address space, as verdicts name it. */
  constructor(domain: number, store: OpStore, sink: CheckFindings) {
    this.#domain = domain;
    this.#store = store;
    this.#sink = sink;
  }

  /** An unmap that meets no block is about to run. */
  none(): void {
    this.#firstBlock = -1;
    this.#lastBlock = -1;
  }

  /** An unmap is about to run: finds the blocks that it cuts. `whole` and `split` touch all of them. */
  find(op: number, table: PageTable): void {
    this.none();
    const store = this.#store;
    const look = this.#look;
    const [page, end] = [store.page[op], store.pageEnd[op]];
    look.at(table, page);
    const partial = look.leaf && (look.page < page || look.end > end);
    this.#firstBlock = partial ? look.page : -1;
    this.#firstBlockEnd = look.end;
    if (look.end >= end) return;
    // A table of pages has no blocks.
    look.next(table, page, end - 1);
    if (look.end <= end) return;
    this.#lastBlock = look.leaf && look.end > end ? look.page : -1;
    this.#lastBlockEnd = look.end;
  }

  /** It has run and removed what there was up to `removed`: sees what became of the blocks and says what it touched. */
  unmapped(op: number, table: PageTable, removed: number): void {
    const store = this.#store;
    this.from = store.page[op];
    this.to = Math.min(removed, store.pageEnd[op]);
    if (this.#firstBlock >= 0 && this.#partial(op, table, this.#firstBlock, this.#firstBlockEnd)) {
      this.from = this.#firstBlock;
      this.to = Math.max(this.to, this.#firstBlockEnd);
    }
    if (this.#lastBlock >= 0 && removed >= this.#lastBlock) {
      if (this.#partial(op, table, this.#lastBlock, this.#lastBlockEnd)) this.to = this.#lastBlockEnd;
    }
  }

  /** A part of a block was to be unmapped: the table shows what became of it. True when all of the block went. */
  #partial(op: number, table: PageTable, block: number, end: number): boolean {
    const store = this.#store;
    const look = this.#look;
    const [page, stop] = [store.page[op], store.pageEnd[op]];
    look.at(table, Math.max(page, block));
    const refused = look.leaf && look.page === block && look.end === end;
    look.at(table, block < page ? block : end - 1);
    const how = refused ? 'is refused: nothing of it goes' : look.leaf ? 'splits it into a table' : 'removes all of it';
    if (!refused) {
      store.page[op] = Math.min(page, block);
      store.pageEnd[op] = Math.max(stop, end);
    }
    const level: Level = refused ? 'error' : 'warning';
    if (this.#sink.counts('partial-unmap', level)) {
      const message = `${opText(store, op)}, a part of the block ${rangeText(block, end)}, ${how}`;
      const ops = [judgedOp(store, op)];
      this.#sink.add({
        rule: 'partial-unmap',
        level,
        domain: this.#domain,
        ops,
        page: block,
        end,
        window: null,
        message,
      });
    }
    return !refused && !look.leaf;
  }
}
