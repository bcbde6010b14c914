import { grouped } from '../../base/sizes.ts';
import type { Source } from '../../trace/source/source.ts';
import type { OutputStream } from './io.ts';

/** Shown only when a run takes longer than this. */
const QUIET_MS = 500;
const EVERY_MS = 200;

/** One line on stderr while a long file is read; nothing off a terminal. */
export class Progress {
  readonly #stream: OutputStream;
  readonly #source: Source;
  readonly #enabled: boolean;
  readonly #start = performance.now();
  #last = 0;
  #shown = false;

  constructor(stream: OutputStream, source: Source, quiet: boolean) {
    this.#stream = stream;
    this.#source = source;
    this.#enabled = stream.isTTY === true && !quiet;
  }

  update(events: number): void {
    if (!this.#enabled) return;
    const now = performance.now();
    if (now - this.#start < QUIET_MS || now - this.#last < EVERY_MS) return;
    this.#last = now;
    this.#shown = true;
    const seconds = (now - this.#start) / 1000;
    const rate = `${grouped(Math.round(events / seconds))} events/s`;
    const { size } = this.#source;
    const part = size === null || size === 0 ? '' : `${Math.floor((100 * this.#source.position()) / size)} %, `;
    this.#stream.write(`\r\x1b[K${part}${grouped(events)} events, ${rate}`);
  }

  done(): void {
    if (this.#shown) this.#stream.write('\r\x1b[K');
  }
}
