/** Smallest range, and those from which on a larger one is taken. */
const PAGE = 2 ** 12;
const HUGE = 2 ** 21;
const HUGE_LEAST = 2 ** 24;

/** What a bind call invalidates: one range around all that its operations touched. */
export class InvalidationRange {
  #start = Number.POSITIVE_INFINITY;
  #end = 0;

  /** Takes in [start, end), widened to entries of the highest level touched (xe_pt.c:xe_pt_update_ops_rfence_interval). */
  include(start: number, end: number, level: number): void {
    const size = 2 ** (12 + 9 * level);
    this.#start = Math.min(this.#start, Math.floor(start / size) * size);
    this.#end = Math.max(this.#end, Math.ceil(end / size) * size);
  }

  /**
   * The range as the GuC takes it: an aligned power of two of at least 4K, and from 2M on of at least 16M
   * (xe_guc_tlb_inval.c:send_tlb_inval_ppgtt).
   */
  forFirmware(): { readonly start: number; readonly size: number } {
    let size = PAGE;
    while (size < this.#end - this.#start) size *= 2;
    while (Math.floor(this.#start / size) * size + size < this.#end) size *= 2;
    if (size >= HUGE) size = Math.max(size, HUGE_LEAST);
    return { start: Math.floor(this.#start / size) * size, size };
  }
}
