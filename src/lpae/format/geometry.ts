import { bitmapSizes } from '../../base/sizes.ts';
import { log2Floor } from '../../base/u64.ts';
import { ConfigRefused, isStage2, type PgtableConfig } from './config.ts';

/** The last level; levels are counted the Arm way, 0 nearest the root. */
export const LAST_LEVEL = 3;
export const LEVELS = 4;
const DESCRIPTOR_BYTES = 8;
/** The architecture allows at most this many concatenated start tables. */
const MAX_CONCATENATED = 16;

/** The shape of a radix tree: which bits of an IOVA index which level. */
export interface Geometry {
  /** log2 of the granule. */
  readonly pageShift: number;
  /** Index bits of a full table: 9, 11 or 13. */
  readonly bitsPerLevel: number;
  readonly startLevel: number;
  /** Index bits of the start table; above `bitsPerLevel` when stage-2 start tables are concatenated. */
  readonly pgdBits: number;
  /** Bytes of the start table. */
  readonly pgdSize: number;
  /** Bytes of a table page, equal to the smallest page. */
  readonly granule: number;
  readonly entriesPerTable: number;
}

/** Position of the index field of `level`: one entry of that level maps 2^levelShift bytes. */
export function levelShift(geometry: Pick<Geometry, 'bitsPerLevel'>, level: number): number {
  return (LEVELS - level) * geometry.bitsPerLevel + 3;
}

/** Bytes that one entry of `level` maps. */
export function blockSize(geometry: Pick<Geometry, 'bitsPerLevel'>, level: number): number {
  return 2 ** levelShift(geometry, level);
}

/**
 * Start level and start-table size of a restricted configuration
 * (io-pgtable-arm.c:arm_lpae_alloc_pgtable, and arm_64_lpae_alloc_pgtable_s2 for concatenation).
 * Throws ConfigRefused when 7.1 must concatenate more than sixteen tables.
 */
export function geometryOf(config: PgtableConfig): Geometry {
  const smallest = bitmapSizes(config.pgsizes)[0];
  if (smallest === undefined) throw new ConfigRefused('no page size');
  const pageShift = log2Floor(smallest);
  const bitsPerLevel = pageShift - 3;
  const vaBits = config.ias - pageShift;
  const levels = Math.ceil(vaBits / bitsPerLevel);
  if (levels < 1 && config.format !== 'ARM_MALI_LPAE')
    throw new ConfigRefused(`ias ${config.ias} leaves no bits above the ${smallest}-byte granule`);
  let startLevel = LEVELS - levels;
  let pgdBits = vaBits - bitsPerLevel * (levels - 1);
  if (isStage2(config.format) && mustConcatenate(config, startLevel, 2 ** pgdBits)) {
    pgdBits += bitsPerLevel;
    startLevel++;
  }
  if (config.format === 'ARM_MALI_LPAE' && startLevel > 0) {
    // Mali always walks four levels; the added ones have a single entry.
    startLevel = 0;
    pgdBits = 0;
  }
  return {
    pageShift,
    bitsPerLevel,
    startLevel,
    pgdBits,
    pgdSize: DESCRIPTOR_BYTES * 2 ** pgdBits,
    granule: smallest,
    entriesPerTable: 2 ** bitsPerLevel,
  };
}

function mustConcatenate(config: PgtableConfig, startLevel: number, entries: number): boolean {
  if (config.kernel === '6.12') return startLevel === 0 && entries <= MAX_CONCATENATED;
  const { ias, oas } = config;
  const smallest = bitmapSizes(config.pgsizes)[0];
  const mandatory =
    (smallest === 2 ** 14 && startLevel === 0 && (oas === 48 || ias === 48)) ||
    (smallest === 2 ** 12 && startLevel === 0 && (oas === 40 || oas === 42)) ||
    (smallest === 2 ** 14 && startLevel === 1 && oas === 40);
  if (mandatory && entries > MAX_CONCATENATED) {
    throw new ConfigRefused(
      `stage 2 with ias ${ias} and oas ${oas} would concatenate ${entries} start tables; at most 16 are allowed (use an ias of at most ${oas})`,
      1,
    );
  }
  return mandatory;
}
