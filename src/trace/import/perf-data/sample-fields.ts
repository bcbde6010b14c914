import { TWO_32 } from '../../../base/u64.ts';
import { u32, u64 } from '../binary/event-fields.ts';
import { NO_STAMP } from '../text/time-stamp.ts';

/* Which fields samples and other records have, in the order of `kernel/events/core.c:perf_output_sample`: PERF_SAMPLE_* bits. */
const IP = 1 << 0;
const TID = 1 << 1;
const TIME = 1 << 2;
const ADDR = 1 << 3;
const READ = 1 << 4;
const CALLCHAIN = 1 << 5;
const ID = 1 << 6;
const CPU = 1 << 7;
const PERIOD = 1 << 8;
const STREAM_ID = 1 << 9;
const RAW = 1 << 10;
const IDENTIFIER = 1 << 16;

/** PERF_FORMAT_* bits. */
const FORMAT_ID = 1 << 2;
const FORMAT_GROUP = 1 << 3;
const FORMAT_LOST = 1 << 4;
/** TOTAL_TIME_ENABLED and TOTAL_TIME_RUNNING. */
const FORMAT_TIMES = 3;

/** Fields of 8 bytes that a sample begins with, in their order. */
const FIRST_FIELDS = [IDENTIFIER, IP, TID, TIME, ADDR, ID, STREAM_ID, CPU, PERIOD] as const;
/** Fields of 8 bytes that other records end with, in their order. */
const LAST_FIELDS = [TID, TIME, ID, STREAM_ID, CPU, IDENTIFIER] as const;

const RECORD_HEADER = 8;
const FIELD = 8;
const COUNT_SIZE = 8;

/** Where the fields of an attr's samples are. Offsets are in bytes from the record's start, -1 for fields that it lacks. */
export class SampleLayout {
  readonly idAt: number;
  readonly tidAt: number;
  readonly timeAt: number;
  readonly cpuAt: number;
  /** Samples hold the event's own fields. */
  readonly hasRaw: boolean;
  /** Bytes from the end of other records back to their id and time; 0 when they have none. */
  readonly idBack: number;
  readonly timeBack: number;
  /** Where the fields of changing size begin. */
  readonly #fixedEnd: number;
  /** Counters in the sample: bytes of one, bytes before the first; 0 and 0 when there are none. */
  readonly #readCounter: number;
  readonly #readHead: number;
  readonly #readsGroup: boolean;
  readonly #hasCallchain: boolean;

  /** The lower halves of sample_type and read_format, and whether other records end with a sample's id (sample_id_all). */
  constructor(sampleType: number, readFormat: number, sampleIdAll: boolean) {
    const first: number[] = FIRST_FIELDS.filter((bit) => (sampleType & bit) !== 0);
    const at = (bit: number) => {
      const index = first.indexOf(bit);
      return index < 0 ? -1 : RECORD_HEADER + index * FIELD;
    };
    this.idAt = at((sampleType & IDENTIFIER) !== 0 ? IDENTIFIER : ID);
    this.tidAt = at(TID);
    this.timeAt = at(TIME);
    this.cpuAt = at(CPU);
    this.#fixedEnd = RECORD_HEADER + first.length * FIELD;
    const last: number[] = sampleIdAll ? LAST_FIELDS.filter((bit) => (sampleType & bit) !== 0) : [];
    const back = (bit: number) => {
      const index = last.indexOf(bit);
      return index < 0 ? 0 : (last.length - index) * FIELD;
    };
    this.idBack = back((sampleType & IDENTIFIER) !== 0 ? IDENTIFIER : ID);
    this.timeBack = back(TIME);
    const reads = (sampleType & READ) !== 0;
    const fields = (bits: number) => bitCount(readFormat & bits) * FIELD;
    this.#readsGroup = reads && (readFormat & FORMAT_GROUP) !== 0;
    this.#readCounter = reads ? FIELD + fields(FORMAT_ID | FORMAT_LOST) : 0;
    this.#readHead = reads ? fields(FORMAT_TIMES) + (this.#readsGroup ? COUNT_SIZE : 0) : 0;
    this.#hasCallchain = (sampleType & CALLCHAIN) !== 0;
    this.hasRaw = (sampleType & RAW) !== 0;
  }

  /**
   * Where the raw part of the sample in `b[start..end)` begins, with its size in 32 bits; -1 when the sample is too short
   * for what it says to hold.
   */
  rawAt(b: Uint8Array, start: number, end: number, bigEndian: boolean): number {
    let at = start + this.#fixedEnd;
    if (this.#readCounter > 0) {
      let counters = 1;
      if (this.#readsGroup) {
        if (at + COUNT_SIZE > end) return -1;
        counters = u64(b, at, bigEndian);
      }
      at += this.#readHead + counters * this.#readCounter;
    }
    if (this.#hasCallchain) {
      if (at + COUNT_SIZE > end) return -1;
      at += COUNT_SIZE + u64(b, at, bigEndian) * FIELD;
    }
    return at + 4 <= end ? at : -1;
  }
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

const BILLION = 1e9;
/** Below it, a time with this upper half is less than 2^53. */
const EXACT_HI = 1 << 21;

/** Splits times of 64 bits of nanoseconds without rounding, whatever the machine's uptime. */
export class SampleTime {
  /** NO_STAMP when there is no time. */
  seconds = NO_STAMP;
  nanos = 0;

  clear(): void {
    this.seconds = NO_STAMP;
    this.nanos = 0;
  }

  /** The time in the 8 bytes at `at`. */
  set(b: Uint8Array, at: number, bigEndian: boolean): void {
    const hi = u32(b, bigEndian ? at : at + 4, bigEndian);
    const lo = u32(b, bigEndian ? at + 4 : at, bigEndian);
    if (hi >= EXACT_HI) this.#divide(hi, lo);
    else {
      const whole = hi * TWO_32 + lo;
      // The quotient may be rounded up to the next second.
      const seconds = Math.floor(whole / BILLION);
      const rest = whole - seconds * BILLION;
      this.seconds = rest < 0 ? seconds - 1 : seconds;
      this.nanos = rest < 0 ? rest + BILLION : rest;
    }
  }

  /** Long division by digits of 16 bits. */
  #divide(hi: number, lo: number): void {
    let seconds = 0;
    let rest = 0;
    for (const digit of [hi >>> 16, hi & 0xffff, lo >>> 16, lo & 0xffff]) {
      const part = rest * 65536 + digit;
      seconds = seconds * 65536 + Math.floor(part / BILLION);
      rest = part % BILLION;
    }
    this.seconds = seconds;
    this.nanos = rest;
  }
}
