/** Operations remembered. */
const KEPT = 1024;

/** The last operations of an address space whose end is known: which of them still ran at some moment. */
export class Overlaps {
  readonly #seq = new Float64Array(KEPT);
  readonly #end = new Float64Array(KEPT);
  #count = 0;

  /** Event `seq` runs until `end`, in nanoseconds of the trace. */
  add(seq: number, end: number): void {
    const at = this.#count++ % KEPT;
    this.#seq[at] = seq;
    this.#end[at] = end;
  }

  /** Numbers of the events that run beyond `begin`. */
  runningAt(begin: number): Set<number> {
    const running = new Set<number>();
    for (let at = 0; at < Math.min(this.#count, KEPT); at++) if (this.#end[at] > begin) running.add(this.#seq[at]);
    return running;
  }
}
