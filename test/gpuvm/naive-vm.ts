import type { BufferObject } from '../../src/gpuvm/buffer-object.ts';

const PAGE = 4096;

export interface NaivePage {
  readonly paddr: number;
  /** The driver's flags of the bind that mapped it. */
  readonly flags: number;
}

export interface NaiveVma {
  readonly start: number;
  readonly end: number;
  /** Number of the object, -1 for none. */
  readonly object: number;
  readonly offset: number;
  readonly flags: number;
}

/**
 * A GPU address space as slow and plain as can be: what every page translates to, and a list of VMAs that is cut by hand. No
 * tables, no reservations, no page sizes.
 */
export class NaiveVm {
  readonly pages = new Map<number, NaivePage>();
  vmas: NaiveVma[] = [];

  map(start: number, size: number, object: BufferObject, offset: number, flags: number): void {
    if (size === 0) return;
    this.unmap(start, size);
    for (let done = 0; done < size; done += PAGE) {
      this.pages.set((start + done) / PAGE, { paddr: byteOf(object, offset + done), flags });
    }
    this.vmas.push({ start, end: start + size, object: object.index, offset, flags });
    this.vmas.sort((a, b) => a.start - b.start);
  }

  unmap(start: number, size: number): void {
    const end = start + size;
    for (let at = start; at < end; at += PAGE) this.pages.delete(at / PAGE);
    this.vmas = this.vmas.flatMap((vma) => {
      if (vma.end <= start || end <= vma.start) return [vma];
      const before = { ...vma, end: start };
      const behind = { ...vma, start: end, offset: vma.offset + end - vma.start };
      return [before, behind].filter((piece) => piece.start < piece.end);
    });
  }

  /** Physical address behind an address; -1: nothing is mapped there. */
  translate(address: number): number {
    const page = this.pages.get(Math.floor(address / PAGE));
    return page === undefined ? -1 : page.paddr + (address % PAGE);
  }
}

/** Where a byte of an object lies, by walking its segments from the first. */
function byteOf(object: BufferObject, offset: number): number {
  let left = offset;
  for (const [i, size] of object.sizes.entries()) {
    if (left < size) return object.paddrs[i] + left;
    left -= size;
  }
  throw new Error(`offset ${offset} is behind the object`);
}
