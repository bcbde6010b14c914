import type { Quirk } from '../../base/vocabulary.ts';
import { isStage1, isSubsetOfBitmap, type PgtableConfig } from '../format/config.ts';
import { type AttributeTable, attributeTable, leafType } from '../format/descriptor.ts';
import { blockSize, type Geometry, geometryOf, LAST_LEVEL, LEVELS, levelShift } from '../format/geometry.ts';

/** No level has entries of the asked size: a call with it ends with a warning at the last level. */
export const NO_LEVEL = LEVELS;

/**
 * What a page table is before anything is mapped: its configuration as numbers that the operations can use without
 * looking anything up, and where in an IOVA the indices stand. Nothing here changes, but that
 * attributes are added.
 *
 * Fields are only declared, here and where else operations read them: a field that is defined holds `undefined` until the
 * constructor comes to it, and V8 then checks at every use what it holds. `| 0` for the same reason: what `**` gives is a
 * double for good.
 */
export class TableShape {
  /** As the engine uses it: limits checked, sizes reduced to one granule. */
  declare readonly config: PgtableConfig;
  declare readonly geometry: Geometry;
  /** Of the 64 protections; behind them of what maps with more arguments have asked for so far (extended-attributes.ts). */
  declare attributes: AttributeTable;
  /** Where the latter stand, by what was asked for. */
  readonly extended = new Map<number, number>();
  declare readonly startLevel: number;
  declare readonly coherent: boolean;
  declare readonly granule: number;
  declare readonly granule64K: boolean;
  /** 4 or 3 levels of 4K tables, the shape of nearly all, whose walks are spelled out; 0: another shape. */
  declare readonly levelsOf4K: number;
  declare readonly isMali: boolean;
  /** Type bits of a leaf at the last level. */
  declare readonly pageType: number;
  declare readonly noWarn: boolean;
  declare readonly nonSecure: boolean;
  declare readonly tableEntries: number;
  declare readonly pgdEntries: number;
  /**
   * Where the indices of an IOVA stand. Those of levels 2 and 3 come from one 32-bit word that starts at bit `lowShift`,
   * those of levels 0 and 1 from one that starts at bit `highShift`; the upper level of each pair lies `indexBits` up.
   */
  declare readonly indexBits: number;
  declare readonly lowShift: number;
  declare readonly highShift: number;
  /** Index mask by level; levels above the start level have no use for theirs. */
  declare readonly mask0: number;
  declare readonly mask1: number;
  declare readonly mask2: number;
  declare readonly mask3: number;
  /** Index field position and entry size by level. */
  readonly shifts = new Int32Array(LEVELS);
  readonly sizes = new Float64Array(LEVELS);
  /** An IOVA is in range when its bits above ias equal these. */
  declare readonly iovaMaskHi: number;
  declare readonly iovaMaskLo: number;
  declare readonly iovaWantHi: number;
  declare readonly iovaWantLo: number;
  declare readonly paddrMaskHi: number;
  declare readonly paddrMaskLo: number;

