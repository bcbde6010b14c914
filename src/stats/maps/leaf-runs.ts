import { hex64, hexNumber, TWO_32 } from '../../base/u64.ts';
import { decodeDescriptor, leafText, sameAttributes } from '../../lpae/format/decode-descriptor.ts';
import { unpackHi, unpackLo } from '../../lpae/format/descriptor.ts';
import { LEVELS } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { visitEntries } from '../../lpae/visit.ts';
import { iovaHiAt, iovaLoAt, offsetOf } from '../../reservation/offsets.ts';
import type { LeafRun } from '../space-map.ts';
import { SharedLeaves } from './shared-leaves.ts';

/** Classes of a number of bytes: 0 for none, else one for each power of two. */
const CLASSES = 66;
/** Class of 1 GiB. Such gaps and larger ones are closed last: across them a map would show far more than is there. */
const FAR = 31;
/** What merging two runs takes away from a map: near gaps of equal attributes, near gaps of unequal ones, far gaps. */
const COSTS = CLASSES + FAR;
/** Physical address of a run whose leaves are scattered. */
const SCATTERED = -1;
/** Attributes of a run whose leaves differ in them. */
const MIXED = 'mixed';

/** A run of leaves of one level. Reused between calls. */
interface Run {
  /** Bytes from the first IOVA of the address space, and bytes. */
  start: number;
  end: number;
  count: number;
  level: number;
  paddr: number;
  /** The first leaf, for the attributes, and whether all have them. */
  pteHi: number;
  pteLo: number;
  mixed: boolean;
}

type GiveRun = (run: Readonly<Run>) => void;

/** Receives a run, the one before it of its level, and what merging the two would cost; no run before it: null and -1. */
type GiveLink = (run: Readonly<Run>, before: Readonly<Run> | null, cost: number) => void;

/** Which runs are merged with the one before: those that cost less than `cost`, and of those that cost as much `some` of `all`. */
interface MergeLimit {
  readonly cost: number;
  readonly some: number;
  readonly all: number;
}

/** Runs that an unbounded list of a table would have. */
export function countRuns(pt: PageTable): number {
  let runs = 0;
  forEachRun(pt, () => {
    runs++;
  });
  return runs;
}

/**
 * The leaves of a table as at most `most` runs, by ascending IOVA, and how many runs are left out. Where there are more,
 * neighbours of a level are merged, no more than needed: first those with the smallest gap (by its power of two) whose attributes
 * agree; then those whose attributes differ, which become `mixed`; at last those with a gap of 1 GiB or more. Of what costs as
 * much the merged ones spread evenly over the address space. Runs are left out only where `most` is below the number of levels
 * that have leaves: those that map the least. Only walks are made, no list of all.
 */
export function leafRuns(pt: PageTable, most: number): { readonly runs: LeafRun[]; readonly leftOut: number } {
  const merged: Run[] = [];
  forEachMerged(pt, mergeLimit(pt, most), (run) => merged.push({ ...run }));
  const bytes = ({ count, level }: Run): number => count * pt.sizes[level];
  const kept = merged.length <= most ? merged : merged.sort((a, b) => bytes(b) - bytes(a)).slice(0, most);
  kept.sort((a, b) => a.start - b.start);
  return { runs: kept.map((run) => leafRun(pt, run)), leftOut: merged.length - kept.length };
}

/** How far runs have to be merged so that no more than `most` are left, if that can be. */
function mergeLimit(pt: PageTable, most: number): MergeLimit {
  const costs = new Float64Array(COSTS);
  let surplus = -most;
  forEachLink(pt, (_run, before, cost) => {
    surplus++;
    if (before !== null) costs[cost]++;
  });
  let cost = 0;
  while (cost < COSTS && surplus > costs[cost]) surplus -= costs[cost++];
  return { cost, some: Math.max(surplus, 0), all: costs[cost] ?? 0 };
}

