import { isExtended, PROT_CONTIG } from '../../base/extended-prot.ts';
import { TWO_32 } from '../../base/u64.ts';
import { EEXIST, EINVAL, ENOMEM, ERANGE, PROT_READ, PROT_WRITE } from '../../base/vocabulary.ts';
import * as C from '../counters.ts';
import { attributeIndex } from '../extended/extended-attributes.ts';
import { LAST_LEVEL } from '../format/geometry.ts';
import { offsetOf, spanInRange } from '../offsets.ts';
import type { PageTable } from '../page-table.ts';
import { hasLeaf } from '../pinning/kept-tables.ts';
import { unitOf } from '../table/memory.ts';
import { RepeatBuilder } from './build.ts';
import { isLeafAt, phaseAt, type Repeated } from './repeated.ts';
import { guardOf } from './space-guard.ts';

/** What a shared repeat mapping came to. */
export interface SharedRepeat {
  readonly ret: number;
  /** Entries written, leaves and links. */
  readonly written: number;
}

/**
 * Maps `length` bytes of physical memory over and over to `size` bytes of IOVAs, which it divides, with tables that are
 * shared wherever they would hold the same. 0, or a negative errno with nothing changed: -ERANGE outside the address space,
 * -EINVAL without access or for what the format has no field for, -EEXIST for a leaf in the way, -ENOMEM. The page
 * sizes are those that mapping one repetition after the other would give. All of it is aligned to the granule. `reserve`:
 * pages for two copied paths are put by, so that the next unmap of a part cannot fail.
 */
export function repeatShared(
  pt: PageTable,
  iovaHi: number,
  iovaLo: number,
  size: number,
  paddrHi: number,
  paddrLo: number,
  length: number,
  prot: number,
  reserve: boolean,
): SharedRepeat {
  const { counters } = pt;
  pt.mapped = 0;
  pt.pgdOverrun = false;
  counters[C.MAP_CALLS]++;
  if (size === 0) return { ret: 0, written: 0 };
  if (!spanInRange(pt, iovaHi, iovaLo, size) || !pt.paddrInRange(paddrHi, paddrLo)) {
    pt.warn(C.WARN_RANGE);
    return failed(ERANGE);
  }
  if ((prot & (PROT_READ | PROT_WRITE)) === 0) return failed(EINVAL);
  const attributes = isExtended(prot) ? attributeIndex(pt, prot) : prot;
  if (attributes < 0) return { ret: attributes, written: 0 };
  const start = offsetOf(pt, iovaHi, iovaLo);
  const what: Repeated = {
    start,
    end: start + size,
    length,
    paddr: (paddrHi >>> 0) * TWO_32 + (paddrLo >>> 0),
    attributes,
    contig: (prot & PROT_CONTIG) !== 0,
  };
  if (hasLeafInTheWay(pt, what, pt.root, pt.startLevel, 0)) {
    if (!pt.noWarn) pt.warn(C.WARN_ALREADY_MAPPED);
    return failed(EEXIST);
  }
  const builder = new RepeatBuilder(pt, what);
  if (!builder.build()) return failed(ENOMEM);
  const guard = guardOf(pt);
  const sharing = guard.sharingOf();
  if (reserve && !guard.putBy()) {
    builder.giveBack();
    return failed(ENOMEM);
  }
  const saved = builder.expanded - builder.made;
  const links = builder.commit();
  for (const [slot, count] of links) sharing.add(slot, count - 1);
  sharing.tablesSaved += saved;
  sharing.entriesWritten += builder.written;
  pt.mapped = size;
  counters[C.MAPPED_BYTES] += size;
  counters[C.MAPPED_BYTES_PEAK] = Math.max(counters[C.MAPPED_BYTES_PEAK], counters[C.MAPPED_BYTES]);
  return { ret: 0, written: builder.written };
}

function failed(errno: number): SharedRepeat {
  return { ret: -errno, written: 0 };
}

/** True when something is mapped in the range that a map of one repetition after the other would not replace. */
function hasLeafInTheWay(pt: PageTable, what: Repeated, table: number, level: number, base: number): boolean {
  const { lo, kid, live } = pt.memory;
  if (live[unitOf(table)] === 0) return false;
  const size = pt.sizes[level];
  const { start, end } = what;
  const first = start <= base ? 0 : Math.floor((start - base) / size);
  const last = Math.min(pt.entriesAt(level), Math.ceil((end - base) / size)) - 1;
  for (let index = first; index <= last; index++) {
    const entry = table + index;
    if (lo[entry] === 0) continue;
    const slot = kid[entry];
    if (slot === 0) return true;
    const offset = base + index * size;
    const inside = offset >= start && offset + size <= end;
    if (inside && isLeafAt(pt, what, level, phaseAt(what, offset))) continue;
    if (pt.sharing?.isShared(slot)) return true;
    if (inside ? hasLeaf(pt, slot, level + 1) : hasLeafInTheWay(pt, what, slot, level + 1, offset)) return true;
  }
  return false;
}

/**
 * True when a reservation pins a table that the range meets: such tables, and those below them, must have one entry each
 * that points to them, so that a repeat mapping there has tables of its own.
 */
export function meetsPins(pt: PageTable, iovaHi: number, iovaLo: number, size: number): boolean {
  const { pinning } = pt;
  if (pinning === null || size === 0 || !spanInRange(pt, iovaHi, iovaLo, size)) return false;
  const start = offsetOf(pt, iovaHi, iovaLo);
  const end = start + size;
  const walk = (table: number, level: number, base: number): boolean => {
    const bytes = pt.sizes[level];
    const first = start <= base ? 0 : Math.floor((start - base) / bytes);
    const last = Math.min(pt.entriesAt(level), Math.ceil((end - base) / bytes)) - 1;
    if (pt.memory.live[unitOf(table)] === 0 && pinning.parkedIn(table) === 0) return false;
    for (let entry = table + first; entry <= table + last; entry++) {
      if (pinning.parkedAt(entry) !== 0) return true;
      const slot = pt.memory.kid[entry];
      if (slot === 0) continue;
      if (pt.memory.pins[unitOf(slot)] > 0) return true;
      if (level + 1 < LAST_LEVEL && walk(slot, level + 1, base + (entry - table) * bytes)) return true;
    }
    return false;
  };
  return walk(pt.root, pt.startLevel, 0);
}
