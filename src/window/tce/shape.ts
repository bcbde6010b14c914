import { isPowerOfTwo, log2Floor } from '../../base/u64.ts';

const ENTRY_SHIFT = 3;
/** Index bits and page bits of a table together must stay below this. */
const ADDRESS_BITS = 55;
/** Every table is there twice: what the hardware walks, and a mirror that keeps the user's addresses. */
const COPIES = 2;

/** The tables of a window (pci-ioda-tce.c:pnv_pci_ioda2_get_table_size). */
export interface TableShape {
  readonly pageShift: number;
  /** Bytes of the window. */
  readonly size: number;
  readonly levels: number;
  /** log2 of the bytes of one table. */
  readonly tableShift: number;
  /** Tables that a full window has, by level, the lowest first. */
  readonly tables: readonly number[];
  /** Bytes of all of them and of the mirror: what locked memory is charged with. */
  readonly accountedBytes: number;
  /** Bytes that creation allocates: the top table and its mirror. */
  readonly topBytes: number;
  /** The entry bits of all levels and the page bits fit a TCE table pointer. */
  readonly encodable: boolean;
}

/**
 * The shape of a window of `size` bytes in pages of 2^pageShift under tables of `levels` levels; null where the size is no
 * power of two, smaller than a page, or there is no level.
 */
export function tableShape(pageShift: number, size: number, levels: number, cpuPageSize: number): TableShape | null {
  if (levels < 1 || !isPowerOfTwo(size) || size < 2 ** pageShift) return null;
  const entryBits = log2Floor(size) - pageShift;
  const tableShift = Math.max(Math.ceil(entryBits / levels) + ENTRY_SHIFT, log2Floor(cpuPageSize));
  const perTable = 2 ** (tableShift - ENTRY_SHIFT);
  const tables: number[] = [];
  let below = 2 ** entryBits;
  for (let level = 0; level < levels; level++) {
    below = Math.ceil(below / perTable);
    tables.push(below);
  }
  const bytes = 2 ** tableShift;
  return {
    pageShift,
    size,
    levels,
    tableShift,
    tables,
    accountedBytes: COPIES * tables.reduce((sum, count) => sum + count, 0) * bytes,
    topBytes: COPIES * bytes,
    encodable: (tableShift - ENTRY_SHIFT) * levels + pageShift < ADDRESS_BITS,
  };
}
