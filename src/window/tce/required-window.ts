import { ENOSPC } from '../../base/vocabulary.ts';
import { commonAlignment } from '../address.ts';
import type { AddressRange } from '../aperture.ts';
import type { Container } from './container.ts';
import type { Mm } from './memory/mm.ts';
import { tableShape } from './shape.ts';
import { WINDOW_BASES } from './window.ts';

/** Bytes of one table at most: what the page allocator gives in one piece. */
export const TABLE_LIMIT = 2 ** 24;
const LARGEST_WINDOW = 2 ** 52;

/** A window that covers what is required. */
export interface ChosenWindow {
  readonly slot: number;
  readonly start: number;
  readonly pageShift: number;
  readonly size: number;
  readonly levels: number;
}

/**
 * Creates the smallest window that covers some ranges, of pages as large as their alignment allows and of as few levels
 * as keep a table within `tableLimit`; or finds that there is one already. -ENOSPC when the ranges lie in both halves of
 * the bus, the slot of their half is taken, or no table shape will do.
 */
export function createRequired(
  container: Container,
  mm: Mm,
  ranges: readonly AddressRange[],
  page: number | null,
  tableLimit: number,
): ChosenWindow | number {
  const present = container.windows.find((window) =>
    ranges.every(({ start, end }) => window !== null && start >= window.base && end <= window.end),
  );
  if (present !== undefined && present !== null && (page === null || present.page === page)) {
    const { slot, base, shape } = present;
    return { slot, start: base, pageShift: shape.pageShift, size: shape.size, levels: shape.levels };
  }
  const wanted = chooseWindow(container, mm.cpuPage, ranges, page, tableLimit);
  // A group that is missing and a container that cannot are told first.
  const refuse = { pageShift: 0, size: 0, levels: 0, fail: null };
  if (wanted === null) {
    const ret = container.groups.length === 0 || container.version === 1 ? container.create(mm, refuse) : -ENOSPC;
    return ret < 0 ? ret : -ENOSPC;
  }
  const wasPending = container.defaultPending;
  if (wanted.slot === 0) {
    if (container.windows[0] !== null) return -ENOSPC;
    // The small window that exists only in name makes room for it.
    if (wasPending) container.remove(mm, 0);
  } else if (container.windows[0] === null && !wasPending) return -ENOSPC;
  const slot = container.create(mm, { ...wanted, fail: null });
  if (slot >= 0) return wanted;
  if (wanted.slot === 0) container.defaultPending = wasPending;
  return slot;
}

function chooseWindow(
  container: Container,
  cpuPage: number,
  ranges: readonly AddressRange[],
  page: number | null,
  tableLimit: number,
): ChosenWindow | null {
  const group = container.groups[0];
  if (group === undefined || container.version === 1 || ranges.length === 0) return null;
  const slot = ranges.every(({ start }) => start >= WINDOW_BASES[1]) ? 1 : 0;
  const base = WINDOW_BASES[slot];
  const end = Math.max(...ranges.map((range) => range.end - base));
  if (end > LARGEST_WINDOW) return null;
  const alignment = ranges.reduce((least, range) => Math.min(least, commonAlignment(range.start, range.end)), 2 ** 52);
  const pages = group.pgsizes.filter((size) => (page === null ? size <= alignment : size === page));
  for (const size of pages.reverse()) {
    const bytes = Math.max(size, 2 ** Math.ceil(Math.log2(end)));
    const pageShift = Math.log2(size);
    for (let levels = 1; levels <= group.maxLevels; levels++) {
      const shape = tableShape(pageShift, bytes, levels, cpuPage);
      if (shape?.encodable === true && 2 ** shape.tableShift <= tableLimit) {
        return { slot, start: base, pageShift, size: bytes, levels };
      }
    }
  }
  return null;
}
