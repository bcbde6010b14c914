import type { RunPeaks } from '../../allocator/tickets/allocator-stats.ts';
import type { TableMemory } from '../../lpae/table/memory.ts';
import { type Batch, FLAG_HAS_TS } from '../../trace/batch.ts';
import type { BoundJob } from '../jobs/bound-job.ts';
import { FINDING_KINDS, type FindingKind, type Findings } from '../results/findings.ts';
import type { AddressSpace } from '../spaces/address-space.ts';
import { Buckets, type Join } from './buckets.ts';
import { eventAt, jobEvent } from './costly-events.ts';
import { GAUGES, Gauges } from './gauges.ts';
import { type CostlyEvent, Offenders } from './offenders.ts';
import { COSTS, COUNTS, SpaceTrack } from './space-track.ts';

const KINDS = Object.keys(FINDING_KINDS) as FindingKind[];
/** Columns of a bucket: its time, the least and the most of each gauge, sums. */
const TS = 0;
const MIN = 1;
const MAX = MIN + GAUGES.length;
const SUMS = MAX + GAUGES.length;
const FOUND = SUMS + COUNTS.length;
const COLUMNS = FOUND + KINDS.length;
/** The metric of pages that were reserved and went back unused, which comes from tickets and jobs. */
const RETURNED = 'op.returned';

/** A value over the buckets, and the whole timeline: see stats/timeline.ts, which these are given as. */
interface RecordedGauge {
  readonly min: number[];
  readonly max: number[];
}
export interface RecordedTimeline {
  readonly stride: number;
  readonly events: number;
  readonly ts: number[] | null;
  readonly gauges: Record<string, RecordedGauge>;
  readonly counts: Record<string, number[]>;
}

/**
 * Keeps a bounded record of a replay while it goes on. An address space is looked at when something has happened in it, so that
 * an event costs the same however many there are. What happens when the trace has ended belongs to the last event.
 */
export class TimelineRecorder {
  readonly #buckets: Buckets;
  readonly #gauges: Gauges;
  readonly #findings: Findings;
  readonly #row = new Float64Array(COLUMNS);
  readonly #tracks = new Map<AddressSpace, SpaceTrack>();
  /** Address spaces in which something happened since the bucket began; and when that was, as a serial number. */
  readonly #touched: SpaceTrack[] = [];
  #bucket = 0;
  /** Whoever ran last may have left a gather open, which the next event closes. */
  #last: SpaceTrack | null = null;
  /** Events of the bucket at hand, and all. */
  #filled = 0;
  #events = 0;
  readonly #found = new Float64Array(KINDS.length);
  readonly #offenders: readonly Offenders[] = COSTS.map(() => new Offenders());
  readonly #returned = new Offenders();
  /** What jobs have cost so far: their phases happen at different events. */
  readonly #jobCosts = new WeakMap<BoundJob, Float64Array>();
  #finished = false;
  /** Somebody reserved pages for operations; else `op.unused` is no more than the moment in which a `reserve` gets its tables. */
  #reserves = false;

  constructor(memory: TableMemory, allocator: RunPeaks, findings: Findings) {
    const joins: Join[] = new Array<Join>(COLUMNS).fill('sum').fill('least', MIN, MAX).fill('most', MAX, SUMS);
    joins[TS] = 'first';
    this.#buckets = new Buckets(joins);
    this.#gauges = new Gauges(memory, allocator);
    this.#findings = findings;
    this.#row[TS] = Number.NaN;
  }

  /** There is a new address space. Its start table is no operation's. */
  created(space: AddressSpace): void {
    space.watcher = (noted) => this.touch(noted);
    this.#settle(space).charged();
  }

  /** Something has happened in an address space. Whoever did it is charged with it when it is over. */
  touch(space: AddressSpace): void {
    this.#settle(space);
  }

