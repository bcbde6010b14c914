import { hex64, hexNumber, TWO_32 } from '../../base/u64.ts';
import { decodeDescriptor, leafText, sameAttributes } from '../../lpae/format/decode-descriptor.ts';
import { unpackHi, unpackLo } from '../../lpae/format/descriptor.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { visitEntries } from '../../lpae/visit.ts';
import { iovaHiAt, iovaLoAt, offsetOf } from '../../reservation/offsets.ts';
import type { LeafRun } from '../space-map.ts';

/** Classes of a number of bytes: 0 for none, else one for each power of two. */
const CLASSES = 66;
/** Physical address of a run whose leaves are scattered. */
const SCATTERED = -1;

/** A run of leaves of one level. Reused between calls. */
interface Run {
  /** Bytes from the first IOVA of the address space, and bytes. */
  start: number;
  end: number;
  count: number;
  level: number;
  paddr: number;
  /** The first leaf, for the attributes. */
  pteHi: number;
  pteLo: number;
}

type GiveRun = (run: Readonly<Run>) => void;

/** Which neighbours of the same level and attributes become one run: those with a gap of a class below, and so many of that class. */
interface MergeLimit {
  readonly gapClass: number;
  readonly ofClass: number;
}

const NO_MERGE: MergeLimit = { gapClass: -1, ofClass: 0 };

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
 * neighbours are merged that agree in level and attributes, those with the smallest gap first (by its power of two, then by
 * address) and no more than needed; if they are still too many, the smallest are left out. Only walks are made, no list of all.
 */
export function leafRuns(pt: PageTable, most: number): { readonly runs: LeafRun[]; readonly leftOut: number } {
  const limit = mergeLimit(pt, most);
  const sizes = new Float64Array(CLASSES);
  let total = 0;
  forEachMerged(pt, limit, ({ start, end }) => {
    sizes[classOf(end - start)]++;
    total++;
  });
  // From the largest down: the class that does not fit as a whole has places for its first.
  let least = CLASSES - 1;
  let places = most;
  while (least > 0 && places >= sizes[least]) places -= sizes[least--];
  const runs: LeafRun[] = [];
  forEachMerged(pt, limit, (run) => {
    const size = classOf(run.end - run.start);
    if (size < least || (size === least && places-- <= 0)) return;
    runs.push(leafRun(pt, run));
  });
  return { runs, leftOut: total - runs.length };
}

/** How far runs have to be merged so that no more than `most` are left, if that can be. */
function mergeLimit(pt: PageTable, most: number): MergeLimit {
  const gaps = new Float64Array(CLASSES);
  let runs = 0;
  let last: Run | null = null;
  forEachRun(pt, (run) => {
    runs++;
    if (last !== null && mergeable(last, run)) gaps[classOf(run.start - last.end)]++;
    last = { ...run };
  });
  let surplus = runs - most;
  if (surplus <= 0) return NO_MERGE;
  let gapClass = 0;
  while (gapClass < CLASSES - 1 && surplus > gaps[gapClass]) surplus -= gaps[gapClass++];
  return { gapClass, ofClass: surplus };
}

/** Visits the runs that are left after merging. */
function forEachMerged(pt: PageTable, { gapClass, ofClass }: MergeLimit, give: GiveRun): void {
  let places = ofClass;
  let open: Run | null = null;
  forEachRun(pt, (run) => {
    if (open !== null && mergeable(open, run)) {
      const gap = classOf(run.start - open.end);
      if (gap < gapClass || (gap === gapClass && places-- > 0)) {
        open.end = run.end;
        open.count += run.count;
        open.paddr = SCATTERED;
        return;
      }
    }
    if (open !== null) give(open);
    open = { ...run };
  });
  if (open !== null) give(open);
}

function mergeable(a: Readonly<Run>, b: Readonly<Run>): boolean {
  return a.level === b.level && sameAttributes(a.pteHi, a.pteLo, b.pteHi, b.pteLo);
}

/** Visits the runs of a table: neighbouring leaves of a level whose attributes agree and whose addresses rise together. */
function forEachRun(pt: PageTable, give: GiveRun): void {
  const run: Run = { start: 0, end: 0, count: 0, level: 0, paddr: 0, pteHi: 0, pteLo: 0 };
  visitEntries(pt, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
    if (kid !== 0) return true;
    const start = offsetOf(pt, iovaHi, iovaLo);
    const paddr = unpackHi(pteHi, pteLo, pt.granule64K) * TWO_32 + unpackLo(pteLo, pt.granule64K);
    const goesOn =
      run.count > 0 &&
      run.end === start &&
      run.level === level &&
      run.paddr + (run.end - run.start) === paddr &&
      sameAttributes(run.pteHi, run.pteLo, pteHi, pteLo);
    if (!goesOn) {
      if (run.count > 0) give(run);
      run.start = start;
      run.count = 0;
      run.level = level;
      run.paddr = paddr;
      run.pteHi = pteHi;
      run.pteLo = pteLo;
    }
    run.end = start + pt.sizes[level];
    run.count++;
    return true;
  });
  if (run.count > 0) give(run);
}

function leafRun(pt: PageTable, { start, end, count, level, paddr, pteHi, pteLo }: Readonly<Run>): LeafRun {
  const unmapped = end - start - count * pt.sizes[level];
  return {
    iova: hex64(iovaHiAt(pt, start), iovaLoAt(pt, start)),
    size: end - start,
    count,
    level,
    paddr: paddr === SCATTERED ? null : hexNumber(paddr),
    attrs: leafText(decodeDescriptor(pt, level, pteHi, pteLo)),
    ...(unmapped === 0 ? {} : { unmapped }),
  };
}

function classOf(bytes: number): number {
  return bytes <= 0 ? 0 : 1 + Math.floor(Math.log2(bytes));
}
