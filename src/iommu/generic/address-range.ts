import { addHi, addLo } from '../../base/u64.ts';
import type { PageTable } from '../../lpae/page-table.ts';

/** Where a walk over a range of IOVAs stands. Halves are unsigned, sizes bytes. */
export class RangePosition {
  /** First IOVA of the range, and its bytes. */
  startHi = 0;
  startLo = 0;
  size = 0;
  /** Bytes walked, and the IOVA that they lead to. */
  done = 0;
  hi = 0;
  lo = 0;

  begin(hi: number, lo: number, size: number): void {
    this.startHi = hi >>> 0;
    this.startLo = lo >>> 0;
    this.size = size;
    this.done = 0;
    this.hi = this.startHi;
    this.lo = this.startLo;
  }

  /** Goes on by `bytes`; the last leaf of an unmap may lead past the end. */
  advance(bytes: number): void {
    this.done += bytes;
    this.hi = addHi(this.startHi, this.startLo, this.done);
    this.lo = addLo(this.startLo, this.done);
  }

  get left(): number {
    return this.size - this.done;
  }

  /** The address at hand, or-ed with another one, is a multiple of an entry of `level`. */
  isAligned(pt: PageTable, level: number, orHi = 0, orLo = 0): boolean {
    const shift = pt.shifts[level];
    const low = this.lo | orLo;
    if (shift < 32) return (low & ((1 << shift) - 1)) === 0;
    return low === 0 && ((this.hi | orHi) & ((1 << (shift - 32)) - 1)) === 0;
  }
}
