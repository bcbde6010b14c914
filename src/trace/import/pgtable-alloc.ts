import type { Format, Quirk } from '../../base/vocabulary.ts';
import type { PgtableAlloc } from './payload.ts';

/** IO_PGTABLE_QUIRK_* bits by name (io-pgtable.h). */
const QUIRK_BITS: readonly (readonly [number, Quirk])[] = [
  [1 << 0, 'NS'],
  [1 << 5, 'TTBR1'],
  [1 << 6, 'OUTER_WBWA'],
  [1 << 7, 'HD'],
  [1 << 8, 'S2FWB'],
  [1 << 9, 'NO_WARN'],
];

/** What a page table is made with, as the kernel's structure holds it. */
export interface RecordedConfig extends Pick<PgtableAlloc, 'pgsizes' | 'ias' | 'oas' | 'coherent'> {
  /** IO_PGTABLE_QUIRK_* bits. */
  readonly quirks: number;
}

/**
 * A page table made by a probed constructor; `where` holds the constructor's name and the event's. Null for values that no page
 * table has: the probe read something else.
 */
export function pgtableAlloc(where: string, { quirks, ...rest }: RecordedConfig): PgtableAlloc | null {
  if (!Number.isSafeInteger(rest.pgsizes) || !isWidth(rest.ias) || !isWidth(rest.oas)) return null;
  const known = QUIRK_BITS.filter(([bit]) => (quirks & bit) !== 0);
  return {
    kind: 'alloc',
    format: formatOf(where),
    quirks: known.map(([, quirk]) => quirk),
    unknownQuirks: known.reduce((left, [bit]) => left & ~bit, quirks),
    ...rest,
  };
}

/** Bits of addresses. */
function isWidth(bits: number): boolean {
  return bits >= 1 && bits <= 64;
}

function formatOf(where: string): Format {
  if (where.includes('mali')) return 'ARM_MALI_LPAE';
  if (where.includes('32_lpae')) return where.includes('_s2') ? 'ARM_32_LPAE_S2' : 'ARM_32_LPAE_S1';
  return where.includes('_s2') ? 'ARM_64_LPAE_S2' : 'ARM_64_LPAE_S1';
}
