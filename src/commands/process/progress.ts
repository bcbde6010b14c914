import { grouped } from '../../base/sizes.ts';
import type { OutputStream } from './io.ts';
import { StatusLine } from './status-line.ts';

/** What is being read: its bytes as they are stored, if they are known, and those that were read. */
interface Read {
  readonly size: number | null;
  position(): number;
}

/** How far the reading of a long file is. */
export class Progress {
  readonly #line: StatusLine;
  readonly #read: Read;

  constructor(stream: OutputStream, read: Read, quiet: boolean) {
    this.#line = new StatusLine(stream, quiet);
    this.#read = read;
  }

  update(events: number): void {
    this.#line.update((seconds) => {
      const rate = `${grouped(Math.round(events / seconds))} events/s`;
      const { size } = this.#read;
      const part = size === null || size === 0 ? '' : `${Math.floor((100 * this.#read.position()) / size)} %, `;
      return `${part}${grouped(events)} events, ${rate}`;
    });
  }

  done(): void {
    this.#line.done();
  }
}
