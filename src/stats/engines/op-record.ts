import { TWO_32 } from '../../base/u64.ts';
import * as C from '../../lpae/counters.ts';
import { iovaToPhys } from '../../lpae/lookup.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { Operated, OperatedKind, OperationObserver } from '../../replay/observer.ts';
import type { AddressSpace } from '../../replay/spaces/address-space.ts';

const MANY = 4096;

/** What a look-up gives where nothing is mapped. */
export const UNMAPPED = -1;

/** One map or unmap as one engine carried it out, and what is found at the ends of its range afterwards. */
export interface OpRecord {
  readonly space: AddressSpace;
  readonly kind: OperatedKind;
  readonly seq: number;
  readonly line: number;
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly size: number;
  readonly ret: number;
  readonly bytes: number;
  /** Physical addresses behind the first and the last byte of the range, UNMAPPED. */
  readonly first: number;
  readonly last: number;
  /** By how much the mapped bytes grew, the tables that went with all below them, and unmaps of a part of a block. */
  readonly grown: number;
  readonly subtrees: number;
  readonly parts: number;
}

/** Notes every map and unmap of a replay, with a look-up at either end of its range. */
export class OpRecorder implements OperationObserver {
  readonly records: OpRecord[] = [];
  readonly #full: () => void;
  #mapped = 0;
  #subtrees = 0;
  #parts = 0;

  /** `full` is called when there are many records, and may take some of them. */
  constructor(full: () => void = () => {}) {
    this.#full = full;
  }

  began(space: AddressSpace, what: Operated): void {
    if (what.kind !== 'map' && what.kind !== 'unmap') return;
    const { counters } = space;
    this.#mapped = counters[C.MAPPED_BYTES];
    this.#subtrees = counters[C.SUBTREES_FREED];
    this.#parts = partsOf(counters);
  }

  ended(space: AddressSpace, what: Operated): void {
    const { table, counters } = space;
    if ((what.kind !== 'map' && what.kind !== 'unmap') || table === null) return;
    const { kind, seq, line, iovaHi, iovaLo, size, ret, bytes } = what;
    const lastLo = iovaLo + Math.max(0, size - 1);
    this.records.push({
      space,
      kind,
      seq,
      line,
      iovaHi,
      iovaLo,
      size,
      ret,
      bytes,
      first: lookUp(table, iovaHi, iovaLo),
      last: lookUp(table, (iovaHi + Math.floor(lastLo / TWO_32)) >>> 0, lastLo >>> 0),
      grown: counters[C.MAPPED_BYTES] - this.#mapped,
      subtrees: counters[C.SUBTREES_FREED] - this.#subtrees,
      parts: partsOf(counters) - this.#parts,
    });
    if (this.records.length >= MANY) this.#full();
  }
}

/** Physical address behind an IOVA, UNMAPPED where there is none; exact, since it has 52 bits at most. */
export function lookUp(table: PageTable, hi: number, lo: number): number {
  return iovaToPhys(table, hi, lo) ? table.foundHi * TWO_32 + table.foundLo : UNMAPPED;
}

function partsOf(counters: Float64Array): number {
  return counters[C.WARN_BY_PLACE + C.WARN_PARTIAL_UNMAP] + counters[C.BLOCKS_SPLIT];
}
