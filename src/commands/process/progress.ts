import { grouped } from '../../base/sizes.ts';
import type { Source } from '../../trace/source/source.ts';
import type { OutputStream } from './io.ts';
import { StatusLine } from './status-line.ts';

/** How far the reading of a long file is. */
export class Progress {
  readonly #line: StatusLine;
  readonly #source: Source;

  constructor(stream: OutputStream, source: Source, quiet: boolean) {
    this.#line = new StatusLine(stream, quiet);
    this.#source = source;
  }

  update(events: number): void {
    this.#line.update((seconds) => {
      const rate = `${grouped(Math.round(events / seconds))} events/s`;
      const { size } = this.#source;
      const part = size === null || size === 0 ? '' : `${Math.floor((100 * this.#source.position()) / size)} %, `;
      return `${part}${grouped(events)} events, ${rate}`;
    });
  }

  done(): void {
    this.#line.done();
  }
}
