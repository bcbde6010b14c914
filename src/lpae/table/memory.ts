import { grouped } from '../../base/sizes.ts';

/** Entries of the smallest run that the arena hands out: one 4K table page. */
export const UNIT_ENTRIES = 512;
const UNIT_SHIFT = 9;
/**
 * Slot 0 means "no table". As many units as the largest table below a start table has (64K granule) stay empty there,
 * so that a walk may go on through a missing table: it meets nothing but zeros.
 */
const NULL_UNITS = 16;
/** Reserved at first: 2^10 table pages. More would be no faster, and worries the collector when many replays follow each other. */
const DEFAULT_UNITS = 1024;

export const DEFAULT_TABLE_BASE = 0x1_0000_0000;
export const DEFAULT_TABLE_MIN = 4096;

/** Entries that all arenas of a process can hold: a million 4K tables, which cost about 6 GiB of the host's memory. */
const MAX_ENTRIES = 2 ** 29;

/** The host cannot hold the tables that a trace builds. */
export class TableMemoryExhausted extends Error {
  /** `needed`: tables that an operation is known to need before it begins. */
  constructor(tables: number, needed = 0) {
    super(
      needed === 0
        ? `no memory left for page tables after ${grouped(tables)} of them`
        : `no memory for the ${grouped(needed)} page tables that one operation needs`,
    );
    this.name = 'TableMemoryExhausted';
  }
}

/** A stretch of simulated physical memory that has been given out. */
interface Stretch {
  readonly base: number;
  next: number;
}

/**
 * Where the simulated physical addresses of table pages come from, for a whole run: upward from a base, aligned to their
 * size, never used twice, whichever base a domain asks for.
 */
export class TableAddresses {
  readonly #stretches: Stretch[] = [];
  #last: Stretch | null = null;

  /** The address of a new page of `occupied` bytes (a power of two) above `base`. */
  take(base: number, occupied: number): number {
    const own = this.#last !== null && this.#last.base === base ? this.#last : this.#stretchAt(base);
    let start = Math.ceil(own.next / occupied) * occupied;
    // What other bases have given out may lie in the way.
    for (let at = this.#inTheWay(own, start, occupied); at !== undefined; at = this.#inTheWay(own, start, occupied)) {
      start = Math.ceil(at.next / occupied) * occupied;
    }
    own.next = start + occupied;
    return start;
  }

  #inTheWay(own: Stretch, start: number, occupied: number): Stretch | undefined {
    if (this.#stretches.length === 1) return undefined;
    return this.#stretches.find((other) => other !== own && start < other.next && other.base < start + occupied);
  }

  #stretchAt(base: number): Stretch {
    let stretch = this.#stretches.find((candidate) => candidate.base === base);
    if (stretch === undefined) {
      stretch = { base, next: base };
      this.#stretches.push(stretch);
    }
    this.#last = stretch;
    return stretch;
  }
}

/** Where the table pages of one address space lie: the first address, and the least that a page occupies. */
export interface TablePlacement {
  readonly addresses: TableAddresses;
  readonly base: number;
  /** A power of two. */
  readonly min: number;
}

/** Where tables lie when the trace does not say. */
export function defaultPlacement(addresses = new TableAddresses()): TablePlacement {
  return { addresses, base: DEFAULT_TABLE_BASE, min: DEFAULT_TABLE_MIN };
}

/** Bytes that a request of `bytes` occupies: rounded up to a power of two, at least `min`. */
export function occupiedBytes(bytes: number, min: number): number {
  let size = min;
  while (size < bytes) size *= 2;
  return size;
}

/**
 * One arena for the tables of all address spaces of a run: descriptors in two planes of 32-bit halves, and beside each
 * entry the slot of the table it points to (0: none), so that a walk decodes no address. A slot is the index of a
 * table's first entry. Slots are recycled, addresses are not. The planes are only declared: see TableShape.
 */
