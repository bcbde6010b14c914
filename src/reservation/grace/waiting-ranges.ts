import { search } from '../areas/live-ranges.ts';
import type { Reader } from './readers.ts';
import type { UnlinkedRange } from './unlinked-range.ts';

/**
 * Unlinked ranges that wait for the end of their readers and for their time: each behind one of its readers at a time, so
 * that the end of a reader concerns few of them; when none is left, in line by the tick from which on it is free.
 */
export class WaitingRanges {
  readonly #behind = new Map<Reader, UnlinkedRange[]>();
  /** In line, by ascending `ready`, from `#first` on. */
  #due: UnlinkedRange[] = [];
  #first = 0;

  /** Puts a range behind the first of its readers that is still inside, or in line. */
  add(range: UnlinkedRange): void {
    const reader = range.readers.find((candidate) => candidate.active);
    if (reader === undefined) {
      const due = this.#due;
      range.ready = range.due;
      for (const { end } of range.readers) if (end > range.ready) range.ready = end;
      if (due.length === this.#first || due[due.length - 1].ready <= range.ready) due.push(range);
      else {
        const after = search(due.length - this.#first, (at) => due[this.#first + at].ready > range.ready);
        due.splice(this.#first + after, 0, range);
      }
      return;
    }
    const others = this.#behind.get(reader);
    if (others === undefined) this.#behind.set(reader, [range]);
    else others.push(range);
  }

  /** A reader has ended: what waits behind it waits for another, or stands in line. */
  readerEnded(reader: Reader): void {
    const ranges = this.#behind.get(reader);
    if (ranges === undefined) return;
    this.#behind.delete(reader);
    for (const range of ranges) this.add(range);
  }

  /** Takes the first range out that is free at the tick `now`; null: none is. */
  takeDue(now: number): UnlinkedRange | null {
    const due = this.#due;
    if (due.length === 0) return null;
    while (this.#first < due.length && due[this.#first].ready <= now) {
      const range = due[this.#first++];
      if (!range.readers.some(({ active }) => active)) return range;
      // Somebody has turned out to be inside after it had come here.
      this.add(range);
    }
    if (this.#first * 2 > due.length) {
      due.splice(0, this.#first);
      this.#first = 0;
    }
    return null;
  }

  /** Forgets them all. */
  clear(): void {
    this.#behind.clear();
    this.#due = [];
    this.#first = 0;
  }
}
