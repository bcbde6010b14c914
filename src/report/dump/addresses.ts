import { addHi, addLo, compare64, hex64, hex64Padded } from '../../base/u64.ts';
import { unpackHi, unpackLo } from '../../lpae/format/descriptor.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { type DumpFilter, visitSelected } from './filter.ts';
import { ShownOnce } from './shared-tables.ts';

/** Hex digits that the addresses of a dump need, so that they align without being wider than their values. */
export interface Widths {
  readonly iova: number;
  readonly paddr: number;
}

/** Measures what a filter selects; addresses of tables count as physical ones. */
export function measure(pt: PageTable, filter: DumpFilter): Widths {
  let iovaHi = 0;
  let iovaLo = 0;
  let paddrHi = 0;
  let paddrLo = 0;
  const once = new ShownOnce(pt, filter);
  visitSelected(
    pt,
    filter,
    (entry) => {
      once.meet(entry);
      const span = entry.kid === 0 || once.again ? pt.sizes[entry.level] : 0;
      const endHi = addHi(entry.iovaHi, entry.iovaLo, span);
      const endLo = addLo(entry.iovaLo, span);
      if (compare64(endHi, endLo, iovaHi, iovaLo) > 0) {
        iovaHi = endHi;
        iovaLo = endLo;
      }
      if (once.again) return;
      const low = unpackLo(entry.pteLo, pt.granule64K);
      const hi = addHi(unpackHi(entry.pteHi, entry.pteLo, pt.granule64K), low, span);
      const lo = addLo(low, span);
      if (compare64(hi, lo, paddrHi, paddrLo) > 0) {
        paddrHi = hi;
        paddrLo = lo;
      }
    },
    () => !once.again,
  );
  // The end of the upper half wraps to 0; its addresses are as wide as can be.
  const upper = pt.iovaWantHi !== 0 || pt.iovaWantLo !== 0;
  return { iova: upper ? 16 : digits(iovaHi, iovaLo), paddr: digits(paddrHi, paddrLo) };
}

function digits(hi: number, lo: number): number {
  return hex64(hi, lo).length - 2;
}

/** The end, not included, of a range whose last byte is given; 2^64 has a digit more than fits. */
export function endHex(lastHi: number, lastLo: number, width: number): string {
  if (lastHi === 0xffffffff && lastLo === 0xffffffff) return '0x10000000000000000';
  return hex64Padded(addHi(lastHi, lastLo, 1), addLo(lastLo, 1), width);
}
