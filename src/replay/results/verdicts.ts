import { hex64 } from '../../base/u64.ts';
import { errnoName } from '../../base/vocabulary.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { type Batch, FLAG_HAS_PADDR } from '../../trace/batch.ts';
import { OP_MAP, OP_MAP_PAGES, OPS } from '../../trace/events.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import type { FindingKind, Findings } from './findings.ts';

/** Holds what the model answered against what the trace says it should, and turns differences into findings. */
export class Verdicts {
  /** Number of the event being judged. */
  seq = 0;
  readonly #findings: Findings;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  /** The recording holds what the call really returned: an errno of a map, the bytes of an unmap. */
  returned(space: AddressSpace, batch: Batch, i: number, ours: number): void {
    const { tally } = space;
    tally.returnsChecked++;
    const theirs = batch.ret[i];
    if (ours === theirs) {
      tally.returnsEqual++;
      return;
    }
    // The recorded kernel had pages where this allocator refused them: from then on it is another history.
    if (space.denied) return;
    const op = batch.op[i];
    const isMap = op === OP_MAP || op === OP_MAP_PAGES;
    const show = (value: number): string => (isMap ? errnoName(value) : `0x${value.toString(16)} bytes`);
    const where = `${OPS[op]} at ${hex64(batch.iovaHi[i], batch.iovaLo[i])}`;
    this.#add('return-mismatch', space, batch, i, `${where} returned ${show(theirs)}, the model ${show(ours)}`);
  }

  /** A look-up has been answered; `pt` holds the answer. */
  lookedUp(space: AddressSpace, pt: PageTable, batch: Batch, i: number, found: boolean): void {
    if (pt.undefinedResult) {
      this.undefinedLookup(space, batch, i);
      return;
    }
    this.expected(space, batch, i, found, pt.foundHi, pt.foundLo);
  }

  /** Holds the physical address of a look-up, 0 where it found none, against what the trace expects. */
  expected(space: AddressSpace, batch: Batch, i: number, found: boolean, hi: number, lo: number): void {
    if ((batch.flags[i] & FLAG_HAS_PADDR) === 0) return;
    if (batch.paddrHi[i] === hi && batch.paddrLo[i] === lo) return;
    const iova = hex64(batch.iovaHi[i], batch.iovaLo[i]);
    const want = hex64(batch.paddrHi[i], batch.paddrLo[i]);
    const got = found ? hex64(hi, lo) : 'unmapped';
    this.#add('expectation', space, batch, i, `iova ${iova} is expected at ${want}, found ${got}`);
  }

  undefinedLookup(space: AddressSpace, batch: Batch, i: number): void {
    const where = `${OPS[batch.op[i]]} of ${hex64(batch.iovaHi[i], batch.iovaLo[i])}`;
    this.#add('undefined-lookup', space, batch, i, where);
  }

  pgdOverrun(space: AddressSpace, batch: Batch, i: number): void {
    const entries = space.table?.pgdEntries ?? 0;
    this.#add('pgd-overrun', space, batch, i, `the run continues behind the ${entries} entries of the start table`);
  }

  splitWithoutGather(space: AddressSpace, batch: Batch, i: number): void {
    this.#add('split-without-gather', space, batch, i, 'the split invalidates pages through a null gather');
  }

  #add(kind: FindingKind, space: AddressSpace, batch: Batch, i: number, message: string): void {
    this.#findings.add({ kind, seq: this.seq, line: batch.line[i], domain: space.id, message });
  }
}
