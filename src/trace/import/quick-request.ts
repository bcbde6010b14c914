import { address } from '../../base/u64.ts';
import type { EventHead } from './event-head.ts';
import type { IommuMap, IommuUnmap } from './payload.ts';
import { nanoseconds } from './text/time-stamp.ts';

/** Who made requests, as many of them say alike; made once, for all of these. */
export class QuickHead {
  readonly thread: string;
  /** What the thread was doing: 0 task (or not recorded), 1 softirq, 2 hardirq, 3 NMI. */
  readonly level: number;
  /** -1 when the recording does not say. */
  readonly cpu: number;
  readonly comm: string;
  /** Number of the thread among those of the trace that is written; -1 until it has one. */
  threadIndex = -1;
  /** Number of the task, or of the interrupt level of it, among those that the inference knows; -1 until it has one. */
  context = -1;

  constructor(thread: string, level: number, cpu: number, comm: string) {
    this.thread = thread;
    this.level = level;
    this.cpu = cpu;
    this.comm = comm;
  }
}

/** In place of a head where none was read. */
const NOBODY = new QuickHead('', 0, -1, '');

/**
 * A request of the IOMMU core as one line or record tells it, of which nothing but that is known. One is filled again and
 * again: its numbers are of 32 bits, so that nothing is made for a request.
 */
export class QuickRequest {
  /** Thread, CPU and command. */
  head: QuickHead = NOBODY;
  isMap = false;
  /** Halves of addresses, signed. */
  iovaHi = 0;
  iovaLo = 0;
  paddrHi = 0;
  paddrLo = 0;
  /** Bytes asked for, and for an unmap those that it did. */
  size = 0;
  unmapped = 0;
  /** Its time in two parts; the seconds are NO_STAMP where it has none. */
  seconds = 0;
  nanos = 0;

  /** Becomes the same as another. */
  copy(other: QuickRequest): void {
    this.head = other.head;
    this.isMap = other.isMap;
    this.iovaHi = other.iovaHi;
    this.iovaLo = other.iovaLo;
    this.paddrHi = other.paddrHi;
    this.paddrLo = other.paddrLo;
    this.size = other.size;
    this.unmapped = other.unmapped;
    this.seconds = other.seconds;
    this.nanos = other.nanos;
  }
}

/** Nanoseconds at which a request was recorded; NO_STAMP where that is unknown, and from 2^53 on. */
export function stampOf({ seconds, nanos }: QuickRequest): number {
  return nanoseconds(seconds, nanos);
}

/** The same request as an object. */
export function payloadOf(request: QuickRequest): IommuMap | IommuUnmap {
  const { size } = request;
  const iova = address(request.iovaHi, request.iovaLo);
  if (!request.isMap) return { kind: 'iommu-unmap', name: null, iova, size, unmapped: request.unmapped };
  return {
    kind: 'iommu-map',
    name: null,
    iova,
    paddr: address(request.paddrHi, request.paddrLo),
    size,
    prot: null,
    ret: 0,
  };
}

/** Where and when it was made, as an object. */
export function headOf({ seconds, nanos, head: { thread, level, cpu, comm } }: QuickRequest): EventHead {
  return { thread, level, cpu, comm, seconds, nanos };
}
