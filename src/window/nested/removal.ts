import { TWO_32 } from '../../base/u64.ts';
import { PROT_READ, PROT_WRITE } from '../../base/vocabulary.ts';
import type { IommuDomain } from '../../iommu/domain.ts';
import { LAST_LEVEL } from '../../lpae/format/geometry.ts';
import { walkPageTable } from '../../lpae/lookup.ts';
import type { PageTable } from '../../lpae/page-table.ts';

/** IOVAs from `start` to before `end`. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** A request to unmap: through the core where `count` is null, else one raw call for `count` pages of `size` bytes. */
export interface UnmapRequest {
  readonly iova: number;
  readonly size: number;
  readonly count: number | null;
}

/** A request to map; as in UnmapRequest. */
export interface MapRequest extends UnmapRequest {
  readonly paddr: number;
  readonly prot: number;
}

/**
 * What an unmap would take away, without touching anything: nothing where it is misaligned, up to the first hole
 * (iommu.c:__iommu_unmap), and of a block that it is for a part of what `partialUnmap` says.
 */
export function removedBy(domain: IommuDomain, { iova, size, count }: UnmapRequest): Stretch[] {
  const { chooser, table } = domain;
  const removed: Stretch[] = [];
  if (count !== null) {
    unmapCall(table, iova, size, count, removed);
    return removed;
  }
  if (!chooser.isAligned(high(iova), low(iova), 0, 0, size)) return removed;
  for (let done = 0; done < size; ) {
    const at = iova + done;
    chooser.choose(high(at), low(at), high(at), low(at), size - done);
    const bytes = unmapCall(table, at, chooser.size, chooser.count, removed);
    if (bytes === 0) break;
    done += bytes;
  }
  return removed;
}

/** What an unmap asks for, whatever is there; nothing where it is misaligned. */
export function askedBy({ chooser }: IommuDomain, { iova, size, count }: UnmapRequest): Stretch[] {
  if (count !== null) return [around(iova, size, count)];
  return chooser.isAligned(high(iova), low(iova), 0, 0, size) ? [{ start: iova, end: iova + size }] : [];
}

/** One raw unmap (io-pgtable-arm.c:arm_lpae_unmap_pages): the bytes that it returns. */
function unmapCall(table: PageTable, iova: number, pgsize: number, count: number, removed: Stretch[]): number {
  if (count === 0 || !table.acceptsPgsize(pgsize) || !table.iovaInRange(high(iova), low(iova))) return 0;
  const target = table.levelOf(pgsize);
  const walk = walkPageTable(table, high(iova), low(iova));
  if (walk.last < target) {
    if (!walk.leaf) return 0;
    return unmapPartCall(table, iova, walk.last, target, pgsize, count, removed);
  }
  const first = walk.entries[target];
  const length = entriesOf(table, target, first - walk.tables[target], count);
  let done = 0;
  while (done < length && table.memory.lo[first + done] !== 0) done++;
  if (done > 0) add(removed, around(iova, pgsize, done));
  return done * pgsize;
}

/** The same where a block stands above the level that it is for. */
function unmapPartCall(
  table: PageTable,
  iova: number,
  level: number,
  target: number,
  pgsize: number,
  count: number,
  removed: Stretch[],
): number {
  const { partialUnmap } = table.config;
  if (partialUnmap === 'refuse') return 0;
  if (partialUnmap === 'whole') {
    add(removed, around(iova, table.sizes[level], 1));
    return table.sizes[level];
  }
  if (target > LAST_LEVEL) return 0;
  const length = entriesOf(table, target, table.indexAt(target, high(iova), low(iova)), count);
  add(removed, around(iova, pgsize, length));
  return length * pgsize;
}

/**
 * What a map would take away, without touching anything: where it is for blocks they take the place of tables, with all
 * that these map (io-pgtable-arm.c:arm_lpae_init_pte), until it meets a leaf.
 */
export class Replacement {
  readonly stretches: Stretch[] = [];
  readonly #domain: IommuDomain;

  constructor(domain: IommuDomain) {
    this.#domain = domain;
  }

