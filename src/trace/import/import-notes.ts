import type { Losses } from './text/losses.ts';

export const LAYERS = ['pgtable', 'iommu'] as const;
/** Which of the two descriptions of the same operations a recording holds: raw io-pgtable calls, or the IOMMU core's requests. */
export type Layer = (typeof LAYERS)[number];

export interface ImportOptions {
  /** Null: the raw calls when the recording has them, else the requests. */
  readonly layer: Layer | null;
}

/** What an importer did and what it had to assume; the reports print it. */
export interface ImportNotes {
  layer: Layer | null;
  /** Events without protection bits, which were given read, write, cacheable. */
  protAssumed: number;
  /** Domains whose configuration the recording does not hold, or holds without saying whose it is. */
  configAssumed: number;
  /** Bits of recorded quirks that the model does not know; the kernel took them, so they are left out, not refused. */
  unknownQuirks: number;
  /** Requests of the other layer that were compared, and those that did not add up. */
  crossChecked: number;
  crossMismatches: number;
  crossMismatchLines: number[];
  /** Requests for which no page table could be found. */
  unplaced: number;
  /** Unmaps that only took back what a failed map had done: left out of the requests, like that map. */
  rolledBack: number;
  orphanReturns: number;
  unreturned: number;
  /** Event lines of no use to a replay, and lines that are no event at all. */
  ignoredEvents: number;
  unknownLines: number;
  readonly losses: Losses;
  /** The granule was inferred from the alignment of the requests: bytes, 0 when it was known. */
  guessedGranule: number;
  /** The other layer turned up after this one had been chosen. */
  laterLayer: boolean;
  /** Requests of several devices that carry no key share one address space. */
  sharedDomain: boolean;
}

/** Notes of an import that has not begun. */
export function newImportNotes(): ImportNotes {
  return {
    layer: null,
    protAssumed: 0,
    configAssumed: 0,
    unknownQuirks: 0,
    crossChecked: 0,
    crossMismatches: 0,
    crossMismatchLines: [],
    unplaced: 0,
    rolledBack: 0,
    orphanReturns: 0,
    unreturned: 0,
    ignoredEvents: 0,
    unknownLines: 0,
    losses: { overrun: 0, lateStarts: 0, marks: 0 },
    guessedGranule: 0,
    laterLayer: false,
    sharedDomain: false,
  };
}
