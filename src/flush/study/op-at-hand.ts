import { LeafRuns } from './leaf-runs.ts';
import type { StudiedOp } from './studied-policy.ts';

/** What is known of an operation before it runs. */
export interface Operation {
  readonly isMap: boolean;
  /** First IOVA as a double, and bytes. */
  readonly start: number;
  readonly size: number;
  /** Page size of a raw call; else 0. */
  readonly pgsize: number;
  /** An unmap whose leaves wait for a flush queue. */
  readonly queued: boolean;
  /** Nanoseconds of the trace, NaN where there are none; what stands for the CPU. */
  readonly time: number;
  readonly cpu: number;
}

/** The operation that a study watches. */
export class OpAtHand implements StudiedOp {
  kind: StudiedOp['kind'] = 'other';
  start = 0;
  end = 0;
  /** As it was asked for. */
  askedStart = 0;
  askedEnd = 0;
  called = false;
  bytes = 0;
  queued = false;
  driverFlushed = false;
  readonly untold: boolean;
  freelist = false;
  freelistTables = 0;
  readonly gone = new LeafRuns();
  time = Number.NaN;
  cpu = 0;

  constructor(untold: boolean) {
    this.untold = untold;
  }

  /** It begins; its range in whole pages. */
  begin({ isMap, start, size, queued, time, cpu }: Operation, granule: number): void {
    this.kind = isMap ? 'map' : 'unmap';
    this.askedStart = Math.floor(start / granule) * granule;
    this.start = this.askedStart;
    this.askedEnd = Math.ceil((start + size) / granule) * granule;
    this.end = this.askedEnd;
    this.called = false;
    this.bytes = 0;
    this.queued = queued;
    this.driverFlushed = false;
    this.freelistTables = 0;
    this.time = time;
    this.cpu = cpu;
    this.gone.clear();
  }

  /** Something happens between operations. */
  beginUnannounced(): void {
    this.kind = 'other';
    this.start = Number.POSITIVE_INFINITY;
    this.end = Number.NEGATIVE_INFINITY;
    this.called = false;
    this.bytes = 0;
    this.queued = false;
    this.driverFlushed = false;
    this.freelistTables = 0;
    this.gone.clear();
  }

  /** It reaches further than it was asked to. */
  widen(start: number, end: number): void {
    if (start < this.start) this.start = start;
    if (end > this.end) this.end = end;
    this.called = true;
  }
}