  /** Adds a request. False when it would fail: nothing that follows it is mapped. */
  add(request: MapRequest): boolean {
    const { iova, paddr, size, count, prot } = request;
    const { chooser } = this.#domain;
    if ((prot & (PROT_READ | PROT_WRITE)) === 0) return false;
    if (count !== null) return this.#call(iova, paddr, size, count) >= 0;
    if (!this.isAligned(request)) return false;
    for (let done = 0; done < size; ) {
      const at = iova + done;
      const to = paddr + done;
      chooser.choose(high(at), low(at), high(to), low(to), size - done);
      const bytes = this.#call(at, to, chooser.size, chooser.count);
      if (bytes <= 0) return false;
      done += bytes;
    }
    return true;
  }

  /** Whether the core lets a request come to the table at all. */
  isAligned({ iova, paddr, size }: MapRequest): boolean {
    return this.#domain.chooser.isAligned(high(iova), low(iova), high(paddr), low(paddr), size);
  }

  /** One raw map: the bytes that it would map, -1 when it would fail. */
  #call(iova: number, paddr: number, pgsize: number, count: number): number {
    const { table } = this.#domain;
    if (!table.acceptsPgsize(pgsize)) return -1;
    if (!table.iovaInRange(high(iova), low(iova)) || !table.paddrInRange(high(paddr), low(paddr))) return -1;
    const target = table.levelOf(pgsize);
    if (target > LAST_LEVEL) return -1;
    const walk = walkPageTable(table, high(iova), low(iova));
    if (walk.last < target) {
      if (walk.leaf) return -1;
      return entriesOf(table, target, table.indexAt(target, high(iova), low(iova)), count) * pgsize;
    }
    const first = walk.entries[target];
    const length = entriesOf(table, target, first - walk.tables[target], count);
    const { lo, kid } = table.memory;
    for (let i = 0; i < length; i++) {
      if (kid[first + i] !== 0) add(this.stretches, around(iova + i * pgsize, pgsize, 1));
      else if (lo[first + i] !== 0) return -1;
    }
    return length * pgsize;
  }
}

/** At least what a request can take away: of an unmap that removes whole blocks those at both ends. */
export function reachOf(table: PageTable, { iova, size, count }: UnmapRequest): [start: number, end: number] {
  const { granule, sizes, startLevel, config } = table;
  const page = config.partialUnmap === 'whole' ? sizes[startLevel] : count === null ? granule : size;
  const end = iova + size * (count ?? 1);
  return [Math.floor(iova / page) * page, Math.ceil(end / page) * page];
}

/** Where the leaf begins that an IOVA lies in. */
export function leafStart(table: PageTable, iova: number): number {
  const span = leafSpan(table, iova);
  return Math.floor(iova / span) * span;
}

/** Where the leaf ends that the page before an IOVA lies in. */
export function leafEnd(table: PageTable, iova: number): number {
  const span = leafSpan(table, iova - table.granule);
  return Math.ceil(iova / span) * span;
}

function leafSpan(table: PageTable, iova: number): number {
  return table.sizes[walkPageTable(table, high(iova), low(iova)).last];
}

/** Entries that a call touches of one table: up to its end, and of a start table smaller than a page to the end of that. */
function entriesOf(table: PageTable, level: number, index: number, count: number): number {
  const entries = table.tableEntries;
  const length = Math.min(count, entries - (index % entries));
  return level === table.startLevel ? Math.min(length, table.pgdEntries - index) : length;
}

/** Pages from the one that holds an IOVA on. */
function around(iova: number, page: number, pages: number): Stretch {
  const start = Math.floor(iova / page) * page;
  return { start, end: start + pages * page };
}

/** Adds a stretch behind the others: to the last of them where it continues that, so that what goes together stays together. */
function add(stretches: Stretch[], stretch: Stretch): void {
  const last = stretches.at(-1);
  if (last?.end === stretch.start) stretches[stretches.length - 1] = { start: last.start, end: stretch.end };
  else stretches.push(stretch);
}

/** Signed halves, as the core takes them. */
export function high(address: number): number {
  return Math.floor(address / TWO_32) | 0;
}

export function low(address: number): number {
  return address | 0;
}
