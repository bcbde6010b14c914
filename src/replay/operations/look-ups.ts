import { hex64, TWO_32 } from '../../base/u64.ts';
import type { GpuVm } from '../../gpuvm/gpu-vm.ts';
import { readDirty, setDirty } from '../../lpae/dirty.ts';
import { iovaToPhys, walkPageTable } from '../../lpae/lookup.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { type Batch, FLAG_CLEAR } from '../../trace/batch.ts';
import { type ResultLines, walkFields } from '../results/result-lines.ts';
import type { Verdicts } from '../results/verdicts.ts';
import type { AddressSpace } from '../spaces/address-space.ts';

/** Addresses of dirty leaves in shared tables that a line lists. */
const ALIASES_LISTED = 4096;

/**
 * Carries out the events that change no translation: look-ups, walks and dirty state. Judges and reports what they found;
 * the verdicts know already which event is at hand.
 */
export class LookUps {
  readonly #verdicts: Verdicts;
  readonly #results: ResultLines | null;

  constructor(verdicts: Verdicts, results: ResultLines | null) {
    this.#verdicts = verdicts;
    this.#results = results;
  }

  /** An `iova_to_phys` (io-pgtable-arm.c:arm_lpae_iova_to_phys). */
  lookUp(space: AddressSpace, table: PageTable, batch: Batch, i: number, seq: number): void {
    const found = iovaToPhys(table, batch.iovaHi[i], batch.iovaLo[i]);
    this.#verdicts.lookedUp(space, table, batch, i, found);
    if (this.#results === null) return;
    const note = table.undefinedResult ? ',"undefined":true' : '';
    const paddr = hex64(table.foundHi, table.foundLo);
    this.#results.lookup(seq, 'iova_to_phys', space, `,"paddr":"${paddr}","found":${found}${note}`);
  }

  /** An `iova_to_phys` in the page tables of a GPU driver's own format. */
  lookUpOwn(space: AddressSpace, gpu: GpuVm, batch: Batch, i: number, seq: number): void {
    const paddr = gpu.translate(batch.iovaHi[i] * TWO_32 + batch.iovaLo[i]);
    const found = paddr >= 0;
    const hi = found ? Math.floor(paddr / TWO_32) : 0;
    const lo = found ? paddr >>> 0 : 0;
    this.#verdicts.expected(space, batch, i, found, hi, lo);
    this.#results?.lookup(seq, 'iova_to_phys', space, `,"paddr":"${hex64(hi, lo)}","found":${found}`);
  }

  /** A `walk`, with the entry of each level (io-pgtable-arm.c:arm_lpae_pgtable_walk). */
  walk(space: AddressSpace, table: PageTable, batch: Batch, i: number, seq: number): void {
    const walk = walkPageTable(table, batch.iovaHi[i], batch.iovaLo[i]);
    if (table.undefinedResult) this.#verdicts.undefinedLookup(space, batch, i);
    this.#results?.lookup(seq, 'walk', space, walkFields(table, walk));
  }

  /** Hardware writes through the leaf of an address, in a table with dirty tracking. */
  setDirty(space: AddressSpace, table: PageTable, batch: Batch, i: number, seq: number): void {
    const changed = setDirty(table, batch.iovaHi[i], batch.iovaLo[i]);
    this.#results?.lookup(seq, 'set_dirty', space, `,"changed":${changed}`);
  }

  /** Lists the dirty leaves of a range, and clears them if asked to (io-pgtable-arm.c:arm_lpae_read_and_clear_dirty). */
  readDirty(space: AddressSpace, table: PageTable, batch: Batch, i: number, seq: number): void {
    const records: string[] = [];
    const keep = this.#results !== null;
    let ambiguous = 0;
    const clear = (batch.flags[i] & FLAG_CLEAR) !== 0;
    const ret = readDirty(table, batch.iovaHi[i], batch.iovaLo[i], batch.size[i], clear, (hi, lo, size, some) => {
      if (some) ambiguous++;
      // One leaf in shared tables may stand for millions of addresses.
      if (keep && (!some || ambiguous <= ALIASES_LISTED)) records.push(`["${hex64(hi, lo)}",${size}]`);
    });
    if (ret !== 0) space.failed(ret);
    if (table.sharing !== null) table.sharing.dirtyAmbiguous += ambiguous;
    const more = ambiguous > ALIASES_LISTED ? `,"recordsLeftOut":${ambiguous - ALIASES_LISTED}` : '';
    const note = ambiguous > 0 ? `,"ambiguous":true${more}` : '';
    this.#results?.counted(seq, 'read_dirty', space, `,"ret":${ret},"records":[${records.join(',')}]${note}`);
  }
}
