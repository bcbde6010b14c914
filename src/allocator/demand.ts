import { PROT_DEFAULT } from '../base/vocabulary.ts';

/** What an operation may need tables for. */
export const DEMAND_MAP = 0;
export const DEMAND_UNMAP = 1;
/** Exactly `pages` tables: the population of an IOVA reservation. */
export const DEMAND_TABLES = 2;

/** A physically contiguous piece of what a map is about. */
export interface Piece {
  readonly paddrHi: number;
  readonly paddrLo: number;
  readonly size: number;
}

/**
 * One operation as its submitter sees it: what a reservation is computed from, before anything runs. Reused between
 * calls: a strategy copies what it keeps.
 */
export class Demand {
  kind = DEMAND_MAP;
  /** First IOVA, unsigned halves, and bytes. */
  iovaHi = 0;
  iovaLo = 0;
  size = 0;
  paddrHi = 0;
  paddrLo = 0;
  /** Where the pages lie that are not contiguous from `paddr`, in the order of the IOVAs; each is mapped by a request. */
  pieces: readonly Piece[] | null = null;
  /** IOMMU_* bits of a map: one without access needs nothing. */
  prot = PROT_DEFAULT;
  /** Page size and count of a raw call; 0, 0 for a request, whose page sizes the core chooses. */
  pgsize = 0;
  pgcount = 0;
  /** Tables wanted by a DEMAND_TABLES. */
  pages = 0;
  /** Tells the tables that it would take now, for a driver that maps in a way of its own; null: as the IOMMU core would. */
  estimate: (() => number) | null = null;
  /** Nothing is reserved for it: a synchronous operation that overtakes others, where the strategy lets it. */
  unreserved = false;
  /** Number of the event, from 0, and its line of the input, for messages. */
  seq = 0;
  line = 0;

  /** What it is about: a kind, `size` bytes from an IOVA, and the event that asks. */
  set(kind: number, iovaHi: number, iovaLo: number, size: number, seq: number, line: number): void {
    this.kind = kind;
    this.iovaHi = iovaHi;
    this.iovaLo = iovaLo;
    this.size = size;
    this.seq = seq;
    this.line = line;
  }

  copyFrom(other: Demand): void {
    this.kind = other.kind;
    this.iovaHi = other.iovaHi;
    this.iovaLo = other.iovaLo;
    this.size = other.size;
    this.paddrHi = other.paddrHi;
    this.paddrLo = other.paddrLo;
    this.pieces = other.pieces;
    this.prot = other.prot;
    this.pgsize = other.pgsize;
    this.pgcount = other.pgcount;
    this.pages = other.pages;
    this.estimate = other.estimate;
    this.unreserved = other.unreserved;
    this.seq = other.seq;
    this.line = other.line;
  }
}
