import { bitmapSizes, sizesBitmap } from '../../base/sizes.ts';
import { TWO_32 } from '../../base/u64.ts';
import type { Format, Kernel, PartialUnmap, Quirk } from '../../base/vocabulary.ts';

/** What a driver asks the engine for: the fields of `struct io_pgtable_cfg`. */
export interface PgtableConfig {
  readonly format: Format;
  /** Bitmap of page sizes, bit n set: 2^n bytes. */
  readonly pgsizes: number;
  /** Input (IOVA) address size in bits. */
  readonly ias: number;
  /** Output (physical) address size in bits. */
  readonly oas: number;
  /** The table walker snoops the CPU caches. */
  readonly coherent: boolean;
  readonly quirks: readonly Quirk[];
  readonly cpuPageSize: number;
  readonly kernel: Kernel;
  readonly partialUnmap: PartialUnmap;
}

export const DEFAULT_PGSIZES = 0x40201000;

export const DEFAULT_CONFIG: PgtableConfig = {
  format: 'ARM_64_LPAE_S1',
  pgsizes: DEFAULT_PGSIZES,
  ias: 48,
  oas: 48,
  coherent: true,
  quirks: [],
  cpuPageSize: 4096,
  kernel: '7.1',
  partialUnmap: 'refuse',
};

/** What the kernel does with a part of a block when nobody says otherwise (io-pgtable-arm.c:arm_lpae_split_blk_unmap). */
export function defaultPartialUnmap(kernel: Kernel): PartialUnmap {
  return kernel === '7.1' ? 'refuse' : 'split';
}

/** A configuration that the engine turns down, as the kernel's NULL; `warns` counts the stack traces it prints. */
export class ConfigRefused extends Error {
  readonly warns: number;

  constructor(reason: string, warns = 0) {
    super(reason);
    this.name = 'ConfigRefused';
    this.warns = warns;
  }
}

/** Formats whose leaves carry stage-1 attributes; Mali's are its own. */
export function isStage1(format: Format): boolean {
  return format === 'ARM_64_LPAE_S1' || format === 'ARM_32_LPAE_S1';
}

/** Formats that translate intermediate addresses. */
export function isStage2(format: Format): boolean {
  return format === 'ARM_64_LPAE_S2' || format === 'ARM_32_LPAE_S2';
}

const K4 = 2 ** 12;
const K16 = 2 ** 14;
const K64 = 2 ** 16;
const M2 = 2 ** 21;
const M32 = 2 ** 25;
const M512 = 2 ** 29;
const G1 = 2 ** 30;
const T4 = 2 ** 42;

const STAGE1_QUIRKS: Readonly<Record<Kernel, readonly Quirk[]>> = {
  '7.1': ['NS', 'TTBR1', 'OUTER_WBWA', 'HD', 'NO_WARN'],
  '6.12': ['NS', 'TTBR1', 'OUTER_WBWA', 'HD'],
};
const STAGE2_QUIRKS: Readonly<Record<Kernel, readonly Quirk[]>> = { '7.1': ['S2FWB', 'NO_WARN'], '6.12': [] };

/**
 * The configuration as the engine will use it: limits checked, page sizes reduced to one granule, ias and oas clipped.
 * Checks come in the kernel's order (io-pgtable-arm.c:arm_64_lpae_alloc_pgtable_s1 and its siblings, arm_lpae_restrict_pgsizes).
 * Throws ConfigRefused naming the check that failed.
 */
export function restrictConfig(config: PgtableConfig): PgtableConfig {
  const { format, kernel } = config;
  let pgsizes = config.pgsizes;
  if (format === 'ARM_32_LPAE_S1' || format === 'ARM_32_LPAE_S2') {
    const iasLimit = format === 'ARM_32_LPAE_S1' ? 32 : 40;
    if (config.ias > iasLimit)
      throw new ConfigRefused(`ias ${config.ias} is above ${iasLimit}, the limit of ${format}`);
    if (config.oas > 40) throw new ConfigRefused(`oas ${config.oas} is above 40, the limit of ${format}`);
    pgsizes = keepSizes(pgsizes, [K4, M2, G1]);
  }
  checkQuirks(config);
  if (format === 'ARM_MALI_LPAE') {
    if (config.ias > 48) throw new ConfigRefused(`ias ${config.ias} is above 48, the limit of ${format}`);
    if (config.oas > 40) throw new ConfigRefused(`oas ${config.oas} is above 40, the limit of ${format}`);
    pgsizes = keepSizes(pgsizes, [K4, M2, G1]);
  }
  const granule = chooseGranule(pgsizes, config.cpuPageSize);
  let limit = 48;
  if (granule === K4) pgsizes = keepSizes(pgsizes, [K4, M2, G1]);
  else if (granule === K16) pgsizes = keepSizes(pgsizes, [K16, M32]);
  else if (granule === K64) {
    limit = 52;
    pgsizes = keepSizes(pgsizes, config.oas > 48 ? [K64, M512, T4] : [K64, M512]);
  } else {
    throw new ConfigRefused(`page sizes 0x${config.pgsizes.toString(16)} hold no 4K, 16K or 64K granule`);
  }
  const ias = Math.min(config.ias, limit);
  const oas = Math.min(config.oas, limit);
  if (!(kernel === '7.1' || kernel === '6.12')) throw new ConfigRefused(`unknown kernel ${String(kernel)}`);
  return { ...config, pgsizes, ias, oas };
}

function checkQuirks(config: PgtableConfig): void {
  const { format, kernel } = config;
  const allowed: readonly string[] = isStage1(format)
    ? STAGE1_QUIRKS[kernel]
    : isStage2(format)
      ? STAGE2_QUIRKS[kernel]
      : [];
  const bad = config.quirks.find((quirk) => !allowed.includes(quirk));
  if (bad === undefined) return;
  const known = allowed.length === 0 ? 'it takes none' : `it takes ${allowed.join(', ')}`;
  throw new ConfigRefused(`quirk ${bad} is not one of ${format} on ${kernel}: ${known}`);
}

/** PAGE_SIZE when supported, else the largest size below it, else the smallest above it; 0 for an empty bitmap. */
function chooseGranule(pgsizes: number, cpuPageSize: number): number {
  const sizes = bitmapSizes(pgsizes);
  if (sizes.includes(cpuPageSize)) return cpuPageSize;
  const below = sizes.filter((size) => size < cpuPageSize).at(-1);
  return below ?? sizes.find((size) => size > cpuPageSize) ?? 0;
}

/** The bits of `bitmap` that name one of `sizes`. */
function keepSizes(bitmap: number, sizes: readonly number[]): number {
  return sizesBitmap(bitmapSizes(bitmap).filter((size) => sizes.includes(size)));
}

/** `(size & bitmap) == size` for sizes up to 2^53 (a 4T block needs bit 42). */
export function isSubsetOfBitmap(size: number, bitmap: number): boolean {
  const sizeHi = Math.floor(size / TWO_32);
  const bitmapHi = Math.floor(bitmap / TWO_32);
  return (sizeHi & bitmapHi) === sizeHi && (size & bitmap) >>> 0 === size >>> 0;
}
