import type { Event, FenceName } from './events.ts';

/** Events of one batch at most. */
export const BATCH_EVENTS = 8192;

/** Bits of `flags`. */
export const FLAG_GATHER_QUEUED = 1;
export const FLAG_GATHER_NONE = 2;
/** A look-up says what it expects. */
export const FLAG_HAS_PADDR = 4;
export const FLAG_CLEAR = 8;
/** No protection was given; the batch holds the default. */
export const FLAG_PROT_ASSUMED = 16;
/** The trace holds what the call really returned. */
export const FLAG_HAS_RET = 32;
/** The line says when the event happened, and when it was over. */
export const FLAG_HAS_TS = 64;
export const FLAG_HAS_END = 128;

/** Fences of an event: it begins after those it waits for, and signals others when it has ended. */
export interface EventFences {
  readonly waits: readonly FenceName[];
  readonly signals: readonly FenceName[];
}

/** "None named" in the columns of domains, threads and queues. */
export const NONE = -1;

/** Bytes between columns, so that the same event of several columns does not compete for the same lines of a cache. */
const COLUMN_GAP = 192;
const WIDE_COLUMNS = 6;
const COLUMNS = WIDE_COLUMNS + 8 + 2;
/** Bytes of the columns of a batch. */
export const BATCH_BYTES = BATCH_EVENTS * (WIDE_COLUMNS * 8 + 8 * 4 + 2) + COLUMNS * COLUMN_GAP;

/**
 * Some thousand events as columns: no object per event, and a whole batch can be filled by another thread. Reused by its
 * reader after each hand-over.
 */
export class Batch {
  length = 0;
  /** Nanoseconds at which the event began, where FLAG_HAS_TS is set; else 0. */
  readonly ts: Float64Array;
  /** Nanoseconds at which it ended, where FLAG_HAS_END is set; else 0. */
  readonly end: Float64Array;
  /** Bytes: the size of a request, or the page size of a raw call. */
  readonly size: Float64Array;
  /** Page count of a raw call; n of fail_alloc. */
  readonly count: Float64Array;
  /** Recorded return: an errno for maps, bytes for unmaps. */
  readonly ret: Float64Array;
  /** Line of the input, from 1. */
  readonly line: Float64Array;
  /** IOMMU_* bits, and above them what a map asks for beside (base/extended-prot.ts). */
  readonly prot: Uint32Array;
  /** Index into the reader's domain names, NONE when the line names none. */
  readonly domain: Int32Array;
  /** Index into the reader's thread names, NONE. */
  readonly thread: Int32Array;
  /** Index into the reader's queue names, NONE. */
  readonly queue: Int32Array;
  readonly iovaHi: Uint32Array;
  readonly iovaLo: Uint32Array;
  readonly paddrHi: Uint32Array;
  readonly paddrLo: Uint32Array;
  readonly op: Uint8Array;
  readonly flags: Uint8Array;
  /** Events beyond columns (trace, domain, bind ...) by position in the batch. */
  readonly objects = new Map<number, Event>();
  /** Fences of the few events that have any, by position in the batch. */
  readonly fences = new Map<number, EventFences>();

  /** Columns in `memory`, BATCH_BYTES of it, which another thread may share. */
  constructor(memory: ArrayBufferLike = new ArrayBuffer(BATCH_BYTES)) {
    let offset = 0;
    const at = (width: number): number => {
      const start = offset;
      offset += BATCH_EVENTS * width + COLUMN_GAP;
      return start;
    };
    const wide = (): Float64Array => new Float64Array(memory, at(8), BATCH_EVENTS);
    const word = (): Uint32Array => new Uint32Array(memory, at(4), BATCH_EVENTS);
    const index = (): Int32Array => new Int32Array(memory, at(4), BATCH_EVENTS);
    const byte = (): Uint8Array => new Uint8Array(memory, at(1), BATCH_EVENTS);
    this.ts = wide();
    this.end = wide();
    this.size = wide();
    this.count = wide();
    this.ret = wide();
    this.line = wide();
    this.prot = word();
    this.domain = index();
    this.thread = index();
    this.queue = index();
    this.iovaHi = word();
    this.iovaLo = word();
    this.paddrHi = word();
    this.paddrLo = word();
    this.op = byte();
    this.flags = byte();
  }

  get full(): boolean {
    return this.length === BATCH_EVENTS;
  }

  clear(): void {
    this.length = 0;
    this.objects.clear();
    this.fences.clear();
  }
}

/** Copies event `i` of a batch over event `j` of another, for readers that keep events beyond the hand-over of a batch. */
export function copyEvent(from: Batch, i: number, to: Batch, j: number): void {
  to.op[j] = from.op[i];
  to.flags[j] = from.flags[i];
  to.prot[j] = from.prot[i];
  to.domain[j] = from.domain[i];
  to.thread[j] = from.thread[i];
  to.queue[j] = from.queue[i];
  to.ts[j] = from.ts[i];
  to.end[j] = from.end[i];
  to.iovaHi[j] = from.iovaHi[i];
  to.iovaLo[j] = from.iovaLo[i];
  to.paddrHi[j] = from.paddrHi[i];
  to.paddrLo[j] = from.paddrLo[i];
  to.size[j] = from.size[i];
  to.count[j] = from.count[i];
  to.ret[j] = from.ret[i];
  to.line[j] = from.line[i];
  const object = from.objects.get(i);
  if (object !== undefined) to.objects.set(j, object);
  // What lay here before may have been an object, which would hide the columns.
  else if (to.objects.size > 0) to.objects.delete(j);
  const fences = from.fences.get(i);
  if (fences !== undefined) to.fences.set(j, fences);
  else if (to.fences.size > 0) to.fences.delete(j);
}

/** Copies the columns of a batch, as far as they are used, to the beginning of another's; not its objects and fences. */
export function copyColumns(from: Batch, to: Batch): void {
  const { length } = from;
  to.length = length;
  to.ts.set(from.ts.subarray(0, length));
  to.end.set(from.end.subarray(0, length));
  to.size.set(from.size.subarray(0, length));
  to.count.set(from.count.subarray(0, length));
  to.ret.set(from.ret.subarray(0, length));
  to.line.set(from.line.subarray(0, length));
  to.prot.set(from.prot.subarray(0, length));
  to.domain.set(from.domain.subarray(0, length));
  to.thread.set(from.thread.subarray(0, length));
  to.queue.set(from.queue.subarray(0, length));
  to.iovaHi.set(from.iovaHi.subarray(0, length));
  to.iovaLo.set(from.iovaLo.subarray(0, length));
  to.paddrHi.set(from.paddrHi.subarray(0, length));
  to.paddrLo.set(from.paddrLo.subarray(0, length));
  to.op.set(from.op.subarray(0, length));
  to.flags.set(from.flags.subarray(0, length));
}

/** Numbers names in the order they are first met. One table each for domains, threads and queues. */
export class NameTable {
  readonly names: string[] = [];
  readonly #index = new Map<string, number>();

  indexOf(name: string): number {
    const known = this.#index.get(name);
    if (known !== undefined) return known;
    const index = this.names.length;
    this.names.push(name);
    this.#index.set(name, index);
    return index;
  }
}
