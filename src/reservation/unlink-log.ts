import { compare64, distance64 } from '../base/u64.ts';

/** A range whose tables were unlinked, and the tick. */
export interface Unlink {
  readonly at: number;
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
}

/** Unlinks during the operations that ask for it: those that take time and would have to start anew. */
export class UnlinkLog {
  readonly #unlinks: Unlink[] = [];
  #until = Number.NEGATIVE_INFINITY;

  /** Unlinks up to the tick `end` are to be kept, beside those of earlier calls whose time has not passed. */
  keepUntil(now: number, end: number): void {
    if (now > this.#until) this.#unlinks.length = 0;
    if (end > this.#until) this.#until = end;
  }

  add(unlink: Unlink): void {
    if (unlink.at <= this.#until) this.#unlinks.push(unlink);
  }

  /** How many unlinks after the tick `time` have a byte in common with `size` bytes from an IOVA. */
  since(time: number, hi: number, lo: number, size: number): number {
    let count = 0;
    for (const unlink of this.#unlinks) if (unlink.at > time && meets(unlink, hi, lo, size)) count++;
    return count;
  }
}

/** True when an IOVA lies in the range of an unlink. */
export function contains(range: Unlink, hi: number, lo: number): boolean {
  if (compare64(hi, lo, range.iovaHi, range.iovaLo) < 0) return false;
  return distance64(hi, lo, range.iovaHi, range.iovaLo) < range.size;
}

function meets(range: Unlink, hi: number, lo: number, size: number): boolean {
  const distance = distance64(hi >>> 0, lo >>> 0, range.iovaHi, range.iovaLo);
  return distance < range.size && -distance < size;
}