export class TableMemory {
  declare lo: Uint32Array;
  declare hi: Uint32Array;
  declare kid: Int32Array;
  /** By slot >> 9: the simulated physical address, the non-zero entries, and the allocator's token of each table. */
  declare address: Float64Array;
  declare live: Int32Array;
  declare token: Int32Array;
  /** By slot >> 9: the reservations that pin the table, and the value of `now` at which it was made. */
  declare pins: Int32Array;
  declare born: Float64Array;
  /** Number of the event at hand, for whoever asks later which tables it made. */
  now = 0;
  readonly addresses = new TableAddresses();
  /** Tables in use and the most there ever were, over all address spaces. */
  tables = 0;
  peakTables = 0;
  /** Bytes that they occupy in the allocator's pages, and the most there ever were. */
  occupied = 0;
  peakOccupied = 0;
  /** Tables in use and the most there ever were, by level. */
  readonly tablesByLevel = new Float64Array(4);
  readonly peakByLevel = new Float64Array(4);
  readonly #mostEntries: number;
  #units: number;
  #nextUnit = NULL_UNITS;
  readonly #free = new Map<number, number[]>();

  /** `sharers` arenas divide what the host has. */
  constructor(reserved = DEFAULT_UNITS, sharers = 1) {
    this.#mostEntries = MAX_ENTRIES / 2 ** Math.floor(Math.log2(sharers));
    const units = Math.max(reserved, NULL_UNITS);
    this.#units = units;
    const entries = units << UNIT_SHIFT;
    this.lo = new Uint32Array(entries);
    this.hi = new Uint32Array(entries);
    this.kid = new Int32Array(entries);
    this.address = new Float64Array(units);
    this.live = new Int32Array(units);
    this.token = new Int32Array(units);
    this.pins = new Int32Array(units);
    this.born = new Float64Array(units);
  }

