import { LiveRanges } from '../../trace/import/domains/live-ranges.ts';

/** What a recording has mapped in one address space so far, by what it says succeeded. */
export class RecordedSpace {
  readonly ranges = new LiveRanges();
  /** Pages of raw maps that failed: how many of them were written, until the core took them back, is not recorded. */
  readonly doubtful = new LiveRanges();
  /** Something happened here before the first event that tells what it returned: nothing is held against this space. */
  readonly uncertain: boolean;

  constructor(uncertain: boolean) {
    this.uncertain = uncertain;
  }
}
