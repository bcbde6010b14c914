import { FIRST_PROBED, FIRST_WITH_DMA_EVENTS, isBefore, type Release } from './release.ts';

export const TARGET_NAMES = ['smmu', 'panthor', 'msm', 'iommufd'] as const;
export type TargetName = (typeof TARGET_NAMES)[number];

/** Something that is recorded with the LPAE engine below it. */
export interface Target {
  readonly name: TargetName;
  /** The drivers, as a person calls them. */
  readonly title: string;
  /** The first kernel of which everything can be recorded. */
  readonly since: Release;
  /** Why not before, and what can be done there. */
  readonly before: string;
  readonly instead: readonly string[];
  /** Groups of tracepoints that add to the probes: requests (`iommu`), names of devices (`dma`). */
  readonly groups: (release: Release) => readonly string[];
  /** What a recording gives, a line for each thought. */
  readonly gives: (release: Release) => readonly string[];
}

/** The requests of the IOMMU core, which kernels of any age can record. */
const EVENTS_ONLY: readonly string[] = [
  'Its iommu:* events still tell the requests, without page tables, protection or returns:',
  '  echo 1 > /sys/kernel/tracing/events/iommu/enable',
  '  # the work, then',
  '  gzip < /sys/kernel/tracing/trace > recording.txt.gz',
];

const CALLS =
  'Every map_pages and unmap_pages of the engine: page table, addresses, page size, count, protection, gather, return value.';
const TABLES =
  'Every page table: format, page sizes, address widths, quirks, coherency when it is made, and when it is freed.';
const REQUESTS =
  'What iommu_map() and iommu_unmap() were asked for (iommu:map, iommu:unmap), held against the calls below.';
const EVERYONE =
  'Every driver that uses the engine is recorded; ttbr, the start table, tells the address spaces apart.';

const SMMU: Target = {
  name: 'smmu',
  title: 'arm-smmu, arm-smmu-v3',
  since: FIRST_PROBED,
  before: 'its engine has no arm_lpae_map_pages, which came with Linux 5.15',
  instead: EVENTS_ONLY,
  groups: (release) => (isBefore(release, FIRST_WITH_DMA_EVENTS) ? ['iommu'] : ['iommu', 'dma']),
  gives: (release) => [
    CALLS,
    TABLES,
    REQUESTS,
    isBefore(release, FIRST_WITH_DMA_EVENTS)
      ? 'No names of devices: events that tell them (dma:*) came with Linux 6.12.'
      : 'Names of the devices of the DMA API (dma:*); VFIO and interrupts have none.',
    EVERYONE,
    'Shared virtual addressing is missing: those devices walk the page tables of processes.',
  ],
};

const PANTHOR: Target = {
  name: 'panthor',
  title: 'panthor, Mali GPUs with a command-stream frontend',
  since: { major: 6, minor: 10 },
  before: 'it has no panthor, which came with Linux 6.10',
  instead: [],
  // GPU drivers call the engine themselves: no request of the IOMMU core is theirs.
  groups: () => [],
  gives: () => [
    CALLS,
    TABLES,
    'ttbr holds transtab here: the address of the start table with attributes in its low bits.',
    'panthor gives unmaps no gather, so gather= is always 0x0; the VM_BINDs above the calls are not recorded.',
    EVERYONE,
  ],
};

const MSM: Target = {
  name: 'msm',
  title: 'msm, Adreno GPUs behind arm-smmu',
  since: { major: 6, minor: 1 },
  before:
    'its msm calls the engine page by page through arm_lpae_map, and through arm_lpae_map_pages from Linux 6.1 on',
  instead: EVENTS_ONLY,
  groups: () => ['iommu'],
  gives: () => [
    CALLS,
    TABLES,
    'Page tables of processes (TTBR0): msm maps in them itself, without the IOMMU core, and gives unmaps no gather.',
    "The kernel's own GPU address space (quirk TTBR1) and the display: they go through the IOMMU core, with iommu:* events.",
    EVERYONE,
  ],
};

const IOMMUFD: Target = {
  name: 'iommufd',
  title: 'iommufd on arm-smmu-v3',
  since: { major: 6, minor: 2 },
  before: 'it has no iommufd, which came with Linux 6.2',
  instead: ['VFIO of older kernels is recorded with --smmu.'],
  // No dma:* event is about memory that a user maps.
  groups: () => ['iommu'],
  gives: () => [
    CALLS,
    TABLES,
    REQUESTS,
    'Stage 2 where a nesting parent is asked for, else stage 1; iommufd and VFIO have no events of their own.',
    EVERYONE,
  ],
};

export const TARGETS: readonly Target[] = [SMMU, PANTHOR, MSM, IOMMUFD];
