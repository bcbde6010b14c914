import type { Segment } from '../../trace/events.ts';
import type { Random } from '../random.ts';
import { pageAddress } from './page-address.ts';
import { HUGE, HUGE_ORDER, PAGE, PAGES_PER_HUGE, type PhysicalMemory } from './physical-memory.ts';

/** The physical pages of one buffer object: blocks of a buddy allocator, in the order of the object's offsets. */
export class Backing {
  pages = 0;
  /** Physically contiguous runs in the order of the object's offsets; no run continues the one before it. */
  readonly segments: Segment[] = [];
  readonly #pfns: number[] = [];
  readonly #orders: number[] = [];
  #hugeOnly = true;
  /** The run that the last block belongs to. */
  #runStart = 0;
  #runEnd = -1;

  /** 2 MiB when nothing but whole huge pages backs the object, else 4 KiB. */
  get folio(): number {
    return this.#hugeOnly ? HUGE : PAGE;
  }

  /** The page-frame number behind the last page so far, -1 when there is none. */
  get end(): number {
    return this.#runEnd;
  }

  /** Adds the first `pages` pages of a block of 2^order; the others are left over. */
  add(pfn: number, order: number, pages = 2 ** order): void {
    this.#pfns.push(pfn);
    this.#orders.push(order);
    if (pages !== PAGES_PER_HUGE) this.#hugeOnly = false;
    this.pages += pages;
    const end = pfn + pages;
    // As sg_alloc_table_from_pages: contiguous pages are one entry.
    if (pfn === this.#runEnd) this.segments.pop();
    else this.#runStart = pfn;
    this.segments.push({ paddr: pageAddress(this.#runStart), size: (end - this.#runStart) * PAGE });
    this.#runEnd = end;
  }

  /** Gives the pages back. */
  release(memory: PhysicalMemory): void {
    for (let i = 0; i < this.#pfns.length; i++) memory.free(this.#pfns[i], this.#orders[i]);
  }
}

/** Backing of huge pages, and one run for a rest that fills none. */
export function contiguous(memory: PhysicalMemory, pages: number): Backing {
  const backing = new Backing();
  while (backing.pages < pages) {
    const left = Math.min(PAGES_PER_HUGE, pages - backing.pages);
    const order = 32 - Math.clz32(left - 1);
    backing.add(memory.allocate(order), order, left);
  }
  return backing;
}

/**
 * Backing in pieces: of each 2 MiB of the object `hugeShare` percent are a huge page, the others runs of 1 to 2^maxOrder
 * pages (maxOrder at most 8). No piece continues the one before it, so that each is a segment of its own.
 */
export function scattered(
  memory: PhysicalMemory,
  random: Random,
  pages: number,
  maxOrder: number,
  hugeShare = 0,
): Backing {
  const backing = new Backing();
  while (backing.pages < pages) {
    // Huge pages lie at offsets that are multiples of their size, as in the page cache of shmem.
    const slotEnd = Math.min(pages, backing.pages + PAGES_PER_HUGE);
    const whole = slotEnd - backing.pages === PAGES_PER_HUGE;
    if (whole && random.chance(hugeShare)) addApart(backing, memory, HUGE_ORDER);
    while (backing.pages < slotEnd) {
      addApart(backing, memory, Math.min(random.between(0, maxOrder), orderWithin(slotEnd - backing.pages)));
    }
  }
  return backing;
}

/** Adds a block that does not continue the one before it. */
function addApart(backing: Backing, memory: PhysicalMemory, order: number): void {
  let pfn = memory.allocate(order);
  if (pfn === backing.end) {
    const other = memory.allocate(order);
    memory.free(pfn, order);
    pfn = other;
  }
  backing.add(pfn, order);
}

/** The order of the largest block that `pages` pages hold, at most that of a huge page. */
function orderWithin(pages: number): number {
  return pages >= PAGES_PER_HUGE ? HUGE_ORDER : 31 - Math.clz32(pages);
}
