import { NOBODY, type OpStore } from './op-store.ts';
import { opText, overlapInTime, PAGE, rangeText } from './pairs.ts';
import { CHECK_RULES } from './rules.ts';
import { judgedOp, type VerdictSink } from './verdict.ts';

const LAST_LEVEL = 3;
const PRESENT = 1 << 30;
/** It has made one of them. */
const MADE = 1 << 29;
/** Its tables have been asked for, for somebody who runs has made some. */
const ENTERED = 1 << 28;

/**
 * The tables on the way to the first and to the last page of an operation as one number for `OpStore.tables`: the levels of
 * the last table there before it and after it.
 */
export function packPaths(
  startLevel: number,
  bitsPerLevel: number,
  firstBefore: number,
  firstAfter: number,
  lastBefore: number,
  lastAfter: number,
): number {
  const paths = (lastAfter << 6) | (lastBefore << 4) | (firstAfter << 2) | firstBefore;
  const made = firstAfter > firstBefore || lastAfter > lastBefore ? MADE : 0;
  return PRESENT | made | (startLevel << 12) | (bitsPerLevel << 8) | paths;
}

/** A table that somebody who runs uses: who does, and who made it. */
interface SharedTable {
  readonly users: number[];
  maker: number;
}

/**
 * Finds maps of disjoint ranges at the same time that go through one table, which one of them had to make. In the replay the
 * second finds it; in the kernel both may find none, make one each, and the loser of the compare-exchange frees its own
 * (io-pgtable-arm.c:arm_lpae_install_table).
 */
export class InstallRaces {
  readonly #store: OpStore;
  readonly #sink: VerdictSink;
  /** By address space: tables in use, by level and place. */
  readonly #tables: Map<number, SharedTable>[] = [];
  /** By address space: how many run that have made tables. */
  readonly #makers: number[] = [];

  constructor(store: OpStore, sink: VerdictSink) {
    this.#store = store;
    this.#sink = sink;
  }

  /**
   * An operation with `tables` begins. Its tables matter only beside somebody who has made some: then `others` visits those
   * that run, which have been let pass until now.
   */
  begins(op: number, others: (visit: (other: number) => boolean) => void): void {
    const { domain, tables } = this.#store;
    const space = domain[op];
    const makers = this.#makers[space] ?? 0;
    const makes = (tables[op] & MADE) !== 0;
    if (!makes && makers === 0) return;
    if (makes) {
      this.#makers[space] = makers + 1;
      others((other) => {
        if (tables[other] !== 0 && (tables[other] & ENTERED) === 0) this.#enter(other);
        return true;
      });
    }
    this.#enter(op);
  }

  /** It has ended. */
  ended(op: number): void {
    const { domain, tables: packed } = this.#store;
    if ((packed[op] & ENTERED) === 0) return;
    const space = domain[op];
    if ((packed[op] & MADE) !== 0) this.#makers[space]--;
    const tables = this.#tables[space];
    this.#each(op, (key) => {
      const table = tables.get(key);
      if (table === undefined) return;
      table.users.splice(table.users.indexOf(op), 1);
      if (table.maker === op) table.maker = -1;
      if (table.users.length === 0) tables.delete(key);
    });
  }

  #enter(op: number): void {
    const domain = this.#store.domain[op];
    this.#tables[domain] ??= new Map();
    const tables = this.#tables[domain];
    this.#store.tables[op] |= ENTERED;
    this.#each(op, (key, isNew) => {
      let table = tables.get(key);
      if (table === undefined) {
        table = { users: [], maker: -1 };
        tables.set(key, table);
      }
      if (isNew) for (const user of table.users) this.#raced(user, op, key);
      else if (table.maker >= 0) this.#raced(table.maker, op, key);
      table.users.push(op);
      if (isNew) table.maker = op;
    });
  }

  #raced(a: number, b: number, key: number): void {
    const store = this.#store;
    const sameThread = store.thread[a] !== NOBODY && store.thread[a] === store.thread[b];
    if (store.seq[a] === store.seq[b] || sameThread) return;
    // Where their ranges meet it is a conflict, not a race that the kernel allows.
    if (store.page[a] < store.pageEnd[b] && store.page[b] < store.pageEnd[a]) return;
    if (store.begin[a] >= store.end[b] || !this.#sink.counts('install-race', CHECK_RULES['install-race'].level)) return;
    const level = key % 4;
    const span = spanOf(store.tables[b], level);
    const page = Math.floor(key / 4) * span;
    this.#sink.add({
      rule: 'install-race',
      level: CHECK_RULES['install-race'].level,
      domain: store.domain[b],
      ops: [judgedOp(store, a), judgedOp(store, b)],
      page,
      end: page + span,
      window: overlapInTime(store, a, b),
      message: `${opText(store, a)} and ${opText(store, b)} race for the level-${level} table of ${rangeText(page, page + span)}: 2 alloc, 1 free`,
    });
  }

  /** The tables of an operation that reach beyond its range, each once: others may use those only. */
  #each(op: number, visit: (key: number, isNew: boolean) => void): void {
    const store = this.#store;
    const packed = store.tables[op];
    const first = store.page[op];
    const last = store.pageEnd[op] - 1;
    // The start table is nobody's to make.
    for (let level = ((packed >> 12) & 3) + 1; level <= LAST_LEVEL; level++) {
      const span = spanOf(packed, level);
      const low = Math.floor(first / span);
      const high = Math.floor(last / span);
      if (level <= ((packed >> 2) & 3) && sticksOut(low, span, first, last))
        visit(low * 4 + level, level > (packed & 3));
      if (high !== low && level <= ((packed >> 6) & 3) && sticksOut(high, span, first, last)) {
        visit(high * 4 + level, level > ((packed >> 4) & 3));
      }
    }
  }
}

function sticksOut(index: number, span: number, first: number, last: number): boolean {
  return index * span < first || (index + 1) * span - 1 > last;
}

/** Pages of 4K that one table of a level spans. */
function spanOf(packed: number, level: number): number {
  const bits = (packed >> 8) & 15;
  return 2 ** ((LAST_LEVEL + 2 - level) * bits + 3) / PAGE;
}
