import { hexHi, hexLo, TWO_32 } from '../base/u64.ts';
import type { BoEvent } from '../trace/events.ts';

/** A buffer object and where its pages lie. Addresses and sizes are doubles: exact for multiples of a page. */
export class BufferObject {
  /** Number of its declaration, from 0: what VMAs name it by. */
  readonly index: number;
  readonly id: string;
  readonly size: number;
  /** By segment, in the order of the object: offset in the object, physical address, bytes. */
  readonly starts: Float64Array;
  readonly paddrs: Float64Array;
  readonly sizes: Float64Array;
  /** Bytes that the segments hold. */
  readonly backing: number;
  /** Every folio behind it is at least 2M large. */
  readonly hugeFolios: boolean;

  constructor(event: BoEvent, index: number) {
    const { segments } = event;
    this.index = index;
    this.id = event.id;
    this.size = event.size;
    this.starts = new Float64Array(segments.length);
    this.paddrs = new Float64Array(segments.length);
    this.sizes = new Float64Array(segments.length);
    this.hugeFolios = (event.folio ?? 0) >= HUGE;
    let offset = 0;
    for (const [at, { paddr, size }] of segments.entries()) {
      this.starts[at] = offset;
      this.paddrs[at] = hexHi(paddr) * TWO_32 + hexLo(paddr);
      this.sizes[at] = size;
      offset += size;
    }
    this.backing = offset;
  }

  /** The segment that holds the byte at `offset`; their number when they end before. */
  segmentAt(offset: number): number {
    const { starts, sizes } = this;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (starts[middle] + sizes[middle] <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Physical address of the byte at `offset`; -1 behind the last segment. */
  paddrAt(offset: number): number {
    const segment = this.segmentAt(offset);
    return segment === this.starts.length ? -1 : this.paddrs[segment] + offset - this.starts[segment];
  }

  /** The first segment that is no whole number of pages of `bytes`, or lies askew; -1: none. */
  misaligned(bytes: number): number {
    for (let at = 0; at < this.starts.length; at++) {
      if (this.paddrs[at] % bytes !== 0 || this.sizes[at] % bytes !== 0) return at;
    }
    return -1;
  }
}

/** Folios of this size count as huge, whatever the page size of the CPU. */
const HUGE = 2 ** 21;

/** Declarations between two looks at which objects are still needed, at least. */
const SWEEP_AFTER = 4096;
/** In the place of an object that nobody needs any more. */
const GONE: BoEvent = { op: 'bo', id: '', size: 0, segments: [] };

/** The buffer objects that a trace declared and that are still needed, by number, and the latest of each id. */
export class BufferObjects {
  readonly all: BufferObject[] = [];
  readonly #byId = new Map<string, BufferObject>();
  readonly #free: number[] = [];
  #sinceSweep = 0;

  /** Declares an object, or gives one a new layout: what is mapped of the old one stays as it is. */
  declare(event: BoEvent): void {
    const index = this.#free.pop() ?? this.all.length;
    const object = new BufferObject(event, index);
    this.all[index] = object;
    this.#byId.set(event.id, object);
    this.#sinceSweep++;
  }

  /** So many have been declared that it is worth looking for those that nobody needs: half of all, at most. */
  get sweepDue(): boolean {
    return this.#sinceSweep >= SWEEP_AFTER && 2 * this.#sinceSweep >= this.all.length - this.#free.length;
  }

  /** Forgets every object that is neither the latest of its id nor among `needed`: its number is given to another. */
  sweep(needed: ReadonlySet<number>): void {
    this.#sinceSweep = 0;
    const freed = new Set(this.#free);
    for (let index = 0; index < this.all.length; index++) {
      const object = this.all[index];
      if (freed.has(index) || needed.has(index) || this.#byId.get(object.id) === object) continue;
      this.all[index] = new BufferObject(GONE, index);
      this.#free.push(index);
    }
  }

  get(id: string): BufferObject | null {
    return this.#byId.get(id) ?? null;
  }
}
