import type { PgtraceError } from '../../../base/errors.ts';
import { u32 } from '../binary/event-fields.ts';
import type { EventAttrs } from './event-attrs.ts';
import { compressedError } from './file-header.ts';
import { LossCounter } from './losses.ts';
import { COMM, FORK, type RecordDelivery, SAMPLE } from './record-delivery.ts';
import type { RecordReader } from './record-reader.ts';
import { CONVERT, perfDataError } from './refusals.ts';
import { TimeQueue } from './time-queue.ts';

/** PERF_RECORD_FINISHED_ROUND, PERF_RECORD_COMPRESSED and PERF_RECORD_COMPRESSED2. */
const FINISHED_ROUND = 68;
const COMPRESSED = 81;
const COMPRESSED2 = 83;

/** Records that one step reads or gives away at most. */
const STEP = 4096;

/** What the ordering must know of the recording; `comms`: names are wanted. */
export interface OrderingOptions {
  readonly name: string;
  readonly bigEndian: boolean;
  readonly comms: boolean;
}

/** Puts records into order of time before they are delivered. */
export class RecordOrdering {
  readonly #records: RecordReader;
  readonly #attrs: EventAttrs;
  readonly #delivery: RecordDelivery;
  readonly #options: OrderingOptions;
  readonly #queue = new TimeQueue();
  /** Time of the last record that had one. */
  #lastHi = 0;
  #lastLo = 0;

  constructor(records: RecordReader, attrs: EventAttrs, delivery: RecordDelivery, options: OrderingOptions) {
    this.#records = records;
    this.#attrs = attrs;
    this.#delivery = delivery;
    this.#options = options;
  }

  /** Why there are no more records, where the reason is damage. */
  get damage(): PgtraceError | null {
    return this.#records.damage;
  }

  /** Reads some records, at most up to the end of a round; false when there are no more. All that was due must have been drained. */
  fill(): boolean {
    const records = this.#records;
    for (let left = STEP; left > 0; left--) {
      if (this.#delivery.stopped) return false;
      if (!records.next()) {
        this.#queue.endAll();
        return false;
      }
      if (this.#isOfUse(records.type)) this.#add();
      else if (records.type === FINISHED_ROUND) {
        this.#queue.endRound();
        return true;
      } else if (records.type === COMPRESSED || records.type === COMPRESSED2) {
        records.damage = compressedError(this.#options.name);
      }
    }
    return true;
  }

  /** Delivers some of the records that are due; false when none was left. */
  drain(): boolean {
    const queue = this.#queue;
    for (let left = STEP; left > 0; left--) {
      if (this.#delivery.stopped || !queue.shift()) return false;
      if (queue.chunk !== null) this.#delivery.deliver(queue.chunk, queue.at);
    }
    return true;
  }

  #isOfUse(type: number): boolean {
    return type === SAMPLE || LossCounter.isLoss(type) || (this.#options.comms && (type === COMM || type === FORK));
  }

  /** Records without a time are delivered at once, as perf does; samples, if there are times at all, follow the record before. */
  #add(): void {
    const { chunk, at, type } = this.#records;
    const timeAt = this.#timeAt();
    const { bigEndian, name } = this.#options;
    let hi = timeAt < 0 ? 0 : u32(chunk.bytes, bigEndian ? timeAt : timeAt + 4, bigEndian);
    let lo = timeAt < 0 ? 0 : u32(chunk.bytes, bigEndian ? timeAt + 4 : timeAt, bigEndian);
    let isTimed = hi + lo !== 0 && hi + lo !== 2 * 0xffffffff;
    if (!isTimed && type === SAMPLE) {
      hi = this.#lastHi;
      lo = this.#lastLo;
      isTimed = hi + lo !== 0;
    }
    if (!isTimed) {
      this.#delivery.deliver(chunk, at);
      return;
    }
    if (this.#queue.isFull) {
      throw perfDataError(
        name,
        `has more than ${TimeQueue.limits} without a sign that no older ones can follow, too much to be put in order of time; convert it with ${CONVERT}`,
      );
    }
    this.#lastHi = hi;
    this.#lastLo = lo;
    this.#queue.push(hi, lo, chunk, at);
  }

  /** Where the present record has its time, -1 when it has none. */
  #timeAt(): number {
    const { chunk, at, end, type } = this.#records;
    if (type === SAMPLE) {
      const timeAt = this.#attrs.ofSample(chunk.bytes, at, end)?.layout.timeAt ?? -1;
      return timeAt < 0 || at + timeAt + 8 > end ? -1 : at + timeAt;
    }
    const back = this.#attrs.ofRecord(chunk.bytes, at, end)?.layout.timeBack ?? 0;
    return back === 0 || end - back < at + 8 ? -1 : end - back;
  }
}
