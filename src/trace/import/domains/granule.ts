import type { Address } from '../../../base/u64.ts';

/** Page sizes of the domains of a kernel by its granule. */
export const PGSIZES_BY_GRANULE: Readonly<Record<number, number>> = {
  4096: 0x40201000,
  16384: 0x2004000,
  65536: 0x20010000,
};

/** The granule that a page or block size belongs to; 4K when it is none of the known. */
export function granuleOfPgsize(pgsize: number): number {
  if (pgsize === 2 ** 14 || pgsize === 2 ** 25) return 2 ** 14;
  if (pgsize === 2 ** 16 || pgsize === 2 ** 29 || pgsize === 2 ** 42) return 2 ** 16;
  return 2 ** 12;
}

/** Requests that must all be aligned to a larger granule before it is believed. */
const EVIDENCE = 64;

/** Guesses the granule of a recording that does not name it, from the alignment of its requests. */
export class GranuleGuess {
  #seen = 0;
  #low = 0;

  /** Notes one request. True once nothing that follows can change the answer. */
  add(iova: Address, paddr: Address, size: number): boolean {
    this.#seen++;
    this.#low |= iova.lo | paddr.lo | (size % 65536);
    return (this.#low & 0x3fff) !== 0 || this.#seen >= EVIDENCE;
  }

  get granule(): number {
    if (this.#seen < EVIDENCE / 4 || (this.#low & 0x3fff) !== 0) return 4096;
    return (this.#low & 0xffff) === 0 ? 65536 : 16384;
  }
}
