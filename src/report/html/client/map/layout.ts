import type { Extent, Item } from './space.ts';

/** Addresses that are shown to scale, and where: from `left` to `right` of the whole width, which is 1. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly left: number;
  readonly right: number;
}

/** A place on the map: an address, or the gap behind a segment. */
export type Place = { readonly iova: number } | { readonly fold: number };

const LAST_LEVEL = 3;
/** Gaps above this share of all that is used are folded. */
const FOLDED = 0.02;
/** Width of a fold, and of all folds together at most. */
const FOLD_WIDTH = 0.015;
const FOLDS_WIDTH = 0.25;
/** Share of the width that segments have in common, however small they are. */
const ALIKE = 0.5;

/** Where addresses stand on the map: the used ones to scale, far gaps between them folded. */
export class Layout {
  readonly segments: readonly Segment[];

  constructor(items: readonly Item[]) {
    const ranges = joined(shownRanges(items));
    const used = ranges.reduce((sum, { size }) => sum + size, 0);
    const folds = ranges.length - 1;
    const fold = folds === 0 ? 0 : Math.min(FOLD_WIDTH, FOLDS_WIDTH / folds);
    const room = 1 - fold * folds;
    let left = 0;
    this.segments = ranges.map(({ iova, size }) => {
      const width = room * (ALIKE / ranges.length + (1 - ALIKE) * (size / used));
      const segment = { start: iova, end: iova + size, left, right: left + width };
      left += width + fold;
      return segment;
    });
  }

  /** Where an address stands; in a fold: at its beginning. */
  x(iova: number): number {
    const segment = this.segments[Math.max(this.#segmentAt(iova), 0)];
    const share = (iova - segment.start) / (segment.end - segment.start);
    return segment.left + Math.min(Math.max(share, 0), 1) * (segment.right - segment.left);
  }

  /** What stands at a place from 0 to 1. */
  at(x: number): Place {
    let at = this.segments.findIndex(({ right }) => x < right);
    if (at < 0) at = this.segments.length - 1;
    const { start, end, left, right } = this.segments[at];
    if (x < left) return { fold: at - 1 };
    const bytes = Math.floor(((x - left) / (right - left)) * (end - start));
    return { iova: Math.min(start + bytes, end - 1) };
  }

  /** The folded gap behind a segment. */
  fold(at: number): Extent {
    const { end } = this.segments[at];
    return { iova: end, size: this.segments[at + 1].start - end };
  }

  /** Width of a byte at an address. */
  scaleAt(iova: number): number {
    const { start, end, left, right } = this.segments[Math.max(this.#segmentAt(iova), 0)];
    return (right - left) / (end - start);
  }

  #segmentAt(iova: number): number {
    let [low, high] = [0, this.segments.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.segments[middle].start <= iova) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/**
 * What has to be seen: leaves, reservations, tables of the last level, and those above that point to nothing. Other tables, and
 * the start table, span far more than is used.
 */
function shownRanges(items: readonly Item[]): Extent[] {
  const start = Math.min(...items.map((item) => (item.kind === 'table' ? item.level : LAST_LEVEL)));
  const shown = items.filter(
    (item) => item.kind !== 'table' || item.level === LAST_LEVEL || (item.live === 0 && item.level > start),
  );
  const ranges = shown.length > 0 ? shown : items;
  return ranges.length > 0 ? [...ranges] : [{ iova: 0, size: 1 }];
}

/** Ranges in order, those joined between which no gap is worth a fold. */
function joined(ranges: readonly Extent[]): Extent[] {
  const sorted = [...ranges].sort((a, b) => a.iova - b.iova);
  const used = merge(sorted, 0).reduce((sum, { size }) => sum + size, 0);
  return merge(sorted, used * FOLDED);
}

function merge(sorted: readonly Extent[], gap: number): Extent[] {
  const result: { iova: number; size: number }[] = [];
  for (const { iova, size } of sorted) {
    const last = result.at(-1);
    if (last !== undefined && iova - (last.iova + last.size) <= gap) {
      last.size = Math.max(last.size, iova + size - last.iova);
    } else result.push({ iova, size });
  }
  return result;
}
