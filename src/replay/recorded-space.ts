import { LiveRanges } from '../trace/import/domains/live-ranges.ts';

/** What a recording has mapped in one address space so far, by what it says succeeded. */
export class RecordedSpace {
  readonly ranges = new LiveRanges();
  /** A map failed: how much of it stayed for a moment is not known, so that nothing is held against this space any more. */
  uncertain = false;

  /** Pages from `page` on, `pages` at most, that are live without a hole. */
  livePages(page: number, pages: number): number {
    const { ranges } = this;
    if (ranges.isExactly(page, pages)) return pages;
    let at = page;
    const end = page + pages;
    while (at < end) {
      const found = ranges.firstOverlap(at, 1);
      if (found === null) break;
      at = found.page + found.pages;
    }
    return Math.min(at, end) - page;
  }
}
