import { PROT_CONTIG } from '../base/extended-prot.ts';
import { TWO_32 } from '../base/u64.ts';
import { EEXIST, EINVAL, ENOMEM, ERANGE, PROT_ALL, PROT_READ, PROT_WRITE } from '../base/vocabulary.ts';
import { GFP_KERNEL } from './callbacks.ts';
import * as C from './counters.ts';
import { attributeIndex } from './extended/extended-attributes.ts';
import { markRuns } from './extended/extended-contig.ts';
import { packHi, packLo, SW_SYNC_HI, TYPE_BLOCK } from './format/descriptor.ts';
import { LAST_LEVEL } from './format/geometry.ts';
import { writeLeaves } from './leaf-run.ts';
import type { PageTable } from './page-table.ts';
import { relink } from './pinning/kept-tables.ts';
import { makeRoom, writeAround } from './pinning/pinned-map.ts';
import { guardOf } from './sharing/space-guard.ts';
import { unitOf } from './table/memory.ts';
import { clearTableEntry, runLength } from './table/table-entries.ts';

/*
 * Address halves travel as signed 32-bit integers below the entry point: V8 keeps those in registers, while an unsigned
 * half of 2^31 or more becomes an object on the heap at every call that is not inlined.
 */

// Copies: V8 compiles a module's own constants into the code, but reads imported ones from memory at each use.
const LAST = LAST_LEVEL;
const TWO_TO_32 = TWO_32;
const ACCESS = PROT_READ | PROT_WRITE;
const ALL_PROT = PROT_ALL;
const BLOCK = TYPE_BLOCK;
const { MAP_CALLS, LEAVES_WRITTEN, MAPPED_BYTES, MAPPED_BYTES_PEAK, PT_SYNCS } = C;

/**
 * Maps up to `count` pages of `pgsize` bytes, never beyond the end of one table page
 * (io-pgtable-arm.c:arm_lpae_map_pages, __arm_lpae_map). Returns 0 or a negative errno; `pt.mapped` holds the bytes
 * written. A short `mapped` with 0 is normal: callers loop. Only the first address is range checked; alignment never is.
 */
export function mapPages(
  pt: PageTable,
  iovaHi: number,
  iovaLo: number,
  paddrHi: number,
  paddrLo: number,
  pgsize: number,
  count: number,
  prot: number,
): number {
  pt.mapped = 0;
  pt.pgdOverrun = false;
  pt.counters[MAP_CALLS]++;
  // What nearly every call is, in few bytes of code, so that V8 takes it into its callers: pages whose table is there.
  const known = prot <= ALL_PROT && (prot & ACCESS) !== 0;
  if (known && pgsize === pt.granule && pt.iovaInRange(iovaHi, iovaLo) && pt.paddrInRange(paddrHi, paddrLo)) {
    const table = pt.lastTable(iovaHi, iovaLo);
    if (table !== 0) {
      const index = pt.pageIndex(iovaLo);
      if (count !== 1 || pt.memory.lo[table + index] !== 0)
        return mapRun(pt, table, index, LAST, iovaHi | 0, iovaLo | 0, paddrHi | 0, paddrLo | 0, count, prot);
      writePage(pt, table, table + index, paddrHi, paddrLo, prot);
      return 0;
    }
  }
  return mapOther(pt, iovaHi | 0, iovaLo | 0, paddrHi | 0, paddrLo | 0, pgsize, count, prot);
}

/** As `mapPages` for what is not pages whose table is there: blocks, new tables, more attributes and all that is refused. */
function mapOther(
  pt: PageTable,
  iovaHi: number,
  iovaLo: number,
  paddrHi: number,
  paddrLo: number,
  pgsize: number,
  count: number,
  prot: number,
): number {
  let target = LAST;
  if (pgsize !== pt.granule) {
    target = pt.levelOf(pgsize);
    if (!pt.acceptsPgsize(pgsize)) return pt.refuse(C.WARN_BAD_PGSIZE);
  }
  if (!pt.iovaInRange(iovaHi, iovaLo) || !pt.paddrInRange(paddrHi, paddrLo)) {
    pt.warn(C.WARN_RANGE);
    return -ERANGE;
  }
  if ((prot & ACCESS) === 0) return -EINVAL;
  let attributes = prot;
  if (prot > ALL_PROT) {
    attributes = attributeIndex(pt, prot);
    if (attributes < 0) return attributes;
  }
  if (target < LAST && pt.guard !== null) {
    const ret = pt.guard.beforeBlocks(iovaHi, iovaLo, target, count);
    if (ret !== 0) return ret;
  }
  const high = pt.highIndices(iovaHi, iovaLo);
  const low = pt.lowIndices(iovaHi, iovaLo);
  const table = tableOf(pt, high, low, target);
  if (table < 0) return table;
  const index = pt.indexIn(target, high, low);
  const ret = mapRun(pt, table, index, target, iovaHi, iovaLo, paddrHi, paddrLo, count, attributes);
  if (prot > ALL_PROT && ret === 0 && (prot & PROT_CONTIG) !== 0) hint(pt, table, index, target);
  return ret;
}

/** Gives the contiguous hint to what has just been mapped, where it makes whole runs. */
function hint(pt: PageTable, table: number, index: number, level: number): void {
  guardOf(pt);
  markRuns(pt, table, table + index, pt.mapped / pt.sizes[level], level);
}

