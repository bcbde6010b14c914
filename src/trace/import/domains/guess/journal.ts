/** How to take back what was done, step by step. */
export class Journal {
  readonly #steps: (() => void)[] = [];

  /** Notes how a change that follows, or has just been made, is taken back. */
  undo(step: () => void): void {
    this.#steps.push(step);
  }

  /** Takes everything back, the latest first. */
  rollBack(): void {
    for (let i = this.#steps.length - 1; i >= 0; i--) this.#steps[i]();
    this.#steps.length = 0;
  }
}