  /**
   * A zeroed table of `entries` entries at `address`. Local copies of the planes may be stale afterwards.
   * Throws TableMemoryExhausted when the host has no memory for a larger arena.
   */
  alloc(entries: number, address: number, token: number): number {
    const units = (entries + UNIT_ENTRIES - 1) >>> UNIT_SHIFT;
    const recycled = this.#free.get(units)?.pop();
    let slot: number;
    if (recycled !== undefined) slot = recycled;
    else {
      if (this.#nextUnit + units > this.#units) this.#grow(this.#nextUnit + units);
      slot = this.#nextUnit << UNIT_SHIFT;
      this.#nextUnit += units;
    }
    const unit = slot >>> UNIT_SHIFT;
    this.address[unit] = address;
    this.live[unit] = 0;
    this.token[unit] = token;
    this.pins[unit] = 0;
    this.born[unit] = this.now;
    if (++this.tables > this.peakTables) this.peakTables = this.tables;
    return slot;
  }

  /** Tables of `entries` entries that can still be had before the arena is as large as it may become. */
  room(entries: number): number {
    const units = (entries + UNIT_ENTRIES - 1) >>> UNIT_SHIFT;
    let most = this.#units;
    while (most * 2 * UNIT_ENTRIES <= this.#mostEntries) most *= 2;
    return Math.floor((most - this.#nextUnit) / units) + (this.#free.get(units)?.length ?? 0);
  }

  /** So many tables of `entries` entries are about to be asked for: grows at once where that is possible, not step by step. */
  expect(tables: number, entries: number): void {
    const units = tables * ((entries + UNIT_ENTRIES - 1) >>> UNIT_SHIFT);
    if (this.#nextUnit + units <= this.#units) return;
    try {
      this.#grow(this.#nextUnit + units);
    } catch (error) {
      // Perhaps not all of them are needed in the end.
      if (!(error instanceof TableMemoryExhausted)) throw error;
    }
  }

  /** Gives a table back, zeroed for its next use. Without `hasTables` none of its entries ever pointed to a table. */
  free(slot: number, entries: number, hasTables = true): void {
    const unit = slot >>> UNIT_SHIFT;
    if (this.live[unit] !== 0) {
      this.lo.fill(0, slot, slot + entries);
      this.hi.fill(0, slot, slot + entries);
      // Memory of the third plane that was never used should not be touched now.
      if (hasTables) this.kid.fill(0, slot, slot + entries);
      this.live[unit] = 0;
    }
    const units = (entries + UNIT_ENTRIES - 1) >>> UNIT_SHIFT;
    const list = this.#free.get(units);
    if (list === undefined) this.#free.set(units, [slot]);
    else list.push(slot);
    this.tables--;
  }

  /** Counts a page of `bytes` that became a table of `level`. */
  enter(level: number, bytes: number): void {
    this.occupied += bytes;
    if (this.occupied > this.peakOccupied) this.peakOccupied = this.occupied;
    const live = ++this.tablesByLevel[level];
    if (live > this.peakByLevel[level]) this.peakByLevel[level] = live;
  }

  /** Counts a page of `bytes` that is no table of `level` any more. */
  leave(level: number, bytes: number): void {
    this.occupied -= bytes;
    this.tablesByLevel[level]--;
  }

  /**
   * Counts tables that stand elsewhere, of a format of their own: as many more (or fewer), of so many bytes. `mostTables` and
   * `mostBytes`: how many more there were in between, where that was a peak of theirs.
   */
  elsewhere(tables: number, bytes: number, mostTables: number, mostBytes: number): void {
    this.peakTables = Math.max(this.peakTables, this.tables + mostTables);
    this.tables += tables;
    this.peakTables = Math.max(this.peakTables, this.tables);
    this.peakOccupied = Math.max(this.peakOccupied, this.occupied + mostBytes);
    this.occupied += bytes;
    this.peakOccupied = Math.max(this.peakOccupied, this.occupied);
  }

  /** Of these tables, those of one level. */
  elsewhereAt(level: number, tables: number, mostTables: number): void {
    const { tablesByLevel, peakByLevel } = this;
    peakByLevel[level] = Math.max(peakByLevel[level], tablesByLevel[level] + mostTables);
    tablesByLevel[level] += tables;
    peakByLevel[level] = Math.max(peakByLevel[level], tablesByLevel[level]);
  }

  /** Simulated physical address of the table at `slot`. */
  addressOf(slot: number): number {
    return this.address[slot >>> UNIT_SHIFT];
  }

  /** Non-zero entries of the table at `slot`. */
  liveOf(slot: number): number {
    return this.live[slot >>> UNIT_SHIFT];
  }

  #grow(needed: number): void {
    let units = this.#units;
    while (units < needed) units *= 2;
    const entries = units * UNIT_ENTRIES;
    if (entries > this.#mostEntries) throw new TableMemoryExhausted(this.tables);
    let planes: [Uint32Array, Uint32Array, Int32Array];
    try {
      planes = [new Uint32Array(entries), new Uint32Array(entries), new Int32Array(entries)];
    } catch {
      throw new TableMemoryExhausted(this.tables);
    }
    const [lo, hi, kid] = planes;
    const address = new Float64Array(units);
    const live = new Int32Array(units);
    const token = new Int32Array(units);
    const pins = new Int32Array(units);
    const born = new Float64Array(units);
    lo.set(this.lo);
    hi.set(this.hi);
    kid.set(this.kid);
    address.set(this.address);
    live.set(this.live);
    token.set(this.token);
    pins.set(this.pins);
    born.set(this.born);
    this.lo = lo;
    this.hi = hi;
    this.kid = kid;
    this.address = address;
    this.live = live;
    this.token = token;
    this.pins = pins;
    this.born = born;
    this.#units = units;
  }
}

/** Index of a slot into the per-table columns. */
export function unitOf(slot: number): number {
  return slot >>> UNIT_SHIFT;
}