/** Slot of the table whose entries are of the `target` level, made where it is missing; or a negative errno. */
function tableOf(pt: PageTable, high: number, low: number, target: number): number {
  const memory = pt.memory;
  let table = pt.root;
  for (let level = pt.startLevel; level !== target; level++) {
    // No level has entries of the asked size.
    if (level === LAST) return pt.refuse(C.WARN_NO_SUCH_LEVEL);
    const entry = table + pt.indexIn(level, high, low);
    let next = memory.kid[entry];
    if (next === 0) {
      if (memory.lo[entry] !== 0) {
        // A walk cleans an entry without the mark of having reached memory once more. Only leaves lack it here.
        if ((memory.hi[entry] & SW_SYNC_HI) === 0) pt.syncTable();
        if (!pt.noWarn) pt.warn(C.WARN_ALREADY_MAPPED);
        return -EEXIST;
      }
      if (pt.pinning !== null) next = relink(pt, table, entry);
      if (next === 0) {
        next = pt.allocTable(level + 1, pt.granule, GFP_KERNEL);
        if (next === 0) return -ENOMEM;
        pt.linkTable(table, entry, next);
      }
    }
    table = next;
  }
  return table;
}

/** As `mapRun` for one page with nothing in its way: much of what that asks is known. */
function writePage(
  pt: PageTable,
  table: number,
  entry: number,
  paddrHi: number,
  paddrLo: number,
  attributes: number,
): void {
  const { memory, counters, granule } = pt;
  const attributeLo = pt.attributes[2 * attributes] | pt.pageType;
  const attributeHi = pt.attributes[2 * attributes + 1];
  memory.lo[entry] = packLo(paddrHi, paddrLo) | attributeLo;
  memory.hi[entry] = packHi(paddrHi) | attributeHi;
  memory.live[unitOf(table)]++;
  pt.mapped = granule;
  if (pt.coherent === false) counters[PT_SYNCS]++;
  counters[LEAVES_WRITTEN]++;
  const mappedNow = counters[MAPPED_BYTES] + granule;
  counters[MAPPED_BYTES] = mappedNow;
  if (mappedNow > counters[MAPPED_BYTES_PEAK]) counters[MAPPED_BYTES_PEAK] = mappedNow;
}

function mapRun(
  pt: PageTable,
  table: number,
  index: number,
  level: number,
  iovaHi: number,
  iovaLo: number,
  paddrHi: number,
  paddrLo: number,
  count: number,
  prot: number,
): number {
  const memory = pt.memory;
  const length = count === 1 ? 1 : runLength(pt, level, index, count);
  const first = table + index;
  const unit = unitOf(table);
  const { lo, hi } = memory;
  if (level < LAST && pt.pinning !== null) {
    const ret = makeRoom(pt, pt.pinning, table, first, length, level, iovaHi, iovaLo);
    if (ret < 0) return ret;
    if (ret > 0) return writeAround(pt, table, first, length, level, paddrHi, paddrLo, prot);
  } else if (memory.live[unit] !== 0) {
    for (let i = 0; i < length; i++) {
      if (lo[first + i] === 0) continue;
      const ret = replaceEntry(pt, table, first + i, level, iovaHi, iovaLo, i);
      if (ret !== 0) return ret;
    }
  }
  const attributeLo = pt.attributes[2 * prot] | (level === LAST ? pt.pageType : BLOCK);
  const attributeHi = pt.attributes[2 * prot + 1];
  if (length === 1) {
    lo[first] = packLo(paddrHi, paddrLo) | attributeLo;
    hi[first] = packHi(paddrHi) | attributeHi;
  } else writeLeaves(memory, first, length, pt.sizes[level], paddrHi, paddrLo, attributeHi, attributeLo | 0);
  memory.live[unit] += length;
  const counters = pt.counters;
  if (!pt.coherent) counters[PT_SYNCS]++;
  const bytes = length * pt.sizes[level];
  pt.mapped = bytes;
  counters[LEAVES_WRITTEN] += length;
  const mappedNow = counters[MAPPED_BYTES] + bytes;
  counters[MAPPED_BYTES] = mappedNow;
  if (mappedNow > counters[MAPPED_BYTES_PEAK]) counters[MAPPED_BYTES_PEAK] = mappedNow;
  return 0;
}

/** Makes room for a leaf, the `i`-th of a run at an IOVA: a table goes with all that it maps, a leaf stays. */
function replaceEntry(
  pt: PageTable,
  table: number,
  entry: number,
  level: number,
  iovaHi: number,
  iovaLo: number,
  i: number,
): number {
  if (pt.memory.kid[entry] === 0) {
    if (!pt.noWarn) pt.warn(C.WARN_ALREADY_MAPPED);
    return -EEXIST;
  }
  const size = pt.sizes[level];
  const lo = (iovaLo >>> 0) + i * size;
  clearTableEntry(pt, table, entry, level, (iovaHi + Math.floor(lo / TWO_TO_32)) >>> 0, lo >>> 0, size);
  // The run's own clear of the entry comes after the subtree is gone, with a second cache clean.
  pt.syncTable();
  return 0;
}
