import type { OutputStream } from './io.ts';

/** Shown only when a run takes longer than this. */
const QUIET_MS = 500;
const EVERY_MS = 200;

/** One line on stderr that says how far a long run is; nothing off a terminal, and nothing when asked to be quiet. */
export class StatusLine {
  readonly #stream: OutputStream;
  readonly #enabled: boolean;
  readonly #start = performance.now();
  #last = 0;
  #shown = false;

  constructor(stream: OutputStream, quiet: boolean) {
    this.#stream = stream;
    this.#enabled = stream.isTTY === true && !quiet;
  }

  /** Shows what `text` gives, told the seconds since the start, when it is time to. */
  update(text: (seconds: number) => string): void {
    if (!this.#enabled) return;
    const now = performance.now();
    if (now - this.#start < QUIET_MS || now - this.#last < EVERY_MS) return;
    this.#last = now;
    this.#shown = true;
    this.#stream.write(`\r\x1b[K${text((now - this.#start) / 1000)}`);
  }

  /** Takes the line away. */
  done(): void {
    if (this.#shown) this.#stream.write('\r\x1b[K');
    this.#shown = false;
  }
}
