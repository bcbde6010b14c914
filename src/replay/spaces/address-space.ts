import type { Demand } from '../../allocator/demand.ts';
import { type AllocatorStrategy, type AllocatorViolation, REFUSED } from '../../allocator/strategy.ts';
import type { AllocatorStats } from '../../allocator/tickets/allocator-stats.ts';
import { hexNumber } from '../../base/u64.ts';
import { type Driver, ENOMEM } from '../../base/vocabulary.ts';
import type { FlushStudy } from '../../flush/study/flush-study.ts';
import type { GpuVm } from '../../gpuvm/gpu-vm.ts';
import type { IommuDomain } from '../../iommu/domain.ts';
import type { FlushPolicy } from '../../iommu/flush-policy.ts';
import * as C from '../../lpae/counters.ts';
import type { PgtableConfig } from '../../lpae/format/config.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { TableMemory } from '../../lpae/table/memory.ts';
import type { WatchedAllocator } from '../flush/watched-allocator.ts';
import type { PartObservers } from '../part-observers.ts';
import type { Overlaps } from '../ranges/overlaps.ts';
import type { SpaceRanges } from '../ranges/space-ranges.ts';
import type { RepeatTally } from '../repeats/repeat-tally.ts';
import { OwnFormatNotes } from '../results/own-format-notes.ts';
import type { SpaceRules } from '../windows/space-rules.ts';
import type { RecordedSpace } from './recorded-space.ts';
import type { Refusal, SpaceParts } from './space-parts.ts';
import { makeSides } from './space-sides.ts';
import { SpaceTally } from './space-tally.ts';

/** One address space of a replay: its table, its TLB side, its allocator; or the reason why there is none. */
export class AddressSpace {
  readonly id: string;
  readonly asked: PgtableConfig;
  readonly driver: Driver;
  readonly memory: TableMemory;
  readonly allocator: AllocatorStrategy;
  /** Of the allocator, kept here: with several strategies in one run each look at theirs would be a search. */
  readonly announced: boolean;
  readonly usesContext: boolean;
  readonly stats: AllocatorStats;
  readonly violations: readonly AllocatorViolation[];
  /** The models as `NAME,k=v`. */
  readonly allocatorName: string;
  readonly policyName: string;
  readonly policy: FlushPolicy | null;
  /** The policy, where it is several, or one that acts on whole operations; and what watches table pages for it. */
  readonly study: FlushStudy | null;
  readonly tablePages: WatchedAllocator | null;
  readonly tally = new SpaceTally();
  readonly domain: IommuDomain | null;
  /** The GPU driver's side; null for plain IOMMU domains and refused ones. */
  readonly gpu: GpuVm | null;
  readonly refusal: Refusal | null;
  destroyed = false;
  /** The allocator has refused pages: what follows may differ from a recording for that reason alone. */
  denied = false;
  /** What the trace says is mapped, once an event tells what it returned. */
  recorded: RecordedSpace | null = null;
  /** Hears of what a GPU driver did outside the event at hand, where somebody keeps count of each event. */
  watcher: ((space: AddressSpace) => void) | null = null;
  /** Those who look on at the operations of jobs; null: nobody does. */
  observers: PartObservers | null = null;
  /** Repeat mappings, once there is one. */
  repeats: RepeatTally | null = null;
  /** Operations whose end is known, once there is one. */
  overlaps: Overlaps | null = null;
  /** IOVA reservations and grace periods, once there is any use for them. */
  ranges: SpaceRanges | null = null;
  /** Which operations it does not admit: windows, required ranges, children; null: all are. */
  rules: SpaceRules | null = null;
  /** Pages that the last submission reserved, and that the last operation used. */
  reserved = 0;
  used = 0;
  /** Pages that the last operation reserved when it began. */
  granted = 0;
  /** Until when the operation that ends last runs, in nanoseconds of the trace, and which it is. */
  readonly busy = { until: Number.NEGATIVE_INFINITY, seq: 0, line: 0 };
  #usedBefore = 0;
  readonly #ownNotes = new OwnFormatNotes();
  /** Tables parked and brought back before the operation at hand. */
  #parked = { parks: 0, unparks: 0 };

