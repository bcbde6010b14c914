import type { ModelChoice } from '../../base/model.ts';
import { bitmapSizes, exactSize } from '../../base/sizes.ts';
import type { Driver, GpuDriver, Kernel, Quirk } from '../../base/vocabulary.ts';
import { ConfigRefused } from '../../lpae/format/config.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import type { GpuVm, GpuVmParts } from '../gpu-vm.ts';
import { MsmVm } from './msm/msm.ts';
import { NouveauVm } from './nouveau/nouveau.ts';
import { PanthorVm } from './panthor/panthor.ts';
import { PvrVm } from './pvr/pvr.ts';
import { XeVm } from './xe/xe.ts';

/** How one driver keeps its address spaces. */
export interface GpuDriverKind {
  readonly name: GpuDriver;
  /** Where its tables come from unless somebody chooses another allocator; null: its page tables are of its own format. */
  readonly allocator: ModelChoice | null;
  /** Page sizes that it asks the engine for. */
  readonly pgsizes: number;
  /** Quirks that it adds, and those it never sets. */
  readonly quirks: (own: readonly Quirk[], kernel: Kernel) => readonly Quirk[];
  /** It leaves the engine's TLB callbacks empty and invalidates by itself. */
  readonly ownFlush: boolean;
  create(parts: GpuVmParts): GpuVm;
}

const PAGE_4K = 2 ** 12;
const PAGE_2M = 2 ** 21;

const KINDS: readonly GpuDriverKind[] = [
  {
    name: 'panthor',
    ownFlush: true,
    allocator: { name: 'reserve', parameters: { formula: 'panthor' } },
    pgsizes: PAGE_4K + PAGE_2M,
    quirks: (own) => own,
    create: (parts) => new PanthorVm({ ...parts, table: lpaeTable(parts, 'panthor', PAGE_4K + PAGE_2M) }),
  },
  {
    name: 'pvr',
    ownFlush: true,
    allocator: null,
    pgsizes: PAGE_4K,
    quirks: (own) => own,
    create: (parts) => new PvrVm(parts),
  },
  {
    name: 'msm',
    ownFlush: false,
    allocator: { name: 'reserve', parameters: { formula: 'msm' } },
    pgsizes: PAGE_4K,
    // Cloned from the table of the other half, and quiet about what it finds mapped.
    // Before 7.1 there was no such quirk to set.
    quirks: (own, kernel) => [
      ...new Set<Quirk>([
        ...own.filter((quirk) => quirk !== 'TTBR1'),
        ...(kernel === '7.1' ? (['NO_WARN'] as const) : []),
      ]),
    ],
    create: (parts) => new MsmVm({ ...parts, table: lpaeTable(parts, 'msm', PAGE_4K) }),
  },
  {
    name: 'nouveau',
    ownFlush: true,
    allocator: null,
    pgsizes: PAGE_4K,
    quirks: (own) => own,
    create: (parts) => new NouveauVm(parts),
  },
  {
    name: 'xe',
    ownFlush: true,
    allocator: null,
    pgsizes: PAGE_4K,
    quirks: (own) => own,
    create: (parts) => new XeVm(parts),
  },
];

/** The rules of a driver; null for `iommu`, which has none. */
export function gpuDriver(driver: Driver): GpuDriverKind | null {
  return KINDS.find(({ name }) => name === driver) ?? null;
}

/** The table of a driver that maps pages of `sizes` and no others. Throws ConfigRefused when it cannot. */
function lpaeTable({ table }: GpuVmParts, driver: GpuDriver, sizes: number): PageTable {
  if (table === null) throw new Error('an LPAE driver without an LPAE table');
  if (table.config.pgsizes === sizes) return table;
  throw new ConfigRefused(
    `${driver} maps pages of ${bitmapSizes(sizes).map(exactSize).join(' and ')}: "pgsizes" must have them`,
  );
}
