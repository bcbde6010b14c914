import type { Event } from './events.ts';

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
/** The recording holds what the call really returned. */
export const FLAG_HAS_RET = 32;

/** "No domain named" in the domain column, "no thread" in the thread column. */
export const NONE = -1;

/**
 * Some thousand events as columns: no object per event, and a whole batch can move to another thread. Reused by its
 * reader after each hand-over.
 */
export class Batch {
  length = 0;
  readonly op = new Uint8Array(BATCH_EVENTS);
  readonly flags = new Uint8Array(BATCH_EVENTS);
  readonly prot = new Uint8Array(BATCH_EVENTS);
  /** Index into the reader's domain names, NONE when the line names none. */
  readonly domain = new Int32Array(BATCH_EVENTS);
  /** Index into the reader's thread names, NONE. */
  readonly thread = new Int32Array(BATCH_EVENTS);
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

  get full(): boolean {
    return this.length === BATCH_EVENTS;
  }

  clear(): void {
    this.length = 0;
    this.objects.clear();
  }
}

/** Numbers names in the order they are first met. One table for domains, one for threads. */
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
