import { TWO_32 } from '../../base/u64.ts';
import { unpackHi, unpackLo } from '../../lpae/format/descriptor.ts';
import { LAST_LEVEL } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { visitEntries } from '../../lpae/visit.ts';
import { lookUp } from './op-record.ts';

/** A range that two tables translate differently; physical addresses of its first byte, UNMAPPED where there is none. */
export interface SweptRange {
  readonly start: number;
  readonly size: number;
  readonly base: number;
  readonly other: number;
}

export interface Swept {
  /** Ranges that were looked up in both, and their bytes. */
  readonly ranges: number;
  readonly bytes: number;
  readonly differing: readonly SweptRange[];
  readonly differingBytes: number;
}

/** Looks up, in two tables of one configuration, all that either of them maps: once for each range that is one run in both. */
export function sweepTables(base: PageTable, other: PageTable): Swept {
  const runs = [runsOf(base), runsOf(other)];
  const borders = [...new Set(runs.flatMap((list) => list.flatMap(({ start, end }) => [start, end])))].sort(
    (a, b) => a - b,
  );
  const at = [0, 0];
  const differing: SweptRange[] = [];
  let ranges = 0;
  let bytes = 0;
  let differingBytes = 0;
  for (let i = 0; i + 1 < borders.length; i++) {
    const [start, end] = [borders[i], borders[i + 1]];
    const covered = runs.some((list, side) => {
      while (at[side] < list.length && list[at[side]].end <= start) at[side]++;
      return list[at[side]]?.start <= start;
    });
    if (!covered) continue;
    const hi = (Math.floor(start / TWO_32) | base.iovaWantHi) >>> 0;
    const lo = (start | base.iovaWantLo) >>> 0;
    const found = [lookUp(base, hi, lo), lookUp(other, hi, lo)];
    ranges++;
    bytes += end - start;
    if (found[0] === found[1]) continue;
    differing.push({ start, size: end - start, base: found[0], other: found[1] });
    differingBytes += end - start;
  }
  return { ranges, bytes, differing, differingBytes };
}

/** Leaves side by side: the first IOVA, and the first behind them. */
interface Run {
  readonly start: number;
  readonly end: number;
  /** Physical address minus IOVA. */
  readonly offset: number;
}

/**
 * What a table maps, as runs of adjacent leaves with adjacent physical addresses. IOVAs without the sign extension. Tables of
 * the last level are read here rather than visited entry by entry: all but a few leaves may be there, a hundred million of them.
 */
export function runsOf(table: PageTable): Run[] {
  const runs = new Runs();
  const { memory, granule64K } = table;
  visitEntries(table, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
    const start = ((iovaHi & ~table.iovaWantHi) >>> 0) * TWO_32 + ((iovaLo & ~table.iovaWantLo) >>> 0);
    if (kid === 0) runs.add(start, paddrOf(pteHi, pteLo, granule64K), table.sizes[level]);
    else if (level + 1 === LAST_LEVEL) {
      const { hi, lo } = memory;
      const size = table.sizes[LAST_LEVEL];
      let left = memory.liveOf(kid);
      for (let index = 0; left > 0; index++) {
        const low = lo[kid + index];
        if (low === 0) continue;
        left--;
        runs.add(start + index * size, paddrOf(hi[kid + index], low, granule64K), size);
      }
      return false;
    }
    return true;
  });
  runs.end();
  return runs.list;
}

function paddrOf(pteHi: number, pteLo: number, granule64K: boolean): number {
  return unpackHi(pteHi, pteLo, granule64K) * TWO_32 + unpackLo(pteLo, granule64K);
}

/** Puts leaves together, in the order of their IOVAs. */
class Runs {
  readonly list: Run[] = [];
  #start = 0;
  #end = 0;
  #offset = 0;

  add(start: number, paddr: number, size: number): void {
    if (start !== this.#end || paddr - start !== this.#offset || this.#end === 0) {
      this.end();
      this.#start = start;
      this.#offset = paddr - start;
    }
    this.#end = start + size;
  }

  /** Ends the run that has begun. */
  end(): void {
    if (this.#end > 0) this.list.push({ start: this.#start, end: this.#end, offset: this.#offset });
  }
}
