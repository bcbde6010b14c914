import type { Chunk } from './record-reader.ts';

/** Records that wait at most: some hundred MB of recording between two marks. */
const MOST_RECORDS = 1 << 22;
/** Bytes of the chunks that they are in. */
const MOST_BYTES = 1 << 29;
const FIRST_CAPACITY = 4096;

/**
 * Sorts records by time, as the kernel gives each CPU a buffer of its own; equal times keep the file's order. perf writes a
 * mark when it has emptied all buffers once: what came before the mark before last cannot be preceded by anything that is
 * still to come (`ordered-events.c:__ordered_events__flush`). So two rounds are held, however long the file is.
 */
export class TimeQueue {
  /** Times in halves, chunks by number, offsets in them; in the order in which they came. */
  #hi = new Uint32Array(FIRST_CAPACITY);
  #lo = new Uint32Array(FIRST_CAPACITY);
  #slot = new Uint32Array(FIRST_CAPACITY);
  #at = new Uint32Array(FIRST_CAPACITY);
  #length = 0;
  /** Where times go down: between these places they are sorted. */
  #runs: number[] = [];
  readonly #chunks: (Chunk | null)[] = [];
  readonly #freeSlots: number[] = [];
  #bytes = 0;
  /** Latest time in the queue so far, and what it was at the last mark. */
  #latestHi = 0;
  #latestLo = 0;
  #markHi = 0;
  #markLo = 0;
  /** Of the sorted records: the next one, and the end of those that are due. */
  #next = 0;
  #due = 0;
  /** The record that `shift` took. */
  chunk: Chunk | null = null;
  at = 0;

  /** Whether it holds more than it should: the recording has no marks, or its clock jumps. */
  get isFull(): boolean {
    return this.#length >= MOST_RECORDS || this.#bytes >= MOST_BYTES;
  }

  /** What it can hold, for people. */
  static readonly limits = `${MOST_RECORDS} records or ${MOST_BYTES >> 20} MiB`;

  /** The record at `at` of the chunk, with its time in nanoseconds as two halves. All due records must have been taken. */
  push(hi: number, lo: number, chunk: Chunk, at: number): void {
    const i = this.#length;
    if (i === this.#hi.length) this.#grow();
    if (i > 0 && isBefore(hi, lo, this.#hi[i - 1], this.#lo[i - 1])) this.#runs.push(i);
    if (chunk.slot < 0) this.#keep(chunk);
    chunk.waiting++;
    this.#hi[i] = hi;
    this.#lo[i] = lo;
    this.#slot[i] = chunk.slot;
    this.#at[i] = at;
    this.#length = i + 1;
    if (isBefore(this.#latestHi, this.#latestLo, hi, lo)) {
      this.#latestHi = hi;
      this.#latestLo = lo;
    }
  }

  /** A mark: what is not later than the latest record before the previous mark is due. */
  endRound(): void {
    this.#sort();
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.#markHi, this.#markLo, this.#hi[middle], this.#lo[middle])) high = middle;
      else low = middle + 1;
    }
    this.#due = low;
    this.#markHi = this.#latestHi;
    this.#markLo = this.#latestLo;
  }

  /** The end of the recording: everything is due. */
  endAll(): void {
    this.#sort();
    this.#due = this.#length;
  }

  /** Takes the next record that is due into `chunk` and `at`; false when there is none. */
  shift(): boolean {
    if (this.chunk !== null && this.chunk.waiting === 0) this.#release(this.chunk);
    this.chunk = null;
    if (this.#next === this.#due) {
      this.#dropTaken();
      return false;
    }
    const i = this.#next++;
    const chunk = this.#chunks[this.#slot[i]];
    if (chunk === null) return false;
    chunk.waiting--;
    this.chunk = chunk;
    this.at = this.#at[i];
    return true;
  }

  #dropTaken(): void {
    if (this.#next === 0) return;
    for (const column of [this.#hi, this.#lo, this.#slot, this.#at]) column.copyWithin(0, this.#next, this.#length);
    this.#length -= this.#next;
    this.#next = 0;
    this.#due = 0;
  }

  #keep(chunk: Chunk): void {
    const slot = this.#freeSlots.pop() ?? this.#chunks.length;
    this.#chunks[slot] = chunk;
    chunk.slot = slot;
    this.#bytes += chunk.bytes.length;
  }

  #release(chunk: Chunk): void {
    this.#chunks[chunk.slot] = null;
    this.#freeSlots.push(chunk.slot);
    chunk.slot = -1;
    this.#bytes -= chunk.bytes.length;
  }

  #grow(): void {
    const capacity = this.#hi.length * 2;
    this.#hi = grown(this.#hi, capacity);
    this.#lo = grown(this.#lo, capacity);
    this.#slot = grown(this.#slot, capacity);
    this.#at = grown(this.#at, capacity);
  }

  /** Merges neighbouring runs until one is left; each CPU's part of a round is one already. */
  #sort(): void {
    if (this.#runs.length === 0) return;
    let order = new Uint32Array(this.#length);
    for (let i = 0; i < order.length; i++) order[i] = i;
    let spare = new Uint32Array(this.#length);
    let starts = [0, ...this.#runs];
    while (starts.length > 1) {
      const merged: number[] = [];
      for (let run = 0; run < starts.length; run += 2) {
        merged.push(starts[run]);
        this.#merge(order, spare, starts[run], starts[run + 1] ?? this.#length, starts[run + 2] ?? this.#length);
      }
      [order, spare, starts] = [spare, order, merged];
    }
    this.#runs = [];
    this.#hi = permuted(this.#hi, order);
    this.#lo = permuted(this.#lo, order);
    this.#slot = permuted(this.#slot, order);
    this.#at = permuted(this.#at, order);
  }

  /** Merges the runs `[start, middle)` and `[middle, end)` of `from` into the same place of `into`. */
  #merge(from: Uint32Array, into: Uint32Array, start: number, middle: number, end: number): void {
    const hi = this.#hi;
    const lo = this.#lo;
    let left = start;
    let right = middle;
    for (let to = start; to < end; to++) {
      const a = from[left];
      const b = from[right];
      const takesLeft = right >= end || (left < middle && !isBefore(hi[b], lo[b], hi[a], lo[a]));
      into[to] = takesLeft ? a : b;
      if (takesLeft) left++;
      else right++;
    }
  }
}

function isBefore(hi: number, lo: number, otherHi: number, otherLo: number): boolean {
  return hi < otherHi || (hi === otherHi && lo < otherLo);
}

function grown(column: Uint32Array<ArrayBuffer>, capacity: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(capacity);
  larger.set(column);
  return larger;
}

function permuted(column: Uint32Array<ArrayBuffer>, order: Uint32Array): Uint32Array<ArrayBuffer> {
  const sorted = new Uint32Array(column.length);
  for (let i = 0; i < order.length; i++) sorted[i] = column[order[i]];
  return sorted;
}
