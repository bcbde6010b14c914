/** No object behind a VMA: sparse or null mappings. */
export const NO_OBJECT = -1;

/** Entries of a run before it is cut in two. */
const RUN = 128;

/**
 * The VMAs of one GPU address space, which never overlap, in the order of their addresses (drm_gpuvm.c keeps an interval
 * tree). Addresses and sizes are doubles: multiples of a page below 2^64 are exact. A VMA is a number, an index into
 * columns, and is used again once removed.
 */
export class VmaSpace {
  /** By VMA: first address, end, object (NO_OBJECT: none), offset in it, and the driver's flags. */
  start = new Float64Array(64);
  end = new Float64Array(64);
  object = new Int32Array(64);
  offset = new Float64Array(64);
  flags = new Int32Array(64);
  size = 0;
  readonly #free: number[] = [];
  #used = 0;
  /** VMAs by ascending address in runs of at most RUN, so that an insertion moves little however many there are. */
  readonly #runs: number[][] = [[]];

  /** Adds a VMA where there is none. */
  add(start: number, end: number, object: number, offset: number, flags: number): number {
    const vma = this.#free.pop() ?? this.#used++;
    if (vma === this.start.length) this.#grow();
    this.start[vma] = start;
    this.end[vma] = end;
    this.object[vma] = object;
    this.offset[vma] = offset;
    this.flags[vma] = flags;
    const at = this.#runOf(start);
    const run = this.#runs[at];
    run.splice(this.#placeIn(run, start), 0, vma);
    if (run.length > RUN) this.#runs.splice(at + 1, 0, run.splice(RUN / 2));
    this.size++;
    return vma;
  }

  remove(vma: number): void {
    const start = this.start[vma];
    const at = this.#runOf(start);
    const run = this.#runs[at];
    run.splice(this.#placeIn(run, start), 1);
    if (run.length === 0 && this.#runs.length > 1) this.#runs.splice(at, 1);
    this.#free.push(vma);
    this.size--;
  }

  /** The VMAs that have a byte of [start, end), by ascending address, in `found`; their number. */
  overlapping(start: number, end: number, found: number[]): number {
    found.length = 0;
    let at = this.#runOf(start);
    let run = this.#runs[at];
    let place = this.#placeIn(run, start);
    // The one before may reach into the range.
    if (place > 0) place--;
    for (;;) {
      if (place === run.length) {
        if (++at === this.#runs.length) break;
        run = this.#runs[at];
        place = 0;
        if (run.length === 0) break;
      }
      const vma = run[place++];
      if (this.start[vma] >= end) break;
      if (this.end[vma] > start) found.push(vma);
    }
    return found.length;
  }

  /** Every VMA by ascending address. */
  *[Symbol.iterator](): IterableIterator<number> {
    for (const run of this.#runs) yield* run;
  }

  /** The last run whose first VMA starts at or below an address, or the first run. */
  #runOf(address: number): number {
    let low = 0;
    let high = this.#runs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.start[this.#runs[middle][0]] <= address) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** How many VMAs of a run start below an address. */
  #placeIn(run: readonly number[], address: number): number {
    let low = 0;
    let high = run.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.start[run[middle]] < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(): void {
    const length = this.start.length * 2;
    const wider = (column: Float64Array): Float64Array<ArrayBuffer> => {
      const copy = new Float64Array(length);
      copy.set(column);
      return copy;
    };
    this.start = wider(this.start);
    this.end = wider(this.end);
    this.offset = wider(this.offset);
    const object = new Int32Array(length);
    object.set(this.object);
    this.object = object;
    const flags = new Int32Array(length);
    flags.set(this.flags);
    this.flags = flags;
  }
}
