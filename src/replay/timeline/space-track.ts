import * as G from '../../gpuvm/gpu-counters.ts';
import * as C from '../../lpae/counters.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import { type Gauges, NO_PEAK } from './gauges.ts';

/** Counters of the engine that a timeline counts, by their metric. */
const ENGINE_COUNTS: readonly (readonly [string, number])[] = [
  ['tables.allocated', C.TABLE_ALLOCS],
  ['tables.freed', C.TABLE_FREES],
  ['blocks.split', C.BLOCKS_SPLIT],
  ['tlb.flushWalks', C.FLUSH_WALKS],
  ['tlb.iotlbSyncs', C.IOTLB_SYNCS],
  ['tlb.addPages', C.ADD_PAGES],
  ['tlb.flushAlls', C.FLUSH_ALLS],
  ['walker.ptSyncs', C.PT_SYNCS],
];
/** The rest is counted elsewhere, in this order. */
export const COUNTS: readonly string[] = [
  ...ENGINE_COUNTS.map(([key]) => key),
  'warns.total',
  'tlb.commands',
  'tlb.commandSyncs',
  'alloc.calls',
];

/** What an event can cost of which there are counters: the metrics of offenders that come from the engine. */
export const COSTS: readonly (readonly [string, number])[] = [
  ['tables.allocated', C.TABLE_ALLOCS],
  ['tlb.addPages', C.ADD_PAGES],
  ['tlb.flushWalks', C.FLUSH_WALKS],
  ['blocks.split', C.BLOCKS_SPLIT],
];

const COST_COUNTERS = COSTS.map(([, counter]) => counter);
const ENGINE_COUNTERS = ENGINE_COUNTS.map(([, counter]) => counter);

/** How far the counters of one address space have been taken into account. */
export class SpaceTrack {
  readonly space: AddressSpace;
  /** The bucket in which it was touched last. */
  bucket = -1;
  /** What nobody has been charged with yet, by COSTS. */
  readonly costs = new Float64Array(COSTS.length);
  /** Some of them is not 0. */
  owes = false;
  readonly #counters: Float64Array;
  readonly #costsSeen = new Float64Array(COSTS.length);
  /** Bytes mapped when it was looked at last, and the most that there ever were until then. */
  #mappedSeen = 0;
  #mappedPeak = 0;
  readonly #counted = new Float64Array(COUNTS.length);

  constructor(space: AddressSpace) {
    this.space = space;
    this.#counters = space.counters;
  }

  /**
   * Adds what has been added since the last time to `costs`, and tells the gauges what is mapped: how many bytes more than the
   * last time, and how many more at most in between, which a request that fails takes back before anybody can look. For that the
   * mark of the most begins anew each time; `restore` gives it back.
   */
  take(gauges: Pick<Gauges, 'moveMapped'>): void {
    const counters = this.#counters;
    for (let at = 0; at < COST_COUNTERS.length; at++) {
      const now = counters[COST_COUNTERS[at]];
      if (now === this.#costsSeen[at]) continue;
      this.costs[at] += now - this.#costsSeen[at];
      this.#costsSeen[at] = now;
      this.owes = true;
    }
    const mapped = counters[C.MAPPED_BYTES];
    const peak = counters[C.MAPPED_BYTES_PEAK];
    if (peak === NO_PEAK && mapped === this.#mappedSeen) return;
    gauges.moveMapped(mapped - this.#mappedSeen, Math.max(mapped, peak) - this.#mappedSeen);
    this.#mappedSeen = mapped;
    if (peak > this.#mappedPeak) this.#mappedPeak = peak;
    counters[C.MAPPED_BYTES_PEAK] = NO_PEAK;
  }

  /** Gives the counters their peak back, after the last `take`. */
  restore(): void {
    this.#counters[C.MAPPED_BYTES_PEAK] = this.#mappedPeak;
  }

  /** Somebody has been charged with `costs`. */
  charged(): void {
    if (!this.owes) return;
    for (let at = 0; at < COST_COUNTERS.length; at++) this.costs[at] = 0;
    this.owes = false;
  }

  /** Adds what has been counted since the last time to the sums from `row[at]` on. */
  count(row: Float64Array, at: number): void {
    const { space } = this;
    const counters = this.#counters;
    let i = 0;
    for (; i < ENGINE_COUNTERS.length; i++) this.#add(row, at, i, counters[ENGINE_COUNTERS[i]]);
    this.#add(row, at, i++, counters[C.WARNS] + (space.refusal?.warns ?? 0));
    this.#add(row, at, i++, space.policy?.commands ?? 0);
    this.#add(row, at, i++, space.policy?.commandSyncs ?? 0);
    this.#add(row, at, i, allocatorCalls(space));
  }

  #add(row: Float64Array, at: number, i: number, now: number): void {
    row[at + i] += now - this.#counted[i];
    this.#counted[i] = now;
  }
}

/** Calls of the page allocator for pages, other than for the start table, which is no operation's. */
function allocatorCalls({ gpu, stats, table }: AddressSpace): number {
  if (gpu?.own) return gpu.counters[G.OWN_PAGES] - 1;
  return stats.singleCalls + stats.bulkCalls - (table === null ? 0 : 1);
}
