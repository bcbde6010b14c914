import { grouped } from '../../base/sizes.ts';
import type { OutputStream } from '../process/io.ts';
import { StatusLine } from '../process/status-line.ts';

/** How many cells of a sweep have run. */
export class SweepProgress {
  readonly #line: StatusLine;
  readonly #total: number;
  #done = 0;

  /** @param total - cells to run */
  constructor(stream: OutputStream, total: number, quiet: boolean) {
    this.#line = new StatusLine(stream, quiet);
    this.#total = total;
  }

  /** One cell more is done. */
  step(): void {
    this.#done++;
    this.#line.update(() => {
      const part = Math.floor((100 * this.#done) / this.#total);
      return `${part} %, ${grouped(this.#done)} of ${grouped(this.#total)} cells`;
    });
  }

  done(): void {
    this.#line.done();
  }
}
