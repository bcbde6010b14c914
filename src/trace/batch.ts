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

/**
 * Some thousand events as columns: no object per event, and a whole batch can move to another thread. Reused by its
 * reader after each hand-over.
 */
export class Batch {
  length = 0;
  readonly op = new Uint8Array(BATCH_EVENTS);
  readonly flags = new Uint8Array(BATCH_EVENTS);
  /** IOMMU_* bits, and above them what a map asks for beside (base/extended-prot.ts). */
  readonly prot = new Uint32Array(BATCH_EVENTS);
  /** Index into the reader's domain names, NONE when the line names none. */
  readonly domain = new Int32Array(BATCH_EVENTS);
  /** Index into the reader's thread names, NONE. */
  readonly thread = new Int32Array(BATCH_EVENTS);
  /** Index into the reader's queue names, NONE. */
  readonly queue = new Int32Array(BATCH_EVENTS);
  /** Nanoseconds at which the event began, where FLAG_HAS_TS is set; else 0. */
  readonly ts = new Float64Array(BATCH_EVENTS);
  /** Nanoseconds at which it ended, where FLAG_HAS_END is set; else 0. */
  readonly end = new Float64Array(BATCH_EVENTS);
  readonly iovaHi = new Uint32Array(BATCH_EVENTS);
  readonly iovaLo = new Uint32Array(BATCH_EVENTS);
  readonly paddrHi = new Uint32Array(BATCH_EVENTS);
  readonly paddrLo = new Uint32Array(BATCH_EVENTS);
  /** Bytes: the size of a request, or the page size of a raw call. */
  readonly size = new Float64Array(BATCH_EVENTS);
  /** Page count of a raw call; n of fail_alloc. */
  readonly count = new Float64Array(BATCH_EVENTS);
  /** Recorded return: an errno for maps, bytes for unmaps. */
  readonly ret = new Float64Array(BATCH_EVENTS);
  /** Line of the input, from 1. */
  readonly line = new Float64Array(BATCH_EVENTS);
  /** Events beyond columns (trace, domain, bind ...) by position in the batch. */
  readonly objects = new Map<number, Event>();
  /** Fences of the few events that have any, by position in the batch. */
  readonly fences = new Map<number, EventFences>();

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
