import type { Demand } from '../demand.ts';
import type { Need } from '../need/need.ts';
import { type AllocatorStats, SIZE_CLASSES } from './allocator-stats.ts';

/** Which operation a ticket is for. */
export interface TicketOwner {
  readonly seq: number;
  readonly line: number;
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
}

/** Share of a reservation that was used, as an index into USE_CLASSES. `reserved` is above 0. */
export function useClass(used: number, reserved: number): number {
  if (used === 0) return 0;
  if (used >= reserved) return 5;
  return Math.ceil((4 * used) / reserved);
}

/** Index into SIZE_CLASSES of an operation on `bytes`. */
export function sizeClass(bytes: number): number {
  let at = 0;
  while (bytes > SIZE_CLASSES[at]) at++;
  return at;
}

/**
 * What is reserved for whom. A ticket is an index into columns and is used again once closed: with a queue thousands are
 * open at once, and every map takes one.
 */
export class Ledger {
  readonly #stats: AllocatorStats;
  readonly #reserved: number[] = [];
  readonly #used: number[] = [];
  /** Pages whose levels only their use tells (DEMAND_TABLES). */
  readonly #unplaced: number[] = [];
  readonly #class: number[] = [];
  readonly #demands: number[] = [];
  readonly #seq: number[] = [];
  readonly #line: number[] = [];
  readonly #iovaHi: number[] = [];
  readonly #iovaLo: number[] = [];
  readonly #size: number[] = [];
  readonly #closed: number[] = [];

  constructor(stats: AllocatorStats) {
    this.#stats = stats;
  }

  /** A ticket with nothing reserved. `now` is the event at hand, for a unit that says nothing of itself. */
  open(demands: readonly Demand[], now: number): number {
    const stats = this.#stats;
    const ticket = this.#closed.pop() ?? this.#reserved.length;
    let bytes = 0;
    for (let i = 0; i < demands.length; i++) bytes += demands[i].size;
    const bytesClass = sizeClass(bytes);
    const first = demands.length === 0 ? null : demands[0];
    this.#reserved[ticket] = 0;
    this.#used[ticket] = 0;
    this.#unplaced[ticket] = 0;
    this.#class[ticket] = bytesClass;
    this.#demands[ticket] = first === null || first.unreserved ? 0 : demands.length;
    this.#seq[ticket] = first === null ? now : first.seq;
    this.#line[ticket] = first === null ? 0 : first.line;
    this.#iovaHi[ticket] = first === null ? 0 : first.iovaHi;
    this.#iovaLo[ticket] = first === null ? 0 : first.iovaLo;
    this.#size[ticket] = first === null ? 0 : first.size;
    stats.operations++;
    stats.classOperations[bytesClass]++;
    return ticket;
  }

  /** The ticket was refused: there never was one. */
  withdraw(ticket: number): void {
    this.#stats.operations--;
    this.#stats.classOperations[this.#class[ticket]]--;
    this.#closed.push(ticket);
  }

  /** Reserves what is needed for a ticket. */
  grant(ticket: number, need: Need): void {
    const stats = this.#stats;
    const { pages, byLevel } = need;
    if (pages === 0) return;
    this.#reserved[ticket] += pages;
    this.#unplaced[ticket] += need.unplaced;
    stats.reserved += pages;
    stats.classReserved[this.#class[ticket]] += pages;
    for (let level = 1; level < byLevel.length; level++) stats.reservedByLevel[level] += byLevel[level];
    stats.reserve(pages);
  }

  /** One reserved page becomes a table of `level`. */
  use(ticket: number, level: number): void {
    const stats = this.#stats;
    this.#used[ticket]++;
    stats.used++;
    stats.usedByLevel[level]++;
    stats.classUsed[this.#class[ticket]]++;
    stats.reserve(-1);
    if (this.#unplaced[ticket] === 0) return;
    this.#unplaced[ticket]--;
    stats.reservedByLevel[level]++;
  }

  /** Ends a ticket; the pages that it reserved and did not use. */
  close(ticket: number): number {
    const stats = this.#stats;
    const reserved = this.#reserved[ticket];
    const unused = reserved - this.#used[ticket];
    stats.returned += unused;
    stats.reserve(-unused);
    if (reserved > 0) stats.useClasses[useClass(this.#used[ticket], reserved)]++;
    this.#closed.push(ticket);
    return unused;
  }

  reserved(ticket: number): number {
    return this.#reserved[ticket];
  }

  unused(ticket: number): number {
    return this.#reserved[ticket] - this.#used[ticket];
  }

  /** False for a unit that came without demands, and so without any reservation. */
  announced(ticket: number): boolean {
    return this.#demands[ticket] > 0;
  }

  /** Whose ticket it is: of several operations the first. */
  owner(ticket: number): TicketOwner {
    return {
      seq: this.#seq[ticket],
      line: this.#line[ticket],
      iovaHi: this.#iovaHi[ticket],
      iovaLo: this.#iovaLo[ticket],
      size: this.#size[ticket],
    };
  }
}
