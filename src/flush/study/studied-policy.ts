import type { FlushQueue } from '../flush-queue.ts';
import type { LeafRuns } from './leaf-runs.ts';

/** One operation as flush policies are told of it. Addresses are doubles, ends exclusive. One object is used over and over. */
export interface StudiedOp {
  readonly kind: 'map' | 'unmap' | 'other';
  /** What it is about, widened to all that it changed. */
  readonly start: number;
  readonly end: number;
  /** It came as far as the page table. */
  readonly called: boolean;
  /** Bytes unmapped, as the operation tells them. */
  readonly bytes: number;
  /** An unmap whose leaves wait for a flush queue whatever the policy. */
  readonly queued: boolean;
  /** The driver has flushed everything by itself. */
  readonly driverFlushed: boolean;
  /** The driver gives no gather: what a policy would have been told of leaves is what is gone. */
  readonly untold: boolean;
  /** The engine puts tables on the freelist of the gather, as generic_pt does; how many of it are there. */
  readonly freelist: boolean;
  readonly freelistTables: number;
  /** Translations that it removed. */
  readonly gone: LeafRuns;
  /** Nanoseconds of the trace, NaN where there are none; the CPU, or what stands for one. */
  readonly time: number;
  readonly cpu: number;
}

/** A flush policy in a study of several: it is told of every operation, from its beginning to its end. Does nothing by itself. */
export abstract class StudiedPolicy {
  /** Invalidation commands and the syncs behind them so far; of the commands, those to devices that cache translations. */
  commands = 0;
  commandSyncs = 0;
  atcCommands = 0;
  /** Whether translations and tables may be used again is judged; else only what is issued is counted. */
  readonly judged: boolean = true;
  /** The device is kept out of the range of an operation until its flush. */
  readonly keepsOut: boolean = false;
  readonly queue: FlushQueue | null = null;

  /** What it removed waits for a flush queue: leaves, and the tables on its freelist. */
  waits(_op: StudiedOp): boolean {
    return false;
  }
  /** Walk caches of a range must go: a table was unlinked. */
  flushWalk(_hi: number, _lo: number, _size: number, _granule: number, _op: StudiedOp['kind']): void {}
  /** A gather ends: leaves of `pgsize` in [start, end] were cleared. */
  iotlbSync(
    _startHi: number,
    _startLo: number,
    _endHi: number,
    _endLo: number,
    _pgsize: number,
    _op: StudiedOp['kind'],
  ): void {}
  /** The driver flushes the whole address space. */
  driverFlush(): void {}
  /** The address space goes away. */
  teardown(): void {}
  ended(_op: StudiedOp): void {}
}
