import { hexHi, hexLo } from '../../base/u64.ts';
import type { BoEvent } from '../../trace/events.ts';

/** Receives one physically contiguous piece of a buffer object; false ends the walk. */
export type PieceVisitor = (paddrHi: number, paddrLo: number, size: number) => boolean;

/** Buffer objects of a trace and where their pages lie. */
export class BufferObjects {
  readonly #byId = new Map<string, BoEvent>();

  /** Declares an object, or gives one a new layout. */
  declare(event: BoEvent): void {
    this.#byId.set(event.id, event);
  }

  /** These objects as they are now, whatever is declared later. */
  only(ids: Iterable<string>): BufferObjects {
    const some = new BufferObjects();
    for (const id of ids) {
      const object = this.#byId.get(id);
      if (object !== undefined) some.declare(object);
    }
    return some;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  /** Bytes that the segments of an object hold; 0 for an unknown one. */
  backing(id: string): number {
    let bytes = 0;
    for (const segment of this.#byId.get(id)?.segments ?? []) bytes += segment.size;
    return bytes;
  }

  /** The pieces behind [offset, offset + size) of an object, in ascending order; less where the segments end before. */
  pieces(id: string, offset: number, size: number, visit: PieceVisitor): void {
    let skip = offset;
    let left = size;
    for (const segment of this.#byId.get(id)?.segments ?? []) {
      if (left === 0) return;
      if (skip >= segment.size) {
        skip -= segment.size;
        continue;
      }
      const length = Math.min(segment.size - skip, left);
      const lo = hexLo(segment.paddr) + skip;
      const hi = hexHi(segment.paddr) + Math.floor(lo / 2 ** 32);
      if (!visit(hi >>> 0, lo >>> 0, length)) return;
      skip = 0;
      left -= length;
    }
  }
}
