import { grouped } from '../../base/sizes.ts';
import type { OutputStream } from '../process/io.ts';

const QUIET_MS = 500;
const EVERY_MS = 200;

/** One line on stderr while cells run; nothing off a terminal. */
export class SweepProgress {
  readonly #stream: OutputStream;
  readonly #total: number;
  readonly #enabled: boolean;
  readonly #start = performance.now();
  #last = 0;
  #done = 0;
  #shown = false;

  /** @param total - cells to run */
  constructor(stream: OutputStream, total: number, quiet: boolean) {
    this.#stream = stream;
    this.#total = total;
    this.#enabled = stream.isTTY === true && !quiet;
  }

  /** One cell more is done. */
  step(): void {
    this.#done++;
    if (!this.#enabled) return;
    const now = performance.now();
    if (now - this.#start < QUIET_MS || now - this.#last < EVERY_MS) return;
    this.#last = now;
    this.#shown = true;
    const part = Math.floor((100 * this.#done) / this.#total);
    this.#stream.write(`\r\x1b[K${part} %, ${grouped(this.#done)} of ${grouped(this.#total)} cells`);
  }

  done(): void {
    if (this.#shown) this.#stream.write('\r\x1b[K');
    this.#shown = false;
  }
}
