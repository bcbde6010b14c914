import { TWO_32 } from '../../base/u64.ts';
import { unpackHi, unpackLo } from '../../lpae/format/descriptor.ts';
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

interface Run {
  readonly start: number;
  end: number;
  /** Physical address minus IOVA. */
  readonly offset: number;
}

/** What a table maps, as runs of adjacent leaves with adjacent physical addresses. IOVAs without the sign extension. */
function runsOf(table: PageTable): Run[] {
  const runs: Run[] = [];
  visitEntries(table, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
    if (kid !== 0) return true;
    const start = ((iovaHi & ~table.iovaWantHi) >>> 0) * TWO_32 + ((iovaLo & ~table.iovaWantLo) >>> 0);
    const paddr = unpackHi(pteHi, pteLo, table.granule64K) * TWO_32 + unpackLo(pteLo, table.granule64K);
    const last = runs.at(-1);
    if (last !== undefined && last.end === start && last.offset === paddr - start) last.end += table.sizes[level];
    else runs.push({ start, end: start + table.sizes[level], offset: paddr - start });
    return true;
  });
  return runs;
}
