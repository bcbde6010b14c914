import { LiveRanges } from '../trace/import/domains/live-ranges.ts';

/** What a recording has mapped in one address space so far, by what it says succeeded. */
export class RecordedSpace {
  readonly ranges = new LiveRanges();
  /** A map failed: how much of it stayed for a moment is not known, so that nothing is held against this space any more. */
  uncertain = false;
}
