import { EADDRINUSE, EBUSY, EINVAL, ENOENT, ENOSPC, ERANGE } from '../base/vocabulary.ts';

/** Addresses from `start` to before `end`; multiples of 4096. */
export interface AddressRange {
  readonly start: number;
  readonly end: number;
}

/** A window of an address space: IOVAs that may be mapped. */
export interface IovaWindow extends AddressRange {
  readonly page: number;
}

/** A window that is asked for. */
export interface IovaWindowRequest {
  /** Null: anywhere. */
  readonly base: number | null;
  readonly size: number;
  /** Bytes that base and size are rounded to, a power of two. */
  readonly page: number;
  /** Exactly at the base, or not at all. */
  readonly fixed: boolean;
}

/**
 * Which IOVAs of an address space may be mapped. Without windows and required ranges all of them; reserved ones never.
 * Outside of every window a map gives -ERANGE, over a reserved range -EADDRINUSE (as iommufd's allowed and reserved IOVAs).
 */
export class Aperture {
  readonly required: readonly AddressRange[];
  /** Ascending; null: nobody declared windows. */
  #windows: IovaWindow[] | null;
  readonly #reserved: AddressRange[] = [];
  readonly #limit: number;
  /** Maps that it refused. */
  rejected = 0;

  /** `limit`: the first address that the page tables do not reach. `declared`: only windows may be mapped. */
  constructor(limit: number, required: readonly AddressRange[], declared: boolean) {
    this.#limit = limit;
    this.required = united(required);
    this.#windows = declared ? [] : null;
  }

  /** Ranges that may be mapped, ascending: the windows, else what was required; null: all. */
  get allowed(): readonly AddressRange[] | null {
    if (this.#windows !== null) return united(this.#windows);
    return this.required.length > 0 ? this.required : null;
  }

  get windows(): readonly IovaWindow[] {
    return this.#windows ?? [];
  }

  get reserved(): readonly AddressRange[] {
    return this.#reserved;
  }

  /** Bytes that may be mapped; 0 where nothing limits them. */
  get bytes(): number {
    return (this.allowed ?? []).reduce((sum, { start, end }) => sum + (end - start), 0);
  }

  /** Whether [iova, iova + size) may be mapped: 0, -ERANGE or -EADDRINUSE. */
  check(iova: number, size: number): number {
    const { allowed } = this;
    if (allowed !== null && !allowed.some(({ start, end }) => iova >= start && iova < end && size <= end - iova)) {
      return -ERANGE;
    }
    return this.#reserved.some(({ start, end }) => iova < end && size > start - iova) ? -EADDRINUSE : 0;
  }

  /** Adds a window where it is wanted, else at the lowest free place; its start, or a negative errno. */
  create({ base, size, page, fixed }: IovaWindowRequest): IovaWindow | number {
    if (size === 0) return -EINVAL;
    const bytes = Math.ceil(size / page) * page;
    const wanted = base === null ? null : Math.floor(base / page) * page;
    let start: number | null = null;
    if (wanted !== null && (!fixed || wanted === base) && this.#isFree(wanted, bytes)) start = wanted;
    else if (fixed) return -EADDRINUSE;
    else start = this.#lowestFree(bytes, page);
    if (start === null) return -ENOSPC;
    const window = { start, end: start + bytes, page };
    this.#windows = [...(this.#windows ?? []), window].sort((a, b) => a.start - b.start);
    return window;
  }

  /** Takes the window away that begins at `start`; `isMapped` tells whether anything in a range is. */
  remove(start: number, isMapped: (range: AddressRange) => boolean): number {
    const window = this.windows.find((known) => known.start === start);
    if (window === undefined) return -ENOENT;
    if (isMapped(window)) return -EBUSY;
    this.#windows = this.windows.filter((known) => known !== window);
    return 0;
  }

  /** A device brings ranges that it cannot use; refused where they meet what is required or mapped. */
  reserve(ranges: readonly AddressRange[], isMapped: (range: AddressRange) => boolean): number {
    const meetsRequired = (range: AddressRange): boolean => this.required.some((other) => meets(range, other));
    if (ranges.some((range) => meetsRequired(range) || isMapped(range))) return -EADDRINUSE;
    this.#reserved.push(...ranges);
    return 0;
  }

  #isFree(start: number, bytes: number): boolean {
    if (start < 0 || bytes > this.#limit - start) return false;
    const range = { start, end: start + bytes };
    return ![...this.windows, ...this.#reserved].some((other) => meets(range, other));
  }

  #lowestFree(bytes: number, page: number): number | null {
    const ends = [...this.windows, ...this.#reserved].map(({ end }) => Math.ceil(end / page) * page);
    const places = [0, ...ends].sort((a, b) => a - b);
    return places.find((place) => this.#isFree(place, bytes)) ?? null;
  }
}

/** Whether two ranges have an address in common. */
export function meets(a: AddressRange, b: AddressRange): boolean {
  return a.start < b.end && b.start < a.end;
}

/** The same addresses as ascending ranges that neither meet nor touch. */
export function united(ranges: readonly AddressRange[]): AddressRange[] {
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}
