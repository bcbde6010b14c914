import type { RunPeaks } from '../../allocator/tickets/allocator-stats.ts';
import * as G from '../../gpuvm/gpu-counters.ts';
import type { OwnTable } from '../../gpuvm/gpu-vm.ts';
import * as C from '../../lpae/counters.ts';
import { LEVELS } from '../../lpae/format/geometry.ts';
import type { TableMemory } from '../../lpae/table/memory.ts';

/** One figure of a driver's own tables, as it was noted last. */
interface Noted {
  now: number;
  peak: number;
}

/**
 * Tells a run what one address space with page tables of a driver's own format has: what there is now, and what there was at
 * most since it was told last, where that is the most ever. The others stand still meanwhile, so that such a peak is one of the run.
 */
export class OwnFormatNotes {
  readonly #tables: Noted = { now: 0, peak: 0 };
  readonly #bytes: Noted = { now: 0, peak: 0 };
  readonly #unused: Noted = { now: 0, peak: 0 };
  readonly #levels: readonly Noted[] = Array.from({ length: LEVELS }, () => ({ now: 0, peak: 0 }));

  /** `gpu` holds the driver's own counters (gpuvm/gpu-counters.ts). */
  note({ counters }: OwnTable, gpu: Float64Array, memory: TableMemory, peaks: RunPeaks): void {
    memory.elsewhere(
      counters[C.TABLES_LIVE] - this.#tables.now,
      counters[C.BYTES_OCCUPIED] - this.#bytes.now,
      rise(this.#tables, counters[C.TABLES_PEAK]),
      rise(this.#bytes, counters[C.BYTES_OCCUPIED_PEAK]),
    );
    this.#tables.now = counters[C.TABLES_LIVE];
    this.#bytes.now = counters[C.BYTES_OCCUPIED];
    for (const [level, noted] of this.#levels.entries()) {
      const live = counters[C.LEVEL_ALLOCS + level] - counters[C.LEVEL_FREES + level];
      const most = rise(noted, counters[C.LEVEL_PEAK + level]);
      if (live !== noted.now || most > 0) memory.elsewhereAt(level, live - noted.now, most);
      noted.now = live;
    }
    const unused = gpu[G.OWN_RESERVED] - gpu[G.OWN_USED] - gpu[G.OWN_RETURNED];
    const most = rise(this.#unused, gpu[G.OWN_RESERVED_PEAK]);
    if (unused !== this.#unused.now || most > 0) peaks.elsewhere(unused - this.#unused.now, most);
    this.#unused.now = unused;
  }
}

/** How far a figure rose above what was noted last, when that made a new peak. */
function rise(noted: Noted, peak: number): number {
  if (peak <= noted.peak) return Number.NEGATIVE_INFINITY;
  noted.peak = peak;
  return peak - noted.now;
}
