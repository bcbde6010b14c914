import { TWO_32 } from '../../base/u64.ts';
import { unpackHi, unpackLo } from '../../lpae/format/descriptor.ts';
import type { PageTable } from '../../lpae/page-table.ts';

const FIRST_ROOM = 64;

/**
 * What leaves of a range translate, as runs in ascending order: addresses are doubles (multiples of a page below 2^64), ends
 * exclusive, `shift` the distance from an IOVA to its physical address. Leaves that continue each other are one run.
 */
export class LeafRuns {
  length = 0;
  bytes = 0;
  start = new Float64Array(FIRST_ROOM);
  end = new Float64Array(FIRST_ROOM);
  shift = new Float64Array(FIRST_ROOM);
  /** Bytes of one leaf. */
  page = new Float64Array(FIRST_ROOM);

  clear(): void {
    this.length = 0;
    this.bytes = 0;
  }

  push(start: number, end: number, shift: number, page: number): void {
    this.bytes += end - start;
    const last = this.length - 1;
    if (last >= 0 && this.end[last] === start && this.shift[last] === shift && this.page[last] === page) {
      this.end[last] = end;
      return;
    }
    if (this.length === this.start.length) this.#grow();
    const at = this.length++;
    this.start[at] = start;
    this.end[at] = end;
    this.shift[at] = shift;
    this.page[at] = page;
  }

  /** Leaves out what lies before `start` or behind `end`, of the first and the last run. */
  clip(start: number, end: number): void {
    const last = this.length - 1;
    if (last < 0) return;
    this.start[0] = Math.max(this.start[0], start);
    this.end[last] = Math.min(this.end[last], end);
  }

  /** Adds every leaf that translates anything of [start, end), as a whole. */
  collect(pt: PageTable, start: number, end: number): void {
    if (pt.root !== 0 && start < end) this.#table(pt, pt.root, pt.startLevel, start, end);
  }

  #table(pt: PageTable, table: number, level: number, start: number, end: number): void {
    const { memory } = pt;
    const { lo, hi, kid } = memory;
    const size = pt.sizes[level];
    const entries = pt.entriesAt(level);
    let at = start - (start % size);
    let index = pt.indexAt(level, Math.floor(start / TWO_32) | 0, start | 0);
    for (; index < entries && at < end; index++, at += size) {
      const entry = table + index;
      const low = lo[entry];
      if (low === 0) continue;
      const below = kid[entry];
      if (below !== 0) {
        if (memory.liveOf(below) > 0) {
          this.#table(pt, below, level + 1, at > start ? at : start, at + size < end ? at + size : end);
        }
        continue;
      }
      const paddr = unpackHi(hi[entry], low, pt.granule64K) * TWO_32 + unpackLo(low, pt.granule64K);
      this.push(at, at + size, paddr - at, size);
    }
  }

  #grow(): void {
    const { start, end, shift, page, length } = this;
    this.start = new Float64Array(length * 2);
    this.end = new Float64Array(length * 2);
    this.shift = new Float64Array(length * 2);
    this.page = new Float64Array(length * 2);
    this.start.set(start);
    this.end.set(end);
    this.shift.set(shift);
    this.page.set(page);
  }
}

/**
 * What of `before` is translated otherwise, or not at all, in `after`: added to `gone`; the part of it where something else is
 * mapped now also to `replaced`.
 */
export function difference(before: LeafRuns, after: LeafRuns, gone: LeafRuns, replaced: LeafRuns): void {
  let j = 0;
  for (let i = 0; i < before.length; i++) {
    const end = before.end[i];
    const shift = before.shift[i];
    const page = before.page[i];
    let at = before.start[i];
    while (j > 0 && after.end[j - 1] > at) j--;
    while (at < end) {
      while (j < after.length && after.end[j] <= at) j++;
      const hole = j < after.length && after.start[j] < end ? after.start[j] : end;
      if (hole > at) {
        gone.push(at, hole, shift, page);
        at = hole;
        continue;
      }
      const to = Math.min(end, after.end[j]);
      if (after.shift[j] !== shift) {
        gone.push(at, to, shift, page);
        replaced.push(at, to, shift, page);
      }
      at = to;
    }
  }
}
