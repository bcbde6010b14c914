import { CommonPages } from '../allocator/pages/common-pages.ts';
import { ALLOCATORS } from '../allocator/registry.ts';
import { kindOf, modelText } from '../base/model.ts';
import { sizesBitmap } from '../base/sizes.ts';
import type { Format, Kernel, PartialUnmap, Quirk } from '../base/vocabulary.ts';
import { QUIRKS } from '../base/vocabulary.ts';
import { policyAlone } from '../flush/registry.ts';
import { DEFAULT_CONFIG, defaultPartialUnmap } from '../lpae/format/config.ts';
import { TableMemory } from '../lpae/table/memory.ts';
import { AddressSpace as ReplayedSpace } from '../replay/spaces/address-space.ts';
import { listOf, oneOf } from '../trace/ndjson/checks.ts';
import { allocatorOf, flushOf } from './models.ts';
import { type Checks, checkOptions, TABLE_CHECKS } from './options.ts';

/** What an address space is asked for; what is left out is what a `domain` event without it would get. */
export interface AddressSpaceOptions {
  /** Page-table format; `ARM_64_LPAE_S1` unless it says. */
  readonly format?: Format;
  /** Page sizes in bytes, such as `[4096, 2 ** 21, 2 ** 30]`. */
  readonly pgsizes?: readonly number[];
  /** Bits of an IOVA; 48 unless it says. */
  readonly ias?: number;
  /** Bits of a physical address; 48 unless it says. */
  readonly oas?: number;
  /** The table walker snoops the caches; true unless it says. */
  readonly coherent?: boolean;
  /** Switches of the engine; none unless it says. */
  readonly quirks?: readonly Quirk[];
  /** Kernel whose engine it is; `7.1` unless it says. */
  readonly kernel?: Kernel;
  /** What an unmap of a part of a block does; as that kernel does unless it says. */
  readonly partialUnmap?: PartialUnmap;
  /** `NAME,k=v`, as `--allocator` takes it. */
  readonly allocator?: string;
  /** `NAME,k=v`, as `--flush` takes it. */
  readonly flush?: string;
}

const SPACE_CHECKS: Checks<AddressSpaceOptions> = { ...TABLE_CHECKS, quirks: listOf(oneOf(QUIRKS), 'quirks') };

/**
 * An address space of a replay with one domain under the IOMMU core and a memory of its own. One without a domain was refused
 * as the kernel would refuse its configuration. Throws PgtraceError for models and page sizes that there are not.
 * @internal
 */
export function newSpace(options: AddressSpaceOptions): ReplayedSpace {
  checkOptions('AddressSpace', options, SPACE_CHECKS);
  const kernel = options.kernel ?? DEFAULT_CONFIG.kernel;
  const allocator = allocatorOf(options.allocator ?? 'kernel');
  const flush = flushOf(options.flush ?? 'none');
  const pgsizes = options.pgsizes === undefined ? DEFAULT_CONFIG.pgsizes : sizesBitmap(options.pgsizes);
  return new ReplayedSpace({
    id: 'd0',
    config: {
      format: options.format ?? DEFAULT_CONFIG.format,
      pgsizes,
      ias: options.ias ?? DEFAULT_CONFIG.ias,
      oas: options.oas ?? DEFAULT_CONFIG.oas,
      coherent: options.coherent ?? DEFAULT_CONFIG.coherent,
      quirks: options.quirks ?? DEFAULT_CONFIG.quirks,
      cpuPageSize: DEFAULT_CONFIG.cpuPageSize,
      kernel,
      partialUnmap: options.partialUnmap ?? defaultPartialUnmap(kernel),
    },
    memory: new TableMemory(),
    driver: 'iommu',
    gpu: null,
    ownFormat: false,
    allocator: kindOf(allocator, ALLOCATORS).create(allocator.parameters, { zero: true, common: new CommonPages() }),
    allocatorName: modelText(allocator),
    policy: (smallestPage) => policyAlone(flush, { kernel, smallestPage, log: null }),
    policyName: modelText(flush),
    log: null,
    tableBase: undefined,
    tableMin: undefined,
    failAllocIn: 0,
  });
}
