import { address } from '../../../../base/u64.ts';
import type { EventHead } from '../../event-head.ts';
import type { IommuMap, IommuUnmap } from '../../payload.ts';
import { nanoseconds } from '../time-stamp.ts';
import { type LineHead, NOBODY } from './line-heads.ts';

/**
 * A request of the IOMMU core as one line tells it, of which nothing but the line is known. One is filled again and again:
 * its numbers are of 32 bits, so that nothing is made for a line.
 */
export class QuickLine {
  /** Thread, CPU and command. */
  head: LineHead = NOBODY;
  isMap = false;
  /** Halves of addresses, signed. */
  iovaHi = 0;
  iovaLo = 0;
  paddrHi = 0;
  paddrLo = 0;
  /** Bytes asked for, and for an unmap those that it did. */
  size = 0;
  unmapped = 0;
  /** Its time, of which there is one. */
  seconds = 0;
  nanos = 0;

  /** Becomes the same as another. */
  copy(other: QuickLine): void {
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

/** Nanoseconds at which a line was recorded, NO_STAMP from 2^53 on. */
export function stampOf({ seconds, nanos }: QuickLine): number {
  return nanoseconds(seconds, nanos);
}

/** The same request as an object. */
export function payloadOf(line: QuickLine): IommuMap | IommuUnmap {
  const { size } = line;
  const iova = address(line.iovaHi, line.iovaLo);
  if (!line.isMap) return { kind: 'iommu-unmap', name: null, iova, size, unmapped: line.unmapped };
  return {
    kind: 'iommu-map',
    name: null,
    iova,
    paddr: address(line.paddrHi, line.paddrLo),
    size,
    prot: null,
    ret: 0,
  };
}

/** Where and when it was made, as an object. */
export function headOf({ seconds, nanos, head: { thread, level, cpu, comm } }: QuickLine): EventHead {
  return { thread, level, cpu, comm, seconds, nanos };
}
