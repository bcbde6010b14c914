import { TWO_32 } from '../base/u64.ts';
import { EEXIST, EINVAL, ENOMEM, ERANGE, PROT_ALL, PROT_READ, PROT_WRITE } from '../base/vocabulary.ts';
import { GFP_KERNEL } from './callbacks.ts';
import * as C from './counters.ts';
import { leafType, packHi, packLo, SW_SYNC_HI } from './descriptor.ts';
import { LAST_LEVEL } from './geometry.ts';
import { unitOf } from './memory.ts';
import { NO_LEVEL, type PageTable } from './page-table.ts';
import { clearTableEntry, FILL_FROM, runLength } from './run.ts';

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
  pt.counters[C.MAP_CALLS]++;
  const target = pt.levelOf(pgsize);
  if ((target === NO_LEVEL || target < LAST_LEVEL) && !pt.acceptsPgsize(pgsize)) return pt.refuse(C.WARN_BAD_PGSIZE);
  if (!pt.iovaInRange(iovaHi, iovaLo) || !pt.paddrInRange(paddrHi, paddrLo)) {
    pt.warn(C.WARN_RANGE);
    return -ERANGE;
  }
  if ((prot & (PROT_READ | PROT_WRITE)) === 0) return -EINVAL;

  const memory = pt.memory;
  const shifts = pt.shifts;
  const masks = pt.masks;
  const coherent = pt.coherent;
  let kid = memory.kid;
  let table = pt.root;
  for (let level = pt.startLevel; ; level++) {
    const shift = shifts[level];
    const bits = shift >= 32 ? iovaHi >>> (shift - 32) : (iovaHi << (32 - shift)) | (iovaLo >>> shift);
    const index = bits & masks[level];
    if (level === target) {
      return mapRun(pt, table, index, level, iovaHi, iovaLo, paddrHi, paddrLo, pgsize, count, prot & PROT_ALL);
    }
    if (level === LAST_LEVEL) return pt.refuse(C.WARN_NO_SUCH_LEVEL);
    const entry = table + index;
    let next = kid[entry];
    if (next === 0) {
      if (memory.lo[entry] !== 0) {
        if (!coherent && (memory.hi[entry] & SW_SYNC_HI) === 0) pt.syncTable();
        if (!pt.noWarn) pt.warn(C.WARN_ALREADY_MAPPED);
        return -EEXIST;
      }
      next = pt.allocTable(level + 1, pt.granule, GFP_KERNEL);
      if (next === 0) return -ENOMEM;
      pt.linkTable(table, entry, next);
      kid = memory.kid;
    } else if (!coherent && (memory.hi[entry] & SW_SYNC_HI) === 0) pt.syncTable();
    table = next;
  }
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
  pgsize: number,
  count: number,
  prot: number,
): number {
  const memory = pt.memory;
  const length = runLength(pt, level, index, count);
  const first = table + index;
  const unit = unitOf(table);
  if (memory.live[unit] !== 0) {
    const lo = memory.lo;
    for (let i = 0; i < length; i++) {
      if (lo[first + i] === 0) continue;
      if (memory.kid[first + i] === 0) {
        if (!pt.noWarn) pt.warn(C.WARN_ALREADY_MAPPED);
        return -EEXIST;
      }
      const offset = i * pgsize;
      clearTableEntry(pt, table, first + i, level, (iovaHi + Math.floor((iovaLo + offset) / TWO_32)) >>> 0, (iovaLo + offset) >>> 0, pgsize);
      // The run's own clear of the entry comes after the subtree is gone, with a second cache clean.
      pt.syncTable();
    }
  }
  writeLeaves(pt, first, length, level, paddrHi, paddrLo, prot);
  memory.live[unit] += length;
  const counters = pt.counters;
  if (!pt.coherent) counters[C.PT_SYNCS]++;
  const bytes = length * pgsize;
  pt.mapped = bytes;
  counters[C.LEAVES_WRITTEN] += length;
  const mappedNow = (counters[C.MAPPED_BYTES] += bytes);
  if (mappedNow > counters[C.MAPPED_BYTES_PEAK]) counters[C.MAPPED_BYTES_PEAK] = mappedNow;
  return 0;
}

/** Writes a run of leaves with consecutive output addresses (io-pgtable-arm.c:__arm_lpae_init_pte). */
function writeLeaves(
  pt: PageTable,
  first: number,
  length: number,
  level: number,
  paddrHi: number,
  paddrLo: number,
  prot: number,
): void {
  const { lo, hi } = pt.memory;
  const attributes = pt.attributes;
  const attributeLo = attributes[2 * prot] | leafType(pt.config.format, level);
  const attributeHi = attributes[2 * prot + 1];
  if (length === 1) {
    lo[first] = packLo(paddrHi, paddrLo) | attributeLo;
    hi[first] = packHi(paddrHi) | attributeHi;
    return;
  }
  const step = pt.sizes[level];
  const span = step * length;
  const lastHi = paddrHi + Math.floor((paddrLo + span - 1) / TWO_32);
  if (lastHi === paddrHi && paddrHi < 0x10000) {
    // No carry into the high half and no bits above 47: one constant half and one arithmetic progression.
    const constantHi = paddrHi | attributeHi;
    if (length >= FILL_FROM) hi.fill(constantHi, first, first + length);
    else for (let i = 0; i < length; i++) hi[first + i] = constantHi;
    let value = (paddrLo & 0xfffff000) | attributeLo;
    for (let i = 0; i < length; i++) {
      lo[first + i] = value;
      value = (value + step) | 0;
    }
    return;
  }
  for (let i = 0; i < length; i++) {
    const offset = paddrLo + i * step;
    const pageHi = paddrHi + Math.floor(offset / TWO_32);
    lo[first + i] = packLo(pageHi, offset >>> 0) | attributeLo;
    hi[first + i] = packHi(pageHi) | attributeHi;
  }
}
