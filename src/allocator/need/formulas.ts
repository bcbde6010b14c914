import { addHi, addLo, distance64, TWO_32 } from '../../base/u64.ts';
import { isSubsetOfBitmap } from '../../lpae/format/config.ts';
import { LAST_LEVEL } from '../../lpae/format/geometry.ts';
import type { PageTable } from '../../lpae/page-table.ts';
import { NO_LEVEL, type TableShape } from '../../lpae/table/table-shape.ts';
import { DEMAND_MAP, DEMAND_UNMAP, type Demand } from '../demand.ts';
import { MissingTables } from './missing.ts';
import type { Need } from './need.ts';
import { edges, offsetIn, windows } from './windows.ts';

/** How many tables to reserve for an operation whose tree nobody knows yet. */
export const FORMULAS = ['tree-empty', 'panthor', 'msm', 'exact'] as const;
export type FormulaName = (typeof FORMULAS)[number];

/** Adds what the operations of one unit may need. */
export type Formula = (demands: readonly Demand[], need: Need) => void;

/** Bytes that one table of levels 1 to 3 covers in the drivers' formulas: 4K granule, 48 bits, whatever the table is. */
const DRIVER_SPANS = [0, 2 ** 39, 2 ** 30, 2 ** 21];
const SLOT = DRIVER_SPANS[LAST_LEVEL];

/** The formula of that name for one page table. */
export function formulaFor(name: FormulaName, table: PageTable): Formula {
  switch (name) {
    case 'tree-empty':
      return each((demand, need) => addWorstCase(table, demand, need));
    case 'panthor':
      return each(addPanthor);
    case 'msm':
      return addMsm;
    case 'exact': {
      const missing = new MissingTables(table);
      return each((demand, need) => missing.add(demand, need));
    }
  }
}

function each(add: (demand: Demand, need: Need) => void): Formula {
  return (demands, need) => {
    for (let i = 0; i < demands.length; i++) {
      if (demands[i].kind === DEMAND_MAP || demands[i].kind === DEMAND_UNMAP) add(demands[i], need);
    }
  };
}

/** Panthor's: windows for a map, edges for an unmap (panthor_mmu.c:panthor_vm_prepare_map_op_ctx, ..._unmap_op_ctx). */
function addPanthor(demand: Demand, need: Need): void {
  const { iovaHi, iovaLo, size } = demand;
  if (demand.kind === DEMAND_UNMAP) need.add(LAST_LEVEL, edges(iovaHi, iovaLo, size, SLOT));
  else addWindows(iovaHi, iovaLo, size, need);
}

function addWindows(hi: number, lo: number, size: number, need: Need): void {
  for (let level = 1; level <= LAST_LEVEL; level++) need.add(level, windows(hi, lo, size, DRIVER_SPANS[level]));
}

/**
 * Msm's: consecutive maps of a job count as one range while each begins in the slot of 2M where the one before ended.
 * Unmaps need nothing and do not end a run (msm_gem_vma.c:vm_bind_prealloc_count, ops_are_same_pte). A run that goes
 * backward within a slot has a negative length; the windows come out right all the same.
 */
function addMsm(demands: readonly Demand[], need: Need): void {
  let first: Demand | null = null;
  let endHi = 0;
  let endLo = 0;
  for (let i = 0; i < demands.length; i++) {
    const demand = demands[i];
    if (demand.kind !== DEMAND_MAP) continue;
    const { iovaHi, iovaLo } = demand;
    if (first === null || endHi !== iovaHi >>> 0 || (endLo ^ iovaLo) >>> 0 >= SLOT) {
      if (first !== null) addRun(first, endHi, endLo, need);
      first = demand;
    }
    endHi = addHi(iovaHi >>> 0, iovaLo >>> 0, demand.size);
    endLo = addLo(iovaLo >>> 0, demand.size);
  }
  if (first !== null) addRun(first, endHi, endLo, need);
}

function addRun(first: Demand, endHi: number, endLo: number, need: Need): void {
  const { iovaHi, iovaLo } = first;
  const length = distance64(endHi, endLo, iovaHi >>> 0, iovaLo >>> 0);
  // A run that ends at the very top of the address space ends at 0.
  addWindows(iovaHi, iovaLo, length < -SLOT ? length + TWO_32 * TWO_32 : length, need);
}

/** The most that an operation can need, whatever the tree looks like: for a map, one table of every level for each window that it touches. */
function addWorstCase(shape: TableShape, demand: Demand, need: Need): void {
  const raw = demand.pgsize !== 0;
  if (demand.kind === DEMAND_UNMAP) {
    addSplits(shape, demand, need);
    return;
  }
  // A raw call for no pages still makes the tables on its way.
  const size = raw ? Math.max(demand.size, 1) : demand.size;
  if (size === 0) return;
  for (let level = shape.startLevel + 1; level <= LAST_LEVEL; level++) {
    need.add(level, windows(demand.iovaHi, demand.iovaLo, size, shape.sizes[level - 1]));
  }
}

/**
 * Tables that take the place of blocks of which an unmap removes a part. Without splitting in the engine it is the
 * driver that maps the rest anew, in last-level tables at the two edges. The engine may have to go down several levels.
 */
function addSplits(shape: TableShape, demand: Demand, need: Need): void {
  const { iovaHi, iovaLo, size, pgsize } = demand;
  const split = shape.config.partialUnmap === 'split';
  // A raw call may use pages smaller than it has to, and so split a block that lies wholly inside; but only one.
  const rawTarget = pgsize === 0 ? -1 : pgsize === shape.granule ? LAST_LEVEL : shape.levelOf(pgsize);
  let block = 0;
  for (let level = shape.startLevel + 1; level <= LAST_LEVEL; level++) {
    const span = shape.sizes[level - 1];
    const isBlock = isSubsetOfBitmap(span, shape.config.pgsizes);
    let pages = 0;
    if (split && !isBlock && block !== 0) pages = windowsAtEdges(iovaHi, iovaLo, size, span, block);
    else if (level === LAST_LEVEL || (split && isBlock)) pages = edges(iovaHi, iovaLo, size, span);
    if (isBlock) block = span;
    if (split && block !== 0 && (rawTarget === NO_LEVEL || level <= rawTarget)) pages = Math.max(pages, 1);
    need.add(level, pages);
  }
}

/** Windows of `span` bytes in those of `block` bytes that the range covers in part: no page size lets them go as a whole. */
function windowsAtEdges(hi: number, lo: number, size: number, span: number, block: number): number {
  const start = offsetIn(hi, lo, block);
  const toEnd = start === 0 ? 0 : Math.min(size, block - start);
  const tail = (start + size) % block;
  const head = toEnd === 0 ? 0 : windows(hi, lo, toEnd, span);
  return toEnd === size ? head : head + Math.ceil(tail / span);
}
