import { ConfigRefused, isStage1, isStage2, type PgtableConfig } from './config.ts';
import type { Geometry } from './geometry.ts';

/** Translation control of a stage-1 table, field by field as `struct io_pgtable_cfg` holds it. */
export interface Tcr {
  readonly ips: number;
  readonly tg: number;
  readonly sh: number;
  readonly orgn: number;
  readonly irgn: number;
  readonly tsz: number;
}

/** Translation control of a stage-2 table. */
export interface Vtcr {
  readonly ps: number;
  readonly tg: number;
  readonly sh: number;
  readonly orgn: number;
  readonly irgn: number;
  readonly sl: number;
  readonly tsz: number;
}

/** What the driver programs into its MMU, less the address of the start table. */
export type Registers =
  | { readonly kind: 'stage1'; readonly tcr: Tcr; readonly mair: string }
  | { readonly kind: 'stage2'; readonly vtcr: Vtcr }
  | { readonly kind: 'mali'; readonly memattr: string; readonly transtabBits: number };

/** As the kernel leaves it in 64 bits: the upper half is the sign extension of an int expression. */
const MAIR = '0xfffffffff404ff44';
const MALI_MEMATTR = '0x888d88';
const MALI_TRANSTAB_ADRMODE_TABLE = 3;
const MALI_TRANSTAB_READ_INNER = 4;
const MALI_TRANSTAB_SHARE_OUTER = 0x10;

const PHYSICAL_SIZES: readonly number[] = [32, 36, 40, 42, 44, 48, 52];

/**
 * Register values of a restricted configuration (io-pgtable-arm.c:arm_64_lpae_alloc_pgtable_s1/_s2, arm_mali_lpae_alloc_pgtable).
 * Throws ConfigRefused for an output size that has no encoding and for OUTER_WBWA on a coherent walker.
 */
export function registersOf(config: PgtableConfig, geometry: Geometry): Registers {
  if (isStage1(config.format)) {
    const outerWriteBack = config.quirks.includes('OUTER_WBWA');
    if (config.coherent && outerWriteBack) throw new ConfigRefused('OUTER_WBWA needs a non-coherent walker');
    const cached = config.coherent ? 1 : 0;
    const tcr: Tcr = {
      ips: physicalSize(config.oas),
      tg: translationGranule(geometry, config.quirks.includes('TTBR1')),
      sh: config.coherent ? 3 : 2,
      orgn: config.coherent || outerWriteBack ? 1 : 0,
      irgn: cached,
      tsz: 64 - config.ias,
    };
    return { kind: 'stage1', tcr, mair: MAIR };
  }
  if (isStage2(config.format)) {
    const cached = config.coherent ? 1 : 0;
    const vtcr: Vtcr = {
      ps: physicalSize(config.oas),
      tg: translationGranule(geometry, false),
      sh: config.coherent ? 3 : 2,
      orgn: cached,
      irgn: cached,
      // The field counts start levels downward, from another origin for the larger granules.
      sl: (geometry.pageShift === 12 ? ~(geometry.startLevel + 1) : ~geometry.startLevel) & 3,
      tsz: 64 - config.ias,
    };
    return { kind: 'stage2', vtcr };
  }
  const transtabBits =
    MALI_TRANSTAB_ADRMODE_TABLE | MALI_TRANSTAB_READ_INNER | (config.coherent ? MALI_TRANSTAB_SHARE_OUTER : 0);
  return { kind: 'mali', memattr: MALI_MEMATTR, transtabBits };
}

function physicalSize(oas: number): number {
  const field = PHYSICAL_SIZES.indexOf(oas);
  if (field < 0) throw new ConfigRefused(`oas ${oas} has no encoding: it must be one of ${PHYSICAL_SIZES.join(', ')}`);
  return field;
}

function translationGranule(geometry: Geometry, upperHalf: boolean): number {
  if (geometry.pageShift === 12) return upperHalf ? 2 : 0;
  if (geometry.pageShift === 14) return upperHalf ? 1 : 2;
  return upperHalf ? 3 : 1;
}
