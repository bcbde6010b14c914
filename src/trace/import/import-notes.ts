import type { DomainKey, Layer } from './import-options.ts';

/** What the recording itself says of its completeness. */
export interface Losses {
  /** Events written to the ring buffer but no longer in it. */
  overrun: number;
  /** "CPU n buffer started": before it, that CPU's events are missing. */
  lateStarts: number;
  /** Events that LOST and DROPPED marks count. */
  marks: number;
  /** Places where an unknown number of events is missing. */
  gaps: number;
}

/** How requests without a key in the recording found their address space. */
export interface PlacementNotes {
  /** What told them apart; null: there were none. */
  by: DomainKey | 'inference' | 'single' | null;
  /** How many there were. */
  requests: number;
  /** Placed by the device that a `dma:*` event names. */
  named: number;
  /** Unmaps that several address spaces could have taken, placed by weaker evidence. */
  ambiguous: number;
  /** Unmaps of ranges that no address space had. */
  unknown: number;
}

/** What an importer did and what it had to assume; the reports print it. */
export interface ImportNotes {
  /** The description of the operations that was taken; null: there was none. */
  layer: Layer | null;
  /** Events without protection bits, which were given read, write, cacheable. */
  protAssumed: number;
  /** Events whose protection is the direction of a `dma:*` event. */
  protFromDirection: number;
  /** Maps without a recorded physical address. */
  physicalAssumed: number;
  /** What stands in for these addresses; null: nothing had to. */
  physicalNote: string | null;
  /** Domains whose configuration the recording does not hold, or holds without saying whose it is. */
  configAssumed: number;
  /** Bits of recorded quirks that the model does not know; the kernel took them, so they are left out, not refused. */
  unknownQuirks: number;
  /** Requests of the other layer that were compared. */
  crossChecked: number;
  /** Those of them that did not add up. */
  crossMismatches: number;
  /** Lines of the first of these. */
  crossMismatchLines: number[];
  /** Requests for which no page table could be found. */
  unplaced: number;
  /** Unmaps that only took back what a failed map had done: left out of the requests, like that map. */
  rolledBack: number;
  /** Returns of calls whose beginning is not in the recording. */
  orphanReturns: number;
  /** Calls whose return is not in the recording. */
  unreturned: number;
  /** Event lines of no use to a replay. */
  ignoredEvents: number;
  /** Lines that are no event at all. */
  unknownLines: number;
  /** Faults that the IOMMU reported. */
  faults: number;
  /** Devices named by attach, detach and group events. */
  devices: number;
  /** Lines were joined and quote marks taken off, as a copy from a mail needs it. */
  unwrapped: boolean;
  /** What the recording says of its completeness. */
  readonly losses: Losses;
  /** How requests found their address space. */
  readonly placement: PlacementNotes;
  /** The granule was inferred from the alignment of the requests: bytes, 0 when it was known. */
  guessedGranule: number;
  /** The other layer turned up after this one had been chosen. */
  laterLayer: boolean;
  /** Unmaps without any map in the whole recording. */
  unmapsOnly: boolean;
}

/** Notes of an import that has not begun. */
export function newImportNotes(): ImportNotes {
  return {
    layer: null,
    protAssumed: 0,
    protFromDirection: 0,
    physicalAssumed: 0,
    physicalNote: null,
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
    faults: 0,
    devices: 0,
    unwrapped: false,
    losses: { overrun: 0, lateStarts: 0, marks: 0, gaps: 0 },
    placement: { by: null, requests: 0, named: 0, ambiguous: 0, unknown: 0 },
    guessedGranule: 0,
    laterLayer: false,
    unmapsOnly: false,
  };
}

/** Key under which the `meta` of a trace carries the notes of the import that wrote it. */
export const NOTES_KEY = 'import';

/** The notes that a trace carries from its import; null when it has none, or what is there is no such thing. */
export function carriedNotes(meta: unknown): ImportNotes | null {
  if (typeof meta !== 'object' || meta === null || !Object.hasOwn(meta, NOTES_KEY)) return null;
  return filled(newImportNotes(), (meta as Record<string, unknown>)[NOTES_KEY]);
}

/** `plain` with the values of `given` wherever they are of the same kind. */
function filled<Shape extends object>(plain: Shape, given: unknown): Shape {
  if (typeof given !== 'object' || given === null) return plain;
  const from = given as Record<string, unknown>;
  const to = plain as Record<string, unknown>;
  for (const [key, value] of Object.entries(to)) {
    const other = Object.hasOwn(from, key) ? from[key] : undefined;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) filled(value, other);
    else if (typeof value === 'number' ? Number.isSafeInteger(other) : typeof value === typeof other) to[key] = other;
    else if (value === null && typeof other === 'string') to[key] = other;
  }
  if (Array.isArray(to['crossMismatchLines'])) {
    to['crossMismatchLines'] = to['crossMismatchLines'].filter((line) => Number.isSafeInteger(line)).slice(0, 10);
  }
  return plain;
}
