import { CommonPages } from '../../allocator/pages/common-pages.ts';
import { ALLOCATORS } from '../../allocator/registry.ts';
import type { RunPeaks } from '../../allocator/tickets/allocator-stats.ts';
import { chooseModel, kindOf, type ModelChoice, type ModelKind, modelText } from '../../base/model.ts';
import { hexHi, hexLo } from '../../base/u64.ts';
import type { Kernel } from '../../base/vocabulary.ts';
import { FLUSH_POLICIES } from '../../flush/registry.ts';
import type { BufferObjects } from '../../gpuvm/buffer-object.ts';
import { type GpuDriverKind, gpuDriver } from '../../gpuvm/drivers/registry.ts';
import type { IommuDomain } from '../../iommu/domain.ts';
import type { DomainTlb } from '../../iommu/domain-tlb.ts';
import { ENGINES } from '../../iommu/engines.ts';
import { chooserOf } from '../../iommu/page-size.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { TableMemory } from '../../lpae/table/memory.ts';
import type { Batch } from '../../trace/batch.ts';
import type { DomainEvent } from '../../trace/events.ts';
import { type AddressRange, Aperture } from '../../window/aperture.ts';
import { savingOf } from '../../window/required-range.ts';
import type { FlushStudies } from '../flush/flush-studies.ts';
import { DEFAULT_ALLOCATOR, DEFAULT_ENGINE, DEFAULT_FLUSH, type ReplayOptions } from '../options.ts';
import type { EventLog } from '../results/event-log.ts';
import { DEFAULT_DMA_OPTIONS } from '../windows/options.ts';
import { SpaceRules } from '../windows/space-rules.ts';
import { readRanges } from '../windows/window-fields.ts';
import { AddressSpace } from './address-space.ts';
import { askedConfig, fittedConfig } from './space-config.ts';

/** Makes the domain of a child, which no GPU driver owns. */
export type NestedDomain = (table: PageTable, tlb: DomainTlb) => IommuDomain;

/** What all address spaces of a replay share. */
export interface Shared {
  readonly memory: TableMemory;
  readonly peaks: RunPeaks;
  readonly flushes: FlushStudies;
  readonly objects: BufferObjects;
  readonly log: EventLog | null;
}

/** Makes address spaces as `domain` events and the options ask for them. */
export class SpaceMaker {
  readonly #options: ReplayOptions;
  readonly #shared: Shared;
  readonly #common = new CommonPages();
  readonly #error: (batch: Batch, i: number, message: string) => Error;

  /** `error` gives an input error at the line of the event at `i`. */
  constructor(options: ReplayOptions, shared: Shared, error: (batch: Batch, i: number, message: string) => Error) {
    this.#options = options;
    this.#shared = shared;
    this.#error = error;
  }

  /**
   * An address space, refused where it cannot be. `nested` makes the domain of a child; `failAllocIn` is the allocation that
   * fails, 0: none. Throws an input error for what no address space can have.
   */
  make(
    event: DomainEvent,
    batch: Batch,
    i: number,
    nested: NestedDomain | null,
    kernel: Kernel,
    failAllocIn: number,
  ): AddressSpace {
    const { memory, peaks, flushes, objects, log } = this.#shared;
    if (event.tableBase !== undefined && !isTableBase(event.tableBase)) {
      throw this.#error(batch, i, `"tableBase" is ${event.tableBase}; it must be a multiple of 4096 below 2^47`);
    }
    const driver = nested === null ? (this.#options.driver ?? event.driver ?? 'iommu') : 'iommu';
    const kind = gpuDriver(driver);
    const asked = askedConfig(event, kind, this.#options, kernel);
    const required = this.#requiredOf(event, kind, nested !== null, batch, i);
    const { config, refusal } = fittedConfig(asked, event, this.#options.overrides.ias, required);
    const flush = this.#options.flush ?? this.#ownModel('flush', event.flush, FLUSH_POLICIES, DEFAULT_FLUSH, batch, i);
    const allocator =
      this.#options.allocator ??
      this.#ownModel('allocator', event.allocator, ALLOCATORS, kind?.allocator ?? DEFAULT_ALLOCATOR, batch, i);
    const ownFormat = kind !== null && kind.allocator === null;
    const policy = flushes.policyOf(event.id, flush, config, kind);
    // A GPU driver calls io-pgtable itself, whatever stands behind IOMMU domains.
    const engine = (kind === null ? this.#options.engine : null) ?? DEFAULT_ENGINE;
    if (nested !== null && engine.name !== DEFAULT_ENGINE.name) {
      throw this.#error(batch, i, 'nested address spaces are replayed with the engine arm only; leave --engine out');
    }
    const engineKind = kindOf(engine, ENGINES);
    const strategy = kindOf(allocator, ALLOCATORS).create(allocator.parameters, {
      zero: this.#options.zero,
      common: this.#common,
    });
    strategy.stats.peaks = peaks;
    const space = new AddressSpace({
      id: event.id,
      config,
      memory,
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
                objects,
                log,
              }),
      ownFormat,
      allocator: strategy,
      allocatorName: ownFormat ? driver : modelText(allocator),
      policy: policy.make,
      policyName: policy.name,
      log,
      engine:
        nested ?? ((table, tlb) => engineKind.create(table, tlb, engine.parameters, this.#options.metered === true)),
      tableBase: event.tableBase,
      tableMin: event.tableMin,
      failAllocIn,
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
    if (typeof choice === 'string') throw this.#error(batch, i, `"${field}": ${choice}`);
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
      throw this.#error(batch, i, `domain ${id} with "require": the address bits are the GPU driver's own choice`);
    }
    const ranges = readRanges('require', require);
    if (typeof ranges === 'string') throw this.#error(batch, i, ranges);
    return ranges;
  }
}

/** Tables must lie where a descriptor of any granule can point. */
function isTableBase(text: string): boolean {
  return hexHi(text) < 2 ** 15 && hexLo(text) % 4096 === 0;
}