/** Visits the runs that are left after merging: those of a level by ascending IOVA. */
function forEachMerged(pt: PageTable, { cost: limit, some, all }: MergeLimit, give: GiveRun): void {
  const open: (Run | null)[] = new Array<Run | null>(LEVELS).fill(null);
  let seen = 0;
  // Those that are not merged part all into ranges of equal length: one begins where the share so far rises.
  const parts = all - some + 1;
  const wanted = (): boolean => Math.floor((seen * parts) / (all + 1)) === Math.floor((++seen * parts) / (all + 1));
  forEachLink(pt, (run, before, cost) => {
    const last = open[run.level];
    if (last !== null && before !== null && (cost < limit || (cost === limit && wanted()))) {
      last.mixed ||= !alike(before, run);
      last.end = run.end;
      last.count += run.count;
      last.paddr = SCATTERED;
      return;
    }
    if (last !== null) give(last);
    open[run.level] = { ...run };
  });
  for (const last of open) if (last !== null) give(last);
}

/** Visits the runs of a table with the one before each. */
function forEachLink(pt: PageTable, give: GiveLink): void {
  const last: (Run | null)[] = new Array<Run | null>(LEVELS).fill(null);
  forEachRun(pt, (run) => {
    const before = last[run.level];
    if (before === null) {
      give(run, null, -1);
      last[run.level] = { ...run };
      return;
    }
    const gap = classOf(run.start - before.end);
    give(run, before, gap < FAR && alike(before, run) ? gap : FAR + gap);
    Object.assign(before, run);
  });
}

function alike(a: Readonly<Run>, b: Readonly<Run>): boolean {
  return sameAttributes(a.pteHi, a.pteLo, b.pteHi, b.pteLo);
}

/**
 * Visits the runs of a table: neighbouring leaves of a level whose attributes agree and whose addresses rise together. Leaves
 * of one level below a table that several entries point to are one run without an address, and so are those of several such
 * entries side by side: a few shared tables may stand for millions of leaves.
 */
function forEachRun(pt: PageTable, give: GiveRun): void {
  const run: Run = { start: 0, end: 0, count: 0, level: 0, paddr: 0, pteHi: 0, pteLo: 0, mixed: false };
  const add = (
    start: number,
    end: number,
    count: number,
    level: number,
    paddr: number,
    hi: number,
    lo: number,
  ): void => {
    const goesOn =
      run.count > 0 &&
      run.end === start &&
      run.level === level &&
      (paddr === SCATTERED ? run.paddr === SCATTERED : run.paddr + (run.end - run.start) === paddr) &&
      sameAttributes(run.pteHi, run.pteLo, hi, lo);
    if (!goesOn) {
      if (run.count > 0) give(run);
      run.start = start;
      run.count = 0;
      run.level = level;
      run.paddr = paddr;
      run.pteHi = hi;
      run.pteLo = lo;
    }
    run.end = end;
    run.count += count;
  };
  const shared = new SharedLeaves(pt);
  visitEntries(pt, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
    const start = offsetOf(pt, iovaHi, iovaLo);
    const end = start + pt.sizes[level];
    if (kid === 0) {
      const paddr = unpackHi(pteHi, pteLo, pt.granule64K) * TWO_32 + unpackLo(pteLo, pt.granule64K);
      add(start, end, 1, level, paddr, pteHi, pteLo);
      return true;
    }
    const below = shared.below(kid, level + 1);
    if (below === null) return true;
    add(start, end, (end - start) / pt.sizes[below.level], below.level, SCATTERED, below.pteHi, below.pteLo);
    return false;
  });
  if (run.count > 0) give(run);
}

function leafRun(pt: PageTable, { start, end, count, level, paddr, pteHi, pteLo, mixed }: Readonly<Run>): LeafRun {
  const unmapped = end - start - count * pt.sizes[level];
  return {
    iova: hex64(iovaHiAt(pt, start), iovaLoAt(pt, start)),
    size: end - start,
    count,
    level,
    paddr: paddr === SCATTERED ? null : hexNumber(paddr),
    attrs: mixed ? MIXED : leafText(decodeDescriptor(pt, level, pteHi, pteLo)),
    ...(unmapped === 0 ? {} : { unmapped }),
  };
}

function classOf(bytes: number): number {
  return bytes <= 0 ? 0 : 1 + Math.floor(Math.log2(bytes));
}
