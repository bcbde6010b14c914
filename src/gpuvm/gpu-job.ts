import type { BufferObject } from './buffer-object.ts';

export const GPU_MAP = 0;
export const GPU_UNMAP = 1;
export const GPU_MAP_NULL = 2;
export const GPU_SYNC_ONLY = 3;

/** One operation of a VM_BIND ioctl. */
export interface GpuOp {
  readonly kind: number;
  /** First address and bytes: exact where they are multiples of a page. */
  readonly start: number;
  readonly size: number;
  /** What is mapped from `offset` on; null for what maps no object. */
  readonly object: BufferObject | null;
  readonly offset: number;
  /** The driver's own flags. */
  readonly flags: number;
  /** Address, size and offset are multiples of 4096. */
  readonly aligned: boolean;
}

/** One VM_BIND ioctl between its submission and its cleanup, and what came of it. */
export class GpuJob {
  readonly name: string;
  readonly sync: boolean;
  readonly ops: readonly GpuOp[];
  /** Number of its event, from 0, and line of the input. */
  readonly seq: number;
  readonly line: number;
  /** All of its ranges lie in [low, high). */
  readonly low: number;
  readonly high: number;
  ret = 0;
  /** Which operation failed first; -1: none. */
  failedOp = -1;
  reserved = 0;
  used = 0;
  /** What the allocator gave for it, as the driver's unit of reservation is. */
  readonly tickets: number[] = [];
  /** It waits between its submission and its run: worth knowing what it would have taken at once. */
  waits = false;
  /** By unit of reservation: tables that were missing at submission. */
  readonly estimates: number[] = [];
  /** What the driver has queued at submission for the run, in a form of its own. */
  readonly queued: number[] = [];
  /** What the driver answered, where it is no errno. */
  oops = false;

  constructor(name: string, sync: boolean, ops: readonly GpuOp[], seq: number, line: number) {
    this.name = name;
    this.sync = sync;
    this.ops = ops;
    let low = Number.POSITIVE_INFINITY;
    let high = 0;
    for (const { kind, start, size } of ops) {
      if (kind === GPU_SYNC_ONLY) continue;
      if (start < low) low = start;
      if (start + size > high) high = start + size;
    }
    this.low = low;
    this.high = high;
    this.seq = seq;
    this.line = line;
  }

  /** Notes the first failure; later ones do not change the answer. */
  fail(ret: number, op: number): void {
    if (this.ret !== 0) return;
    this.ret = ret;
    this.failedOp = op;
  }
}
