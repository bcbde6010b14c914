import { address, TWO_32 } from '../../base/u64.ts';
import { LiveRanges } from './live-ranges.ts';

/** Addresses are counted in these, so that the last of 2^64 bytes still has an exact number. */
const UNIT = 4096;
const HIGH_UNIT = TWO_32 / UNIT;

/** A stretch of IOVAs that is mapped and unmapped as a whole, with a reservation around it. */
export class Area {
  /** `area-1`, `area-2` ...: the id of its reservation. */
  readonly id: string;
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
  /** As units [start, end). */
  readonly start: number;
  readonly end: number;
  /** Bytes of it that are mapped. */
  mapped = 0;

  constructor(id: string, start: number, end: number) {
    const { hi, lo } = address(Math.floor(start / HIGH_UNIT), (start % HIGH_UNIT) * UNIT);
    this.id = id;
    this.iovaHi = hi;
    this.iovaLo = lo;
    this.size = (end - start) * UNIT;
    this.start = start;
    this.end = end;
  }
}

/**
 * Which mapped area a map or unmap belongs to, for reservations around areas the way iommufd would make them: reserve at
 * the first map of an area (iopt_area_fill_domains), unreserve when the last of its bytes is unmapped. Ranges are
 * multiples of 4 KiB; areas do not overlap.
 */
export class Areas {
  readonly #areas = new LiveRanges<Area>();
  #made = 0;

  /** Areas that stand now. */
  get size(): number {
    return this.#areas.size;
  }

  /** The area that holds an IOVA. */
  at(hi: number, lo: number): Area | null {
    const at = unitsOf(hi, lo);
    let found: Area | null = null;
    this.#areas.forEach(at, at + 1, (area) => {
      found = area;
    });
    return found;
  }

  /** Areas that a range meets and of which nothing is mapped. */
  bare(hi: number, lo: number, size: number): Area[] {
    const start = unitsOf(hi, lo);
    const bare: Area[] = [];
    this.#areas.forEach(start, start + size / UNIT, (area) => {
      if (area.mapped === 0) bare.push(area);
    });
    return bare;
  }

  /** Makes the range of a first map an area: one for each part that no area holds yet. Those made, to be reserved. */
  open(hi: number, lo: number, size: number): Area[] {
    let at = unitsOf(hi, lo);
    const end = at + size / UNIT;
    const gaps: [number, number][] = [];
    this.#areas.forEach(at, end, (area) => {
      if (area.start > at) gaps.push([at, area.start]);
      at = area.end;
    });
    if (at < end) gaps.push([at, end]);
    return gaps.map(([from, to]) => {
      const area = new Area(`area-${++this.#made}`, from, to);
      this.#areas.add(area);
      return area;
    });
  }

  /** An area is gone, or could not be reserved. */
  drop(area: Area): void {
    this.#areas.remove(area);
  }

  /** Bytes from an IOVA were mapped. */
  mapped(hi: number, lo: number, size: number): void {
    this.#share(hi, lo, size, (area, bytes) => {
      area.mapped = Math.min(area.size, area.mapped + bytes);
    });
  }

  /** Bytes were unmapped: the areas of which nothing is left are dropped and returned, to be unreserved. */
  unmapped(hi: number, lo: number, size: number): Area[] {
    const emptied: Area[] = [];
    this.#share(hi, lo, size, (area, bytes) => {
      area.mapped = Math.max(0, area.mapped - bytes);
      if (area.mapped === 0) emptied.push(area);
    });
    for (const area of emptied) this.drop(area);
    return emptied;
  }

  /** Tells each area that the range meets how many bytes they have in common. */
  #share(hi: number, lo: number, size: number, tell: (area: Area, bytes: number) => void): void {
    if (size <= 0) return;
    const start = unitsOf(hi, lo);
    const end = start + size / UNIT;
    this.#areas.forEach(start, end, (area) => {
      tell(area, (Math.min(area.end, end) - Math.max(area.start, start)) * UNIT);
    });
  }
}

function unitsOf(hi: number, lo: number): number {
  return (hi >>> 0) * HIGH_UNIT + Math.floor((lo >>> 0) / UNIT);
}