  /** `config` has been restricted. Throws ConfigRefused where it has no geometry. */
  constructor(config: PgtableConfig) {
    const geometry = geometryOf(config);
    this.config = config;
    this.geometry = geometry;
    this.attributes = attributeTable(config);
    this.startLevel = geometry.startLevel | 0;
    this.coherent = config.coherent;
    this.granule = geometry.granule | 0;
    this.granule64K = geometry.pageShift === 16;
    this.levelsOf4K = geometry.pageShift === 12 && geometry.startLevel <= 1 ? LEVELS - geometry.startLevel : 0;
    this.isMali = config.format === 'ARM_MALI_LPAE';
    this.pageType = leafType(config.format, LAST_LEVEL);
    this.noWarn = hasQuirk(config, 'NO_WARN');
    this.nonSecure = hasQuirk(config, 'NS');
    this.tableEntries = geometry.entriesPerTable | 0;
    this.pgdEntries = 1 << geometry.pgdBits;
    this.indexBits = geometry.bitsPerLevel | 0;
    this.mask0 = (this.entriesAt(0) - 1) | 0;
    this.mask1 = (this.entriesAt(1) - 1) | 0;
    this.mask2 = (this.entriesAt(2) - 1) | 0;
    this.mask3 = (this.entriesAt(3) - 1) | 0;
    this.lowShift = levelShift(geometry, LAST_LEVEL) | 0;
    this.highShift = levelShift(geometry, 1) | 0;
    for (let level = 0; level < LEVELS; level++) {
      this.shifts[level] = levelShift(geometry, level);
      this.sizes[level] = blockSize(geometry, level);
    }
    [this.iovaMaskHi, this.iovaMaskLo] = bitsAbove(config.ias);
    const upperHalf = isStage1(config.format) && hasQuirk(config, 'TTBR1');
    this.iovaWantHi = upperHalf ? this.iovaMaskHi : 0;
    this.iovaWantLo = upperHalf ? this.iovaMaskLo : 0;
    [this.paddrMaskHi, this.paddrMaskLo] = bitsAbove(config.oas);
  }

  /** True when `(signed) iova >> ias` is what the table accepts: 0, or all ones with TTBR1. */
  iovaInRange(hi: number, lo: number): boolean {
    return ((hi & this.iovaMaskHi) ^ this.iovaWantHi) === 0 && ((lo & this.iovaMaskLo) ^ this.iovaWantLo) === 0;
  }

  paddrInRange(hi: number, lo: number): boolean {
    return (hi & this.paddrMaskHi) === 0 && (lo & this.paddrMaskLo) === 0;
  }

  /** True when every bit of `pgsize` is a supported page size, which is all that the engine checks. */
  acceptsPgsize(pgsize: number): boolean {
    return pgsize !== 0 && isSubsetOfBitmap(pgsize, this.config.pgsizes);
  }

  /** The level whose entries map `pgsize` bytes, NO_LEVEL when the walk meets none. */
  levelOf(pgsize: number): number {
    const sizes = this.sizes;
    for (let level = LAST_LEVEL; level >= this.startLevel; level--) if (sizes[level] === pgsize) return level;
    return NO_LEVEL;
  }

  /** The 32 bits of an IOVA that hold the indices of levels 2 and 3. */
  lowIndices(hi: number, lo: number): number {
    return (hi << (32 - this.lowShift)) | (lo >>> this.lowShift);
  }

  /** The 32 bits of an IOVA that hold the indices of levels 0 and 1. */
  highIndices(hi: number, lo: number): number {
    const shift = this.highShift;
    return shift < 32 ? (hi << (32 - shift)) | (lo >>> shift) : hi >>> (shift - 32);
  }

  /** Index in a table of `level`, from the two words above. */
  indexIn(level: number, high: number, low: number): number {
    if (level === 0) return (high >>> this.indexBits) & this.mask0;
    if (level === 1) return high & this.mask1;
    return level === 2 ? (low >>> this.indexBits) & this.mask2 : low & this.mask3;
  }

  /** Index of an IOVA in a table of `level`. */
  indexAt(level: number, hi: number, lo: number): number {
    return this.indexIn(level, this.highIndices(hi, lo), this.lowIndices(hi, lo));
  }

  /** Index in the table of the last level. Of no shape does it reach into the high half. */
  pageIndex(iovaLo: number): number {
    return (iovaLo >>> this.lowShift) & this.mask3;
  }

  /** Entries of a table of `level`. */
  entriesAt(level: number): number {
    return level === this.startLevel ? this.pgdEntries : this.tableEntries;
  }
}

function hasQuirk(config: PgtableConfig, quirk: Quirk): boolean {
  return config.quirks.includes(quirk);
}

/** Masks of the bits from `bits` upward, high half first, as signed 32-bit integers. */
function bitsAbove(bits: number): [number, number] {
  if (bits >= 64) return [0, 0];
  if (bits >= 32) return [bits === 32 ? -1 : -1 << (bits - 32), 0];
  return [-1, -1 << bits];
}
