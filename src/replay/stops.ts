/** Events after which a replay holds on for a moment, so that somebody can look at the address spaces as they are then. */
export class Stops {
  readonly #seqs: readonly number[];
  readonly #look: (seq: number) => void;
  #at = 0;

  /** `seqs` are numbers of events in ascending order; `look` is called after each of them has been replayed. */
  constructor(seqs: readonly number[], look: (seq: number) => void) {
    this.#seqs = seqs;
    this.#look = look;
  }

  /** How many events from number `seq` on can be replayed before the next look. */
  room(seq: number): number {
    const next = this.#seqs[this.#at];
    return next === undefined ? Number.POSITIVE_INFINITY : next + 1 - seq;
  }

  /** Events below `seq` have been replayed. */
  reached(seq: number): void {
    while (this.#at < this.#seqs.length && this.#seqs[this.#at] < seq) this.#look(this.#seqs[this.#at++]);
  }
}
