import { TWO_32 } from '../base/u64.ts';
import type { TableShape } from './table/table-shape.ts';

/*
 * Ranges of one address space as doubles: bytes from its first IOVA, so that TTBR1 addresses start at 0 as well. With at
 * most 52 input bits an offset, and an exclusive end, is exact. None of this is on the path of a map or unmap.
 */

/** Offset of an IOVA that is in range. */
export function offsetOf(shape: TableShape, iovaHi: number, iovaLo: number): number {
  return ((iovaHi & ~shape.iovaMaskHi) >>> 0) * TWO_32 + ((iovaLo & ~shape.iovaMaskLo) >>> 0);
}

/** High half of the IOVA at an offset. */
export function iovaHiAt(shape: TableShape, offset: number): number {
  return (Math.floor(offset / TWO_32) | shape.iovaWantHi) >>> 0;
}

/** Its low half. */
export function iovaLoAt(shape: TableShape, offset: number): number {
  return (offset | shape.iovaWantLo) >>> 0;
}

/** True when every byte of `size` bytes from an IOVA lies in the address space. `size` is above 0. */
export function spanInRange(shape: TableShape, iovaHi: number, iovaLo: number, size: number): boolean {
  return shape.iovaInRange(iovaHi, iovaLo) && offsetOf(shape, iovaHi, iovaLo) + size <= 2 ** shape.config.ias;
}
