import { RunPeaks } from '../../allocator/tickets/allocator-stats.ts';
import { inputError } from '../../base/errors.ts';
import { type Kernel, kernelOfVersion } from '../../base/vocabulary.ts';
import type { BufferObjects } from '../../gpuvm/buffer-object.ts';
import type { IommuDomain } from '../../iommu/domain.ts';
import { TableMemory } from '../../lpae/table/memory.ts';
import { type Batch, NONE } from '../../trace/batch.ts';
import type { DomainEvent, TraceEvent } from '../../trace/events.ts';
import { FlushStudies } from '../flush/flush-studies.ts';
import type { ReplayOptions } from '../options.ts';
import type { EventLog } from '../results/event-log.ts';
import type { Findings } from '../results/findings.ts';
import type { AddressSpace } from './address-space.ts';
import { type NestedDomain, SpaceMaker } from './space-maker.ts';

/** Id of the address space of a trace that declares none. */
export const DEFAULT_DOMAIN = 'd0';
const KNOWN_SHOWN = 5;

/** The trace being replayed, as far as messages and names need it. */
export interface TraceNames {
  readonly name: string;
  /** Ids by the reader's domain index; grows while reading. */
  readonly domains: readonly string[];
}

/** The address spaces of a replay: creates them from `domain` events and finds the one an event is about. */
export class SpaceDirectory {
  readonly memory: TableMemory;
  /** All that there ever were, in the order of their creation. */
  readonly spaces: AddressSpace[] = [];
  readonly peaks = new RunPeaks();
  readonly flushes: FlushStudies;
  kernel: Kernel;
  /** No `domain` event declared the address space that was used. */
  domainAssumed = false;
  readonly #options: ReplayOptions;
  readonly #names: TraceNames;
  readonly #maker: SpaceMaker;
  readonly #created: (space: AddressSpace) => void;
  /** Latest address space by id, and by the reader's domain index. */
  readonly #byId = new Map<string, AddressSpace>();
  #byIndex: (AddressSpace | null)[] = [];
  #only: AddressSpace | null = null;
  #pendingFail = 0;

  /** `created` hears of every new address space. */
  constructor(
    options: ReplayOptions,
    names: TraceNames,
    log: EventLog | null,
    objects: BufferObjects,
    findings: Findings,
    created: (space: AddressSpace) => void,
  ) {
    this.flushes = new FlushStudies(options, findings, log);
    this.#created = created;
    this.memory = new TableMemory(undefined, options.sharers);
    this.#options = options;
    this.#names = names;
    this.kernel = options.kernel ?? '7.1';
    const { memory, peaks, flushes } = this;
    this.#maker = new SpaceMaker(options, { memory, peaks, flushes, objects, log }, (batch, i, message) =>
      this.error(batch, i, message),
    );
  }

  /** More than one id has been declared. */
  get several(): boolean {
    return this.#byId.size > 1;
  }

  /** The address space of the event at `i`. Throws an input error when there is none. */
  of(batch: Batch, i: number): AddressSpace {
    const index = batch.domain[i];
    if (index !== NONE) return this.#byIndex[index] ?? this.#named(index, batch, i);
    return this.#only ?? this.#implicit(batch, i);
  }

  /** The address space that an event names by `index`, NONE where it names none; null before its first event. */
  known(index: number): AddressSpace | null {
    return index === NONE ? this.#only : (this.#byIndex[index] ?? null);
  }

  /** Takes the kernel from a `trace` event, unless an option has chosen one. */
  readKernel(event: TraceEvent, batch: Batch, i: number): void {
    if (this.#options.kernel !== null || event.kernel === undefined) return;
    const kernel = kernelOfVersion(event.kernel);
    if (kernel === null) {
      throw this.error(batch, i, `kernel ${JSON.stringify(event.kernel)} is no version; such as "6.12" or "7.1" is`);
    }
    this.kernel = kernel;
  }

  /** Notes a `fail_alloc` that comes before any domain: it counts the allocations of the first. False when there is one. */
  failFirst(batch: Batch, i: number): boolean {
    if (this.spaces.length > 0 || batch.domain[i] !== NONE) return false;
    this.#pendingFail = batch.count[i];
    return true;
  }

  /** Creates an address space; `nested` makes the domain of a child, which no GPU driver owns. */
  create(event: DomainEvent, batch: Batch, i: number, nested: NestedDomain | null = null): AddressSpace {
    const id = JSON.stringify(event.id);
    const previous = this.#byId.get(event.id);
    if (previous !== undefined && !previous.destroyed && previous.refusal === null) {
      throw this.error(batch, i, `domain ${id} exists already; destroy it first or choose another id`);
    }
    const space = this.#maker.make(event, batch, i, nested, this.kernel, this.#pendingFail);
    this.#pendingFail = 0;
    this.spaces.push(space);
    this.#created(space);
    this.#byId.set(event.id, space);
    this.#byIndex = [];
    this.#only = this.#byId.size === 1 ? space : null;
    return space;
  }

  /** The domain of an address space that was created and not destroyed. Throws an input error for another. */
  usable(space: AddressSpace, batch: Batch, i: number): IommuDomain {
    if (space.domain !== null && !space.destroyed) return space.domain;
    this.alive(space, batch, i);
    const id = JSON.stringify(space.id);
    throw this.error(
      batch,
      i,
      `domain ${id} has the page tables of ${space.driver}, which take binds and look-ups only`,
    );
  }

  /** Throws an input error for an address space that was refused, or destroyed. */
  alive(space: AddressSpace, batch: Batch, i: number): void {
    if (space.refusal === null && !space.destroyed) return;
    const id = JSON.stringify(space.id);
    const why = space.destroyed ? 'has been destroyed' : `was refused: ${space.refusal?.reason}`;
    throw this.error(batch, i, `domain ${id} ${why}`);
  }

  /** An input error at the line of the event at `i`. */
  error(batch: Batch, i: number, message: string): Error {
    return inputError(message, { file: this.#names.name, line: batch.line[i], column: 1 });
  }

  #named(index: number, batch: Batch, i: number): AddressSpace {
    const space = this.byName(this.#names.domains[index], batch, i);
    this.#byIndex[index] = space;
    return space;
  }

  /** The address space of that id. Throws an input error when there is none. */
  byName(id: string, batch: Batch, i: number): AddressSpace {
    const space = this.#byId.get(id);
    if (space === undefined) {
      const known = [...this.#byId.keys()].slice(0, KNOWN_SHOWN).map((name) => JSON.stringify(name));
      const declared = known.length === 0 ? '' : ` (declared: ${known.join(', ')})`;
      const fix = `declare it first: {"op":"domain","id":${JSON.stringify(id)}}`;
      throw this.error(batch, i, `no domain ${JSON.stringify(id)}; ${fix}${declared}`);
    }
    return space;
  }

  #implicit(batch: Batch, i: number): AddressSpace {
    if (this.spaces.length > 0) {
      throw this.error(batch, i, '"domain" is missing; the trace has several domains, so each event must name its own');
    }
    this.domainAssumed = true;
    // The start table of a domain that nobody declares was there before the trace began.
    const failAllocIn = this.#pendingFail;
    this.#pendingFail = 0;
    const space = this.create({ op: 'domain', id: DEFAULT_DOMAIN }, batch, i);
    if (failAllocIn > 0) space.failAlloc(failAllocIn);
    return space;
  }
}
