import type { ModelChoice } from '../../base/model.ts';
import type { Driver, GpuDriver, Quirk } from '../../base/vocabulary.ts';
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
  readonly quirks: (own: readonly Quirk[]) => readonly Quirk[];
  create(parts: GpuVmParts): GpuVm;
}

const PAGE_4K = 2 ** 12;
const PAGE_2M = 2 ** 21;

const KINDS: readonly GpuDriverKind[] = [
  {
    name: 'panthor',
    allocator: { name: 'reserve', parameters: { formula: 'panthor' } },
    pgsizes: PAGE_4K + PAGE_2M,
    quirks: (own) => own,
    create: (parts) => new PanthorVm({ ...parts, table: lpaeTable(parts, PAGE_4K + PAGE_2M) }),
  },
  {
    name: 'pvr',
    allocator: null,
    pgsizes: PAGE_4K,
    quirks: (own) => own,
    create: (parts) => new PvrVm(parts),
  },
  {
    name: 'msm',
    allocator: { name: 'reserve', parameters: { formula: 'msm' } },
    pgsizes: PAGE_4K,
    // Cloned from the table of the other half, and quiet about what it finds mapped.
    quirks: (own) => [...new Set<Quirk>([...own.filter((quirk) => quirk !== 'TTBR1'), 'NO_WARN'])],
    create: (parts) => new MsmVm({ ...parts, table: lpaeTable(parts, PAGE_4K) }),
  },
  {
    name: 'nouveau',
    allocator: null,
    pgsizes: PAGE_4K,
    quirks: (own) => own,
    create: (parts) => new NouveauVm(parts),
  },
  {
    name: 'xe',
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

/** The table of a driver that maps pages of `sizes`. Throws ConfigRefused when it cannot. */
function lpaeTable({ table }: GpuVmParts, sizes: number): PageTable {
  if (table === null) throw new Error('an LPAE driver without an LPAE table');
  const has = table.config.pgsizes;
  const lacks = [PAGE_4K, PAGE_2M].filter(
    (size) => Math.floor(sizes / size) % 2 === 1 && Math.floor(has / size) % 2 === 0,
  );
  if (lacks.length > 0 || table.granule !== PAGE_4K) {
    throw new ConfigRefused('this driver maps 4K pages, and panthor 2M blocks too: "pgsizes" must have them', 0);
  }
  return table;
}
