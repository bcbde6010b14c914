import { u16, u32, u64 } from '../binary/event-fields.ts';
import type { EventSink } from '../event-sink.ts';
import type { EventAttrs } from './event-attrs.ts';

const LOST = 2;
const LOST_SAMPLES = 13;
/** PERF_RECORD_MISC_LOST_SAMPLES_BPF: a filter of the person who recorded dropped them. */
const MISC_FILTERED = 1 << 15;

/**
 * Counts events that were lost while recording. Kernels since 6.0 tell twice: with a LOST record in the buffer that had been
 * full (`ring_buffer.c:__perf_output_begin`), and with each event's own count, from which perf makes LOST_SAMPLES at the end.
 * The larger of the two sums is what is missing.
 */
export class LossCounter {
  readonly #attrs: EventAttrs;
  readonly #bigEndian: boolean;
  readonly #sink: EventSink;
  #inBuffers = 0;
  #ofEvents = 0;
  #told = 0;

  constructor(attrs: EventAttrs, bigEndian: boolean, sink: EventSink) {
    this.#attrs = attrs;
    this.#bigEndian = bigEndian;
    this.#sink = sink;
  }

  /** Whether a record of this type tells of losses. */
  static isLoss(type: number): boolean {
    return type === LOST || type === LOST_SAMPLES;
  }

  /** A LOST record (id, count) or LOST_SAMPLES record (count) in `b[start..end)`. */
  note(b: Uint8Array, start: number, end: number): void {
    const isLost = u32(b, start, this.#bigEndian) === LOST;
    const countAt = start + (isLost ? 16 : 8);
    if (countAt + 8 > end) return;
    const count = Math.min(u64(b, countAt, this.#bigEndian), Number.MAX_SAFE_INTEGER - this.#told);
    if (isLost) this.#inBuffers += count;
    else if (this.#isWanted(b, start, end)) this.#ofEvents += count;
    const more = Math.max(this.#inBuffers, this.#ofEvents) - this.#told;
    if (more <= 0) return;
    this.#told += more;
    this.#sink.lost(more);
  }

  #isWanted(b: Uint8Array, start: number, end: number): boolean {
    if ((u16(b, start + 4, this.#bigEndian) & MISC_FILTERED) !== 0) return false;
    return this.#attrs.ofRecord(b, start, end)?.isTracepoint !== false;
  }
}
