import { grouped } from '../../base/sizes.ts';
import type { OutputStream } from './io.ts';
import { StatusLine } from './status-line.ts';

/** What is being read: its bytes as they are stored, if they are known, and those that were read. */
interface Read {
  readonly size: number | null;
  position(): number;
}

/** How far the reading of a long file is, and how long it is going to take. */
export class Progress {
  readonly #line: StatusLine;
  readonly #read: Read;

  constructor(stream: OutputStream, read: Read, quiet: boolean) {
    this.#line = new StatusLine(stream, quiet);
    this.#read = read;
  }

  /** `events`: those that were worked on; of `read`, where some are held back until more is known. */
  update(events: number, read: number = events): void {
    this.#line.update((seconds) => {
      const held = read > events;
      const counted = held ? `${grouped(read)} events read, ${grouped(events)} replayed` : `${grouped(events)} events`;
      const rate = `${counted}, ${grouped(Math.round(read / seconds))} events/s`;
      const { size } = this.#read;
      if (size === null || size === 0) return rate;
      // A file that grows while it is read has no more than all of its bytes read.
      const part = Math.min(1, this.#read.position() / size);
      const percent = Math.floor(100 * part);
      // The first hundredth is mostly the start of the process: what it foretells is far too long.
      // What is held back takes its time when all has been read.
      const left = percent === 0 || held ? '' : `, ${timeLeft((seconds * (1 - part)) / part)}`;
      return `${percent} %, ${rate}${left}`;
    });
  }

  done(): void {
    this.#line.done();
  }
}

/** Seconds of the clock in words that do not change too often: `12 s left`, `3 min left`, `2 h 5 min left`. */
export function timeLeft(seconds: number): string {
  if (seconds < 99.5) return `${Math.round(seconds)} s left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min left`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}