  constructor(parts: SpaceParts) {
    this.id = parts.id;
    this.asked = parts.config;
    this.driver = parts.driver;
    this.memory = parts.memory;
    this.allocator = parts.allocator;
    this.announced = parts.allocator.announced;
    this.usesContext = parts.allocator.usesContext;
    this.stats = parts.allocator.stats;
    this.violations = parts.allocator.violations;
    this.allocatorName = parts.allocatorName;
    this.policyName = parts.policyName;
    const sides = makeSides(parts, this);
    this.policy = sides.policy;
    this.study = sides.study;
    this.tablePages = sides.tablePages;
    this.domain = sides.domain;
    this.gpu = sides.gpu;
    this.refusal = sides.refusal;
    const { table } = this;
    // From here on it is the allocator that fails, in the phase in which it asks for the page.
    if (table !== null && table.failAllocIn > 0) this.#failIn(table, table.failAllocIn);
    this.noteOwnTables();
  }

  /** A tick passes: what is reserved and unused has been so for a tick longer. */
  tick(): void {
    this.stats.tick();
  }

  /** Reserves for the operations of one unit; a ticket, or REFUSED. */
  submit(demands: readonly Demand[]): number {
    const { stats } = this;
    const before = stats.reserved;
    const ticket = this.allocator.submit(demands);
    this.reserved = stats.reserved - before;
    if (ticket === REFUSED) this.denied = true;
    return ticket;
  }

  /** The unit runs now; false: it has no pages and must not touch the tree. */
  begin(ticket: number): boolean {
    const { stats } = this;
    this.#usedBefore = stats.used;
    const before = stats.reserved;
    const begun = ticket !== REFUSED && this.allocator.begin(ticket);
    // A strategy that plans for the tree as it is reserves only now.
    this.granted = stats.reserved - before;
    this.reserved += this.granted;
    return begun;
  }

  end(ticket: number): void {
    if (ticket !== REFUSED) this.allocator.end(ticket);
    this.used = this.stats.used - this.#usedBefore;
  }

  cleanup(ticket: number): void {
    if (ticket >= 0) this.allocator.cleanup(ticket);
  }

  /** An operation is about to run in an address space with reservations. */
  beginWatched(): void {
    const pinning = this.ranges?.reservations?.pinning;
    if (pinning !== undefined) this.#parked = { parks: pinning.parks, unparks: pinning.unparks };
  }

  /** What the operation with this ticket reserved and used, and what it parked, as fields of its result line. */
  usageFields(ticket: number): string {
    const pinning = this.ranges?.reservations?.pinning;
    let fields = '';
    if (this.announced && ticket >= REFUSED) {
      const { reserved, used } = this;
      fields = `,"reserved":${reserved},"used":${used},"returned":${Math.max(0, reserved - used)}`;
    }
    if (pinning === undefined) return fields;
    const { parks, unparks } = this.#parked;
    return `${fields},"parks":${pinning.parks - parks},"unparks":${pinning.unparks - unparks}`;
  }

  /** A GPU driver has done something: tables of its own format that have come or gone count in the peaks of the run. */
  noteOwnTables(): void {
    const { gpu } = this;
    if (gpu !== null && gpu.own !== null) this.#ownNotes.note(gpu.own, gpu.counters, this.memory, this.stats.peaks);
    this.watcher?.(this);
  }

  /** Counts an operation that failed. */
  failed(ret: number): void {
    this.tally.failed(ret);
    if (ret === -ENOMEM && this.allocator.refused) this.denied = true;
  }

  /** Fault injection: the nth page that tables are to be made of cannot be had. */
  failAlloc(nth: number): void {
    if (this.table !== null) this.#failIn(this.table, nth);
    else if (this.gpu?.own) this.gpu.own.failAllocIn = nth;
  }

  #failIn(table: PageTable, nth: number): void {
    table.failAllocIn = this.allocator.failPage(nth) ? 0 : nth;
  }

  get table(): PageTable | null {
    return this.domain?.table ?? null;
  }

  /** The engine's counters; all zero for an address space that was refused. */
  get counters(): Float64Array {
    return this.domain?.table.counters ?? this.gpu?.own?.counters ?? NO_COUNTERS;
  }

  /** Simulated address of the start table, in hex. */
  get rootAddress(): string {
    const { table } = this;
    return table === null ? '0x0' : hexNumber(table.memory.addressOf(table.root));
  }
}

const NO_COUNTERS = new Float64Array(C.COUNTERS);
