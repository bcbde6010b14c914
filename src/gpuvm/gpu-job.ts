import type { BufferObject } from './buffer-object.ts';
import type { MapRequest } from './split.ts';
import { NO_OBJECT } from './vma-space.ts';

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

/** What a map asks of the VMAs. */
export function requestOf({ start, size, object, offset }: GpuOp): MapRequest {
  return { start, end: start + size, object: object === null ? NO_OBJECT : object.index, offset };
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
  /** By ascending start: where its ranges begin, and how far those up to each reach. Made when first asked for. */
  #starts: Float64Array | null = null;
  #reach = new Float64Array(0);
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

  /** True when one of its operations has a byte of [start, end). */
  meets(start: number, end: number): boolean {
    if (start >= this.high || end <= this.low) return false;
    const starts = this.#starts ?? this.#index();
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle] < end) low = middle + 1;
      else high = middle;
    }
    return low > 0 && this.#reach[low - 1] > start;
  }

  #index(): Float64Array {
    const ops = this.ops.filter(({ kind, size }) => kind !== GPU_SYNC_ONLY && size > 0);
    ops.sort((a, b) => a.start - b.start);
    const starts = Float64Array.from(ops, ({ start }) => start);
    this.#reach = new Float64Array(ops.length);
    let reach = 0;
    for (const [i, { start, size }] of ops.entries()) {
      reach = Math.max(reach, start + size);
      this.#reach[i] = reach;
    }
    this.#starts = starts;
    return starts;
  }

  /** Notes the first failure; later ones do not change the answer. */
  fail(ret: number, op: number): void {
    if (this.ret !== 0) return;
    this.ret = ret;
    this.failedOp = op;
  }
}
