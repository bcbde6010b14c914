import type { RunPeaks } from '../../allocator/tickets/allocator-stats.ts';
import { LEVELS } from '../../lpae/format/geometry.ts';
import type { TableMemory } from '../../lpae/table/memory.ts';
import type { RangePeaks } from '../../reservation/areas/range-peaks.ts';

/** The gauges by their metric: levels first. */
export const GAUGES = [
  'tables.live.l0',
  'tables.live.l1',
  'tables.live.l2',
  'tables.live.l3',
  'tables.live',
  'memory.occupied',
  'op.unused',
  'alloc.held',
  'reservations.pinned',
  'mapped.live',
] as const;

const TABLES = LEVELS;
const OCCUPIED = 5;
const UNUSED = 6;
const HELD = 7;
const PINNED = 8;
const MAPPED = 9;
/** Below every value, so that the next one is a peak. */
export const NO_PEAK = -1;

/**
 * Values of a run as a whole, least and most within one bucket. The least is that after some event. The most is also that of
 * moments within an event: the run's own marks of the most (`TableMemory.peakTables` and the like) begin anew with each bucket and
 * get back what they would have been in `restore`. What is mapped has a mark in each address space, which `SpaceTrack` looks at.
 */
export class Gauges {
  readonly min = new Float64Array(GAUGES.length);
  readonly max = new Float64Array(GAUGES.length);
  /** Known once there is a reservation, or a grace period, in some address space. */
  ranges: RangePeaks | null = null;
  readonly #memory: TableMemory;
  readonly #allocator: RunPeaks;
  /** The most there ever was before the bucket at hand. */
  readonly #before = new Float64Array(GAUGES.length);
  /** Bytes mapped now, over all address spaces. */
  #mapped = 0;

  constructor(memory: TableMemory, allocator: RunPeaks) {
    this.#memory = memory;
    this.#allocator = allocator;
    this.#begin();
  }

  /** What is mapped has become so many bytes more, and was `above` more at most on the way; the others kept what they have. */
  moveMapped(more: number, above: number): void {
    const peak = this.#mapped + above;
    if (peak > this.max[MAPPED]) this.max[MAPPED] = peak;
    this.#mapped += more;
  }

  /** Looks at all of them, after an event. */
  sample(): void {
    const memory = this.#memory;
    const levels = memory.tablesByLevel;
    for (let level = 0; level < LEVELS; level++) this.#see(level, levels[level]);
    this.#see(TABLES, memory.tables);
    this.#see(OCCUPIED, memory.occupied);
    this.#see(UNUSED, this.#allocator.unusedNow);
    this.#see(HELD, this.#allocator.heldBytes);
    this.#see(PINNED, this.ranges === null ? 0 : this.ranges.pinned);
    this.#see(MAPPED, this.#mapped);
  }

  /** Ends a bucket: writes the least of each from `row[at]` on, then the most of each, and begins another. */
  end(row: Float64Array, at: number): void {
    const memory = this.#memory;
    const allocator = this.#allocator;
    for (let level = 0; level < LEVELS; level++) this.#peak(level, memory.peakByLevel[level]);
    this.#peak(TABLES, memory.peakTables);
    this.#peak(OCCUPIED, memory.peakOccupied);
    this.#peak(UNUSED, allocator.unusedPeak);
    this.#peak(HELD, allocator.heldBytesPeak);
    if (this.ranges !== null) this.#peak(PINNED, this.ranges.pinnedPeak);
    row.set(this.min, at);
    row.set(this.max, at + GAUGES.length);
    this.#begin();
  }

  /** Gives the run its peaks back, after the last bucket. */
  restore(): void {
    const before = this.#before;
    const memory = this.#memory;
    const allocator = this.#allocator;
    for (let level = 0; level < LEVELS; level++) memory.peakByLevel[level] = before[level];
    memory.peakTables = before[TABLES];
    memory.peakOccupied = before[OCCUPIED];
    allocator.unusedPeak = before[UNUSED];
    allocator.heldBytesPeak = before[HELD];
    if (this.ranges !== null) this.ranges.pinnedPeak = before[PINNED];
  }

  #begin(): void {
    const memory = this.#memory;
    const allocator = this.#allocator;
    this.min.fill(Number.POSITIVE_INFINITY);
    this.max.fill(NO_PEAK);
    memory.peakByLevel.fill(NO_PEAK);
    memory.peakTables = NO_PEAK;
    memory.peakOccupied = NO_PEAK;
    allocator.unusedPeak = NO_PEAK;
    allocator.heldBytesPeak = NO_PEAK;
    if (this.ranges !== null) this.ranges.pinnedPeak = NO_PEAK;
  }

  /** Takes in a mark of the run. */
  #peak(gauge: number, mark: number): void {
    if (mark > this.max[gauge]) this.max[gauge] = mark;
    if (mark > this.#before[gauge]) this.#before[gauge] = mark;
  }

  #see(gauge: number, value: number): void {
    if (value < this.min[gauge]) this.min[gauge] = value;
    if (value > this.max[gauge]) this.max[gauge] = value;
  }
}
