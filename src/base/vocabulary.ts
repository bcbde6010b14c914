/**
 * The closed word lists that the trace language, the engine and the command line share.
 * Values are the kernel's own (include/linux/iommu.h, io-pgtable.h, uapi errno).
 */

export const FORMATS = [
  'ARM_64_LPAE_S1',
  'ARM_64_LPAE_S2',
  'ARM_32_LPAE_S1',
  'ARM_32_LPAE_S2',
  'ARM_MALI_LPAE',
] as const;
/** A page-table format: `ARM_64_LPAE_S1`, `ARM_64_LPAE_S2`, `ARM_32_LPAE_S1`, `ARM_32_LPAE_S2` or `ARM_MALI_LPAE`. */
export type Format = (typeof FORMATS)[number];

export const QUIRKS = ['NS', 'TTBR1', 'OUTER_WBWA', 'HD', 'S2FWB', 'NO_WARN'] as const;
/** A switch of the engine (IO_PGTABLE_QUIRK_*): `NS`, `TTBR1`, `OUTER_WBWA`, `HD`, `S2FWB` or `NO_WARN`. */
export type Quirk = (typeof QUIRKS)[number];

/** The two kernels whose engine is modelled. The block-split code left the kernel in v6.13. */
export const KERNELS = ['7.1', '6.12'] as const;
/** A kernel whose engine is modelled: `7.1` or `6.12`. */
export type Kernel = (typeof KERNELS)[number];

/** What an unmap of a part of a block does: refuse (7.1), split into a table (6.12), remove the whole block. */
export const PARTIAL_UNMAPS = ['refuse', 'split', 'whole'] as const;
/**
 * What an unmap of a part of a block does: `refuse` it (7.1), `split` the block into a table (6.12), or unmap the
 * `whole` block.
 */
export type PartialUnmap = (typeof PARTIAL_UNMAPS)[number];

/** The drivers of GPUs that take VM_BIND, in the order of their rows. */
export const GPU_DRIVERS = ['panthor', 'pvr', 'msm', 'nouveau', 'xe'] as const;
export type GpuDriver = (typeof GPU_DRIVERS)[number];
export const DRIVERS = ['iommu', ...GPU_DRIVERS] as const;
/**
 * Whose rules an address space follows: the core's, `iommu`, or a GPU driver's: `panthor`, `pvr`, `msm`, `nouveau` or
 * `xe`.
 */
export type Driver = (typeof DRIVERS)[number];

/** IOMMU_* protection bits and the letters that stand for them in a trace. */
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_CACHE = 4;
export const PROT_NOEXEC = 8;
export const PROT_MMIO = 16;
export const PROT_PRIV = 32;
export const PROT_ALL = 63;
export const PROT_LETTERS: Readonly<Record<string, number>> = {
  r: PROT_READ,
  w: PROT_WRITE,
  c: PROT_CACHE,
  n: PROT_NOEXEC,
  m: PROT_MMIO,
  p: PROT_PRIV,
};
/** Read, write, cacheable: what a recording without protection bits is given. */
export const PROT_DEFAULT = PROT_READ | PROT_WRITE | PROT_CACHE;

export const EPERM = 1;
export const ENOENT = 2;
export const ENXIO = 6;
export const ENOMEM = 12;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOTTY = 25;
export const ENOSPC = 28;
export const ERANGE = 34;
export const EPIPE = 32;
export const EOVERFLOW = 75;
export const EADDRINUSE = 98;

const ERRNO_NAMES: Readonly<Record<number, string>> = {
  [EPERM]: 'EPERM',
  [ENOENT]: 'ENOENT',
  [ENXIO]: 'ENXIO',
  [ENOMEM]: 'ENOMEM',
  [EFAULT]: 'EFAULT',
  [EBUSY]: 'EBUSY',
  [EEXIST]: 'EEXIST',
  [ENODEV]: 'ENODEV',
  [EINVAL]: 'EINVAL',
  [ENOTTY]: 'ENOTTY',
  [ENOSPC]: 'ENOSPC',
  [ERANGE]: 'ERANGE',
  [EPIPE]: 'EPIPE',
  [EOVERFLOW]: 'EOVERFLOW',
  [EADDRINUSE]: 'EADDRINUSE',
};

/** `-17` -> `"-EEXIST"`; numbers without a name print as they are. */
export function errnoName(ret: number): string {
  const name = ERRNO_NAMES[-ret];
  return name === undefined ? String(ret) : `-${name}`;
}

/**
 * The modelled kernel for a version text such as `"6.1.192"`, or null when it holds no version.
 * Versions before 6.13 behave as 6.12, all later ones as 7.1 (33729a5fc0ca removed the block split).
 */
export function kernelOfVersion(version: string): Kernel | null {
  const match = /^v?(\d+)\.(\d+)/.exec(version.trim());
  if (match === null) return null;
  const major = Number(match[1]);
  const minor = Number(match[2]);
  return major < 6 || (major === 6 && minor < 13) ? '6.12' : '7.1';
}