  /** The event at `i` of a batch, number `seq`, has been carried out; `returned`: pages that it reserved and did not use. */
  ran(space: AddressSpace, batch: Batch, i: number, seq: number, returned: number): void {
    const track = this.#settle(space);
    if (track.owes) {
      for (let at = 0; at < COSTS.length; at++) {
        const value = track.costs[at];
        if (!this.#offenders[at].accepts(value, seq)) continue;
        this.#offenders[at].add(eventAt(COSTS[at][0], value, space, batch, i, seq));
      }
      track.charged();
    }
    if (returned > 0 && this.#returned.accepts(returned, seq)) {
      this.#returned.add(eventAt(RETURNED, returned, space, batch, i, seq));
    }
  }

  /** A job has been submitted, has run, or is gone: the event that bound it is charged with all of it. */
  phase(job: BoundJob): void {
    const track = this.#settle(job.space);
    const costs = this.#jobCosts.get(job) ?? new Float64Array(COSTS.length);
    this.#jobCosts.set(job, costs);
    for (let at = 0; at < COSTS.length; at++) {
      costs[at] += track.costs[at];
      if (this.#offenders[at].accepts(costs[at], job.seq)) {
        this.#offenders[at].add(jobEvent(COSTS[at][0], costs[at], job));
      }
    }
    track.charged();
    if (job.state !== 'submitted' && this.#returned.accepts(job.unused, job.seq)) {
      this.#returned.add(jobEvent(RETURNED, job.unused, job));
    }
  }

  /** The trace has come to the end of the event at `i` of a batch. */
  event(batch: Batch, i: number): void {
    if (this.#filled === 0 && this.#buckets.full) this.#buckets.halve();
    if ((batch.flags[i] & FLAG_HAS_TS) !== 0 && Number.isNaN(this.#row[TS])) this.#row[TS] = batch.ts[i];
    this.#gauges.sample();
    this.#events++;
    this.#filled++;
    if (this.#filled < this.#buckets.stride) return;
    this.#close();
    this.#buckets.push(this.#row);
    this.#begin();
  }

  /** The trace has ended, and everything has run. `spaces` are all that there ever were. Counters of the run are whole again. */
  finish(spaces: readonly AddressSpace[]): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#reserves = spaces.some(({ announced, table, gpu }) => (announced && table !== null) || gpu?.own);
    for (const space of spaces) this.#settle(space);
    this.#gauges.sample();
    this.#close();
    if (this.#filled > 0) this.#buckets.push(this.#row);
    else if (this.#buckets.length > 0) this.#buckets.amend(this.#row);
    this.#gauges.restore();
    for (const space of spaces) this.#trackOf(space).restore();
  }

  /** What was recorded, once it is finished; what was 0 all along is left out. */
  get timeline(): RecordedTimeline {
    const gauges: Record<string, RecordedGauge> = {};
    for (const [at, key] of GAUGES.entries()) {
      if (key === 'op.unused' && !this.#reserves) continue;
      const max = this.#numbers(MAX + at);
      if (max.some((value) => value > 0)) gauges[key] = { min: this.#numbers(MIN + at), max };
    }
    const counts: Record<string, number[]> = {};
    const keys = [...COUNTS, ...KINDS.map((kind) => `findings.${kind}`)];
    for (const [at, key] of keys.entries()) {
      const sums = this.#numbers(SUMS + at);
      if (sums.some((value) => value !== 0)) counts[key] = sums;
    }
    return { stride: this.#buckets.stride, events: this.#events, ts: times(this.#buckets.column(TS)), gauges, counts };
  }

  /** The events that cost the most, metric by metric. */
  get offenders(): CostlyEvent[] {
    const [tables, ...others] = this.#offenders;
    return [tables, this.#returned, ...others].flatMap(({ list }) => list);
  }

  /** Takes in what an address space has come to. */
  #settle(space: AddressSpace): SpaceTrack {
    let track = this.#last;
    if (track === null || track.space !== space) {
      if (track !== null) this.#mark(track);
      track = this.#trackOf(space);
      this.#last = track;
    }
    this.#mark(track);
    track.take(this.#gauges);
    if (space.ranges !== null) this.#gauges.ranges ??= space.ranges.grace.peaks;
    return track;
  }

  #trackOf(space: AddressSpace): SpaceTrack {
    let track = this.#tracks.get(space);
    if (track === undefined) {
      track = new SpaceTrack(space);
      this.#tracks.set(space, track);
    }
    return track;
  }

  #mark(track: SpaceTrack): void {
    if (track.bucket === this.#bucket) return;
    track.bucket = this.#bucket;
    this.#touched.push(track);
  }

  /** Completes the row of the bucket at hand. */
  #close(): void {
    const row = this.#row;
    if (this.#last !== null) this.#mark(this.#last);
    for (const track of this.#touched) track.count(row, SUMS);
    for (const [kind, count] of this.#findings.counts) {
      const at = KINDS.indexOf(kind);
      row[FOUND + at] += count - this.#found[at];
      this.#found[at] = count;
    }
    this.#gauges.end(row, MIN);
  }

  #begin(): void {
    this.#row.fill(0, SUMS);
    this.#row[TS] = Number.NaN;
    this.#touched.length = 0;
    this.#filled = 0;
    this.#bucket++;
  }

  #numbers(column: number): number[] {
    return Array.from(this.#buckets.column(column), (value) => Math.min(value, Number.MAX_SAFE_INTEGER));
  }
}

/** Times of buckets, each that of the one before where none of its events has one; null when nothing has. */
function times(column: Float64Array): number[] | null {
  let time = column.find((ts) => !Number.isNaN(ts));
  if (time === undefined) return null;
  const result: number[] = [];
  for (const ts of column) {
    if (!Number.isNaN(ts)) time = ts;
    result.push(time);
  }
  return result;
}
