import { addHi, addLo, compare64, distance64 } from '../../base/u64.ts';
import { sameAttributes } from '../../lpae/format/decode-descriptor.ts';
import { unpackHi, unpackLo } from '../../lpae/format/descriptor.ts';
import { LEVELS } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { type DumpFilter, visitSelected } from './filter.ts';
import type { MergeRule } from './view.ts';

/** A run of neighbouring leaves. Reused between calls. */
export interface LeafRange {
  startHi: number;
  startLo: number;
  lastHi: number;
  lastLo: number;
  paddrHi: number;
  paddrLo: number;
  paddrLastHi: number;
  paddrLastLo: number;
  bytes: number;
  /** The physical addresses follow each other all along. */
  contiguous: boolean;
  /** Leaves by level. */
  readonly leaves: number[];
  /** The first leaf: its level and value, for the attributes. */
  level: number;
  pteHi: number;
  pteLo: number;
}

/**
 * Gives the merged ranges of the selected leaves in order of address, cut to the bounds of the filter (a single address
 * is not a bound: its leaf is given whole). Attributes are all bits but type and address, so a clean and a dirty leaf differ.
 */
export function forEachRange(
  pt: PageTable,
  filter: DumpFilter,
  rule: MergeRule,
  give: (range: LeafRange) => void,
): void {
  const bounds = filter.iova === null || filter.iova.single ? null : filter.iova;
  const range: LeafRange = {
    startHi: 0,
    startLo: 0,
    lastHi: 0,
    lastLo: 0,
    paddrHi: 0,
    paddrLo: 0,
    paddrLastHi: 0,
    paddrLastLo: 0,
    bytes: 0,
    contiguous: true,
    leaves: new Array(LEVELS).fill(0),
    level: 0,
    pteHi: 0,
    pteLo: 0,
  };
  visitSelected(pt, filter, (entry, selected) => {
    if (!selected || entry.kid !== 0) return;
    const { level, pteHi, pteLo } = entry;
    let size = pt.sizes[level];
    let hi = entry.iovaHi;
    let lo = entry.iovaLo;
    let lastHi = addHi(hi, lo, size - 1);
    let lastLo = addLo(lo, size - 1);
    let paddrLo = unpackLo(pteLo, pt.granule64K);
    let paddrHi = unpackHi(pteHi, pteLo, pt.granule64K);
    if (bounds !== null) {
      if (compare64(hi, lo, bounds.startHi, bounds.startLo) < 0) {
        const cut = distance64(bounds.startHi, bounds.startLo, hi, lo);
        hi = bounds.startHi;
        lo = bounds.startLo;
        paddrHi = addHi(paddrHi, paddrLo, cut);
        paddrLo = addLo(paddrLo, cut);
      }
      if (compare64(lastHi, lastLo, bounds.lastHi, bounds.lastLo) > 0) {
        lastHi = bounds.lastHi;
        lastLo = bounds.lastLo;
      }
      size = distance64(lastHi, lastLo, hi, lo) + 1;
    }
    const follows = range.bytes > 0 && addLo(range.lastLo, 1) === lo && addHi(range.lastHi, range.lastLo, 1) === hi;
    const paddrFollows =
      addLo(range.paddrLastLo, 1) === paddrLo && addHi(range.paddrLastHi, range.paddrLastLo, 1) === paddrHi;
    const joins =
      rule !== 'none' &&
      follows &&
      sameAttributes(range.pteHi, range.pteLo, pteHi, pteLo) &&
      (rule === 'attrs' || paddrFollows);
    if (joins) {
      if (!paddrFollows) range.contiguous = false;
      range.bytes += size;
    } else {
      if (range.bytes > 0) give(range);
      range.startHi = hi;
      range.startLo = lo;
      range.paddrHi = paddrHi;
      range.paddrLo = paddrLo;
      range.bytes = size;
      range.contiguous = true;
      range.leaves.fill(0);
      range.level = level;
      range.pteHi = pteHi;
      range.pteLo = pteLo;
    }
    range.lastHi = lastHi;
    range.lastLo = lastLo;
    range.paddrLastHi = addHi(paddrHi, paddrLo, size - 1);
    range.paddrLastLo = addLo(paddrLo, size - 1);
    range.leaves[level]++;
  });
  if (range.bytes > 0) give(range);
}
