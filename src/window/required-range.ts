import { ConfigRefused, type PgtableConfig, restrictConfig } from '../lpae/format/config.ts';
import { type Geometry, geometryOf } from '../lpae/format/geometry.ts';
import { ADDRESS_END } from './address.ts';
import type { AddressRange } from './aperture.ts';

/** T0SZ is at most 39: fewer address bits no stage can be told. */
const FEWEST_BITS = 25;

/** What an address space saves that says which IOVAs it needs, against the aperture that it would have had. */
export interface Saving {
  /** Levels that a walk does not take. */
  readonly levels: number;
  /** Table bytes of the levels above: the start tables' difference, and one table for each level that is not there. */
  readonly bytes: number;
}

/** Bits of an IOVA that page tables need to reach every required address. */
export function requiredBits(ranges: readonly AddressRange[], upperHalf: boolean): number {
  // Under TTBR1 addresses are counted from the top.
  const reach = upperHalf
    ? Math.max(...ranges.map(({ start }) => ADDRESS_END - start))
    : Math.max(...ranges.map(({ end }) => end));
  let bits = FEWEST_BITS;
  while (bits < 64 && 2 ** bits < reach) bits++;
  return bits;
}

/**
 * The configuration with the fewest address bits that reaches the required ranges: fewer bits are a later start level or
 * a smaller start table. Throws ConfigRefused where no configuration of the format does.
 */
export function configFor(config: PgtableConfig, ranges: readonly AddressRange[]): PgtableConfig {
  const ias = requiredBits(ranges, config.quirks.includes('TTBR1'));
  const wanted = { ...config, ias };
  const got = restrictConfig(wanted);
  if (got.ias < ias) {
    throw new ConfigRefused(`the required range needs ${ias} bits of an IOVA; ${config.format} reaches ${got.ias}`);
  }
  return wanted;
}

/** What the chosen configuration saves against the one that was asked for without a range; null where that one is refused. */
export function savingOf(usual: PgtableConfig, chosen: PgtableConfig): Saving | null {
  let before: Geometry;
  try {
    before = geometryOf(restrictConfig(usual));
  } catch (error) {
    if (error instanceof ConfigRefused) return null;
    throw error;
  }
  const after = geometryOf(restrictConfig(chosen));
  const levels = after.startLevel - before.startLevel;
  const above = before.pgdSize + Math.max(0, levels) * before.granule;
  return { levels: Math.max(0, levels), bytes: Math.max(0, above - after.pgdSize) };
}
