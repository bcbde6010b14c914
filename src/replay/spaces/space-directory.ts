import { CommonPages } from '../../allocator/pages/common-pages.ts';
import { ALLOCATORS } from '../../allocator/registry.ts';
import { RunPeaks } from '../../allocator/tickets/allocator-stats.ts';
import { inputError } from '../../base/errors.ts';
import { chooseModel, kindOf, type ModelChoice, type ModelKind, modelText } from '../../base/model.ts';
import { bitmapSizes, sizesBitmap } from '../../base/sizes.ts';
import { hexBitmap, hexHi, hexLo } from '../../base/u64.ts';
import { ENOSPC, type Kernel, kernelOfVersion, type Quirk } from '../../base/vocabulary.ts';
import { FLUSH_POLICIES } from '../../flush/registry.ts';
import type { BufferObjects } from '../../gpuvm/buffer-object.ts';
import { type GpuDriverKind, gpuDriver } from '../../gpuvm/drivers/registry.ts';
import type { IommuDomain } from '../../iommu/domain.ts';
import type { DomainTlb } from '../../iommu/domain-tlb.ts';
import { ENGINES } from '../../iommu/engines.ts';
import { chooserOf } from '../../iommu/page-size.ts';
import {
  ConfigRefused,
  DEFAULT_CONFIG,
  DEFAULT_PGSIZES,
  defaultPartialUnmap,
  type PgtableConfig,
} from '../../lpae/format/config.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { TableMemory } from '../../lpae/table/memory.ts';
import { type Batch, NONE } from '../../trace/batch.ts';
import type { DomainEvent, TraceEvent } from '../../trace/events.ts';
import { type AddressRange, Aperture } from '../../window/aperture.ts';
import { configFor, savingOf } from '../../window/required-range.ts';
import { FlushStudies } from '../flush/flush-studies.ts';
import { DEFAULT_ALLOCATOR, DEFAULT_ENGINE, DEFAULT_FLUSH, type ReplayOptions } from '../options.ts';
import type { EventLog } from '../results/event-log.ts';
import type { Findings } from '../results/findings.ts';
import { DEFAULT_DMA_OPTIONS } from '../windows/options.ts';
import { SpaceRules } from '../windows/space-rules.ts';
import { readRanges } from '../windows/window-fields.ts';
import { AddressSpace, type Refusal } from './address-space.ts';

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
  readonly #common = new CommonPages();
  kernel: Kernel;
  /** No `domain` event declared the address space that was used. */
  domainAssumed = false;
  readonly #options: ReplayOptions;
  readonly #names: TraceNames;
  readonly #log: EventLog | null;
  readonly #objects: BufferObjects;
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
    this.#objects = objects;
    this.memory = new TableMemory(undefined, options.sharers);
    this.#options = options;
    this.#names = names;
    this.#log = log;
    this.kernel = options.kernel ?? '7.1';
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
  create(
    event: DomainEvent,
    batch: Batch,
    i: number,
    nested: ((table: PageTable, tlb: DomainTlb) => IommuDomain) | null = null,
  ): AddressSpace {
    const id = JSON.stringify(event.id);
    const previous = this.#byId.get(event.id);
    if (previous !== undefined && !previous.destroyed && previous.refusal === null) {
      throw this.error(batch, i, `domain ${id} exists already; destroy it first or choose another id`);
    }
    if (event.tableBase !== undefined && !isTableBase(event.tableBase)) {
      throw this.error(batch, i, `"tableBase" is ${event.tableBase}; it must be a multiple of 4096 below 2^47`);
    }
    const driver = nested === null ? (this.#options.driver ?? event.driver ?? 'iommu') : 'iommu';
    const kind = gpuDriver(driver);
    const asked = this.#configOf(event, kind);
    const required = this.#requiredOf(event, kind, nested !== null, batch, i);
    const { config, refusal } = this.#fitted(asked, event, required);
    const flush = this.#options.flush ?? this.#ownModel('flush', event.flush, FLUSH_POLICIES, DEFAULT_FLUSH, batch, i);
    const allocator =
      this.#options.allocator ??
      this.#ownModel('allocator', event.allocator, ALLOCATORS, kind?.allocator ?? DEFAULT_ALLOCATOR, batch, i);
    const ownFormat = kind !== null && kind.allocator === null;
    const policy = this.flushes.policyOf(event.id, flush, config, kind);
    // A GPU driver calls io-pgtable itself, whatever stands behind IOMMU domains.
    const engine = (kind === null ? this.#options.engine : null) ?? DEFAULT_ENGINE;
    if (nested !== null && engine.name !== DEFAULT_ENGINE.name) {
      throw this.error(batch, i, 'nested address spaces are replayed with the engine arm only; leave --engine out');
    }
    const engineKind = kindOf(engine, ENGINES);
    const strategy = kindOf(allocator, ALLOCATORS).create(allocator.parameters, {
      zero: this.#options.zero,
      common: this.#common,
    });
    strategy.stats.peaks = this.peaks;
    const space = new AddressSpace({
      id: event.id,
      config,
      memory: this.memory,
      driver,
      gpu:
        kind === null
          ? null
          : (table, desk) =>
              kind.create({
                kernel: config.kernel,
                ias: config.ias,
                resident: event.resident ?? true,
                table,
                desk,
                maple: this.#options.maple,
                objects: this.#objects,
                log: this.#log,
              }),
      ownFormat,
      allocator: strategy,
      allocatorName: ownFormat ? driver : modelText(allocator),
      policy: policy.make,
      policyName: policy.name,
      log: this.#log,
      engine:
        nested ?? ((table, tlb) => engineKind.create(table, tlb, engine.parameters, this.#options.metered === true)),
      tableBase: event.tableBase,
      tableMin: event.tableMin,
      failAllocIn: this.#takePendingFail(),
      refusal,
    });
    if (required !== null && space.table !== null) {
      const rules = new SpaceRules((this.#options.dma ?? DEFAULT_DMA_OPTIONS).parentUnmap);
      rules.aperture = new Aperture(2 ** config.ias, required, false);
      rules.saving = savingOf(asked, config);
      space.rules = rules;
    }
    const { pgsizePolicy } = this.#options;
    if (space.domain !== null && pgsizePolicy !== undefined) {
      space.domain.chooser = chooserOf(pgsizePolicy, space.domain.table.config.pgsizes);
    }
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

  #takePendingFail(): number {
    const pending = this.#pendingFail;
    this.#pendingFail = 0;
    return pending;
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
    const failAllocIn = this.#takePendingFail();
    const space = this.create({ op: 'domain', id: DEFAULT_DOMAIN }, batch, i);
    if (failAllocIn > 0) space.failAlloc(failAllocIn);
    return space;
  }

  /** The model that a domain event names, or the default. */
  #ownModel(
    field: string,
    text: string | undefined,
    kinds: readonly ModelKind[],
    initial: ModelChoice,
    batch: Batch,
    i: number,
  ): ModelChoice {
    if (text === undefined) return initial;
    const choice = chooseModel(text, kinds);
    if (typeof choice === 'string') throw this.error(batch, i, `"${field}": ${choice}`);
    return choice;
  }

  /** IOVAs that a domain must be able to map; null: nobody says. */
  #requiredOf(
    event: DomainEvent,
    kind: GpuDriverKind | null,
    isNested: boolean,
    batch: Batch,
    i: number,
  ): readonly AddressRange[] | null {
    const require = (isNested ? undefined : this.#options.overrides.require) ?? event.require;
    if (require === undefined) return null;
    if (kind !== null) {
      const id = JSON.stringify(event.id);
      throw this.error(batch, i, `domain ${id} with "require": the address bits are the GPU driver's own choice`);
    }
    const ranges = readRanges('require', require);
    if (typeof ranges === 'string') throw this.error(batch, i, ranges);
    return ranges;
  }

  /** The smallest configuration that covers the required ranges, or why there is none. */
  #fitted(
    asked: PgtableConfig,
    event: DomainEvent,
    required: readonly AddressRange[] | null,
  ): { readonly config: PgtableConfig; readonly refusal: Refusal | null } {
    if (required === null) return { config: asked, refusal: null };
    const fixed = this.#options.overrides.ias;
    try {
      const config = configFor(asked, required);
      const limit = fixed ?? event.ias;
      if (limit !== undefined && limit < config.ias) {
        const reason = `the required range needs ${config.ias} bits of an IOVA; ias is ${limit}`;
        return { config: asked, refusal: { ret: -ENOSPC, reason, warns: 0 } };
      }
      return { config: fixed === undefined ? config : asked, refusal: null };
    } catch (error) {
      if (!(error instanceof ConfigRefused)) throw error;
      return { config: asked, refusal: { ret: -ENOSPC, reason: error.message, warns: error.warns } };
    }
  }

  #configOf(event: DomainEvent, kind: GpuDriverKind | null): PgtableConfig {
    const { overrides, partialUnmap, driver } = this.#options;
    const { pgsizes } = event;
    // What the trace says of its own driver does not hold for another.
    const foreign = kind !== null && driver !== null && driver !== event.driver;
    const own =
      pgsizes === undefined || foreign
        ? (kind?.pgsizes ?? DEFAULT_PGSIZES)
        : typeof pgsizes === 'string'
          ? hexBitmap(pgsizes)
          : sizesBitmap(pgsizes);
    const quirks = (overrides.quirks ?? (foreign ? [] : event.quirks) ?? []) as readonly Quirk[];
    return {
      format: overrides.format ?? event.format ?? DEFAULT_CONFIG.format,
      pgsizes: driverSizes(kind, overrides.pgsizes ?? own),
      ias: overrides.ias ?? event.ias ?? DEFAULT_CONFIG.ias,
      oas: overrides.oas ?? event.oas ?? DEFAULT_CONFIG.oas,
      coherent: overrides.coherent ?? event.coherent ?? true,
      quirks: kind === null ? quirks : kind.quirks(quirks, this.kernel),
      cpuPageSize: overrides.cpuPageSize ?? event.cpuPageSize ?? DEFAULT_CONFIG.cpuPageSize,
      kernel: this.kernel,
      partialUnmap: partialUnmap ?? defaultPartialUnmap(this.kernel),
    };
  }
}

/** A GPU driver asks the engine for its own page sizes, whatever else there is; where one is missing it is told so later. */
function driverSizes(kind: GpuDriverKind | null, asked: number): number {
  if (kind === null) return asked;
  const has = (size: number): boolean => Math.floor(asked / size) % 2 === 1;
  return bitmapSizes(kind.pgsizes).every(has) ? kind.pgsizes : asked;
}

/** Tables must lie where a descriptor of any granule can point. */
function isTableBase(text: string): boolean {
  return hexHi(text) < 2 ** 15 && hexLo(text) % 4096 === 0;
}
