/**
 * A second, deliberately simple io-pgtable-arm: bigint everywhere, one object per table, plain recursion (spec B.8, B.9).
 * It exists to be compared with src/lpae, and is checked against the kernel's golden sequences by itself.
 */
import { EEXIST, EINVAL, ENOMEM, ERANGE, PROT_READ, PROT_WRITE } from '../../src/base/vocabulary.ts';
import { NaiveLookup } from './naive-lookup.ts';
import { ATTRIBUTES, hex, type NaiveTable, SW_SYNC } from './naive-memory.ts';

export { hex, type NaiveEntry, type NaiveEvent } from './naive-memory.ts';

/** What unmap_pages needs of a gather; NaiveGather in naive-iommu.ts is one. */
export interface NaivePageSink {
  readonly queued: boolean;
  addPage(iova: bigint, size: bigint): void;
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

export class NaiveEngine extends NaiveLookup {
  // ---- map ----------------------------------------------------------------------------------------------------------

  private badSize(pgsize: bigint): boolean {
    return pgsize === 0n || (pgsize & this.geometry.pgsizes) !== pgsize;
  }

  private outOfRange(iova: bigint): boolean {
    const upper = BigInt.asIntN(64, iova) >> BigInt(this.geometry.ias);
    return upper !== (this.has('TTBR1') ? -1n : 0n);
  }

  /** How many entries from `index` a run may touch: never past one table page, and here never past the PGD either. */
  private run(table: NaiveTable, index: number, count: bigint): number {
    const wanted = min(count, BigInt(this.fullTable - (index % this.fullTable)));
    const room = BigInt(table.ptes.length - index);
    if (wanted > room) this.counters.pgdOverruns++;
    return Number(min(wanted, room));
  }

  mapPages(iova: bigint, pa: bigint, pgsize: bigint, count: bigint, prot: number): { ret: number; mapped: bigint } {
    const fail = (errno: number): { ret: number; mapped: bigint } => ({ ret: -errno, mapped: 0n });
    if (this.badSize(pgsize)) {
      this.warn();
      return fail(EINVAL);
    }
    if (this.outOfRange(iova) || pa >> BigInt(this.geometry.oas) !== 0n) {
      this.warn();
      return fail(ERANGE);
    }
    if (!(prot & (PROT_READ | PROT_WRITE))) return fail(EINVAL);
    const done = this.mapIn(this.root, iova, pa, pgsize, count, this.leafAttributes(prot));
    return done < 0n ? { ret: Number(done), mapped: 0n } : { ret: 0, mapped: done };
  }

  /** Bytes mapped, or a negative errno. */
  private mapIn(table: NaiveTable, iova: bigint, pa: bigint, size: bigint, count: bigint, attributes: bigint): bigint {
    const { level } = table;
    const index = this.index(iova, table);
    if (size === this.block(level)) return this.writeRun(table, index, iova, pa, count, attributes);
    if (level === 3) {
      this.warn();
      return BigInt(-EINVAL);
    }
    const entry = table.ptes[index];
    if (entry === 0n) {
      const child = this.allocate(level + 1, this.fullTable);
      if (child === null) return BigInt(-ENOMEM);
      this.link(table, index, child);
    } else {
      if ((entry & SW_SYNC) === 0n) this.sync();
      if (this.isLeaf(entry, level)) {
        this.warn(true);
        return BigInt(-EEXIST);
      }
    }
    return this.mapIn(table.children.get(index)!, iova, pa, size, count, attributes);
  }

  private writeRun(
    table: NaiveTable,
    index: number,
    iova: bigint,
    pa: bigint,
    count: bigint,
    attributes: bigint,
  ): bigint {
    const size = this.block(table.level);
    const n = this.run(table, index, count);
    for (let i = 0; i < n; i++) {
      if (this.isLeaf(table.ptes[index + i], table.level)) {
        this.warn(true);
        return BigInt(-EEXIST);
      }
      if (!this.isTable(table.ptes[index + i], table.level)) continue;
      const torn = this.unmapIn(table, iova + BigInt(i) * size, size, 1n, null);
      if (torn !== size) {
        this.warn();
        return BigInt(-EINVAL);
      }
    }
    for (let i = 0; i < n; i++) table.ptes[index + i] = this.leaf(pa + BigInt(i) * size, attributes, table.level);
    this.sync();
    return BigInt(n) * size;
  }

  // ---- unmap --------------------------------------------------------------------------------------------------------

  /** Bytes covered by the entries that were removed. */
  unmapPages(iova: bigint, pgsize: bigint, count: bigint, gather: NaivePageSink | null): bigint {
    if (this.badSize(pgsize) || count === 0n || this.outOfRange(iova)) {
      this.warn();
      return 0n;
    }
    return this.unmapIn(this.root, iova, pgsize, count, gather);
  }

  private unmapIn(table: NaiveTable, iova: bigint, size: bigint, count: bigint, gather: NaivePageSink | null): bigint {
    const { level } = table;
    const index = this.index(iova, table);
    const entry = table.ptes[index];
    const n = size === this.block(level) ? this.run(table, index, count) : 0;
    if (entry === 0n) {
      this.warn(true);
      return 0n;
    }
    if (size === this.block(level)) return this.clearRun(table, index, iova, n, gather);
    if (!this.isLeaf(entry, level)) return this.unmapIn(table.children.get(index)!, iova, size, count, gather);
    const policy = this.config.partialUnmap ?? (this.config.kernel === '7.1' ? 'refuse' : 'split');
    if (policy === 'split' && level < 3) return this.split(table, index, iova, size, count, gather);
    this.warn();
    if (policy === 'refuse') this.counters.partialRefusals++;
    return 0n;
  }

  private clearRun(table: NaiveTable, index: number, iova: bigint, n: number, gather: NaivePageSink | null): bigint {
    const size = this.block(table.level);
    let seen = 0;
    for (; seen < n; seen++) {
      const at = index + seen;
      if (table.ptes[at] === 0n) {
        this.warn(true);
        break;
      }
      if (this.isLeaf(table.ptes[at], table.level)) continue;
      const child = table.children.get(at)!;
      this.clear(table, at, 1);
      this.flushWalk(iova + BigInt(seen) * size, size);
      this.free(child);
    }
    this.clear(table, index, seen);
    if (gather !== null && !gather.queued) this.addPages(iova, size, seen, gather);
    return BigInt(seen) * size;
  }

  /** 6.12: puts a table of smaller entries, less the ones to go, in the place of a block. */
  private split(
    table: NaiveTable,
    index: number,
    iova: bigint,
    size: bigint,
    count: bigint,
    gather: NaivePageSink | null,
  ): bigint {
    const child = this.allocate(table.level + 1, this.fullTable);
    if (child === null) return 0n;
    const step = this.block(child.level);
    const first = this.index(iova, child);
    const gone = size === step ? this.run(child, first, count) : 0;
    const pa = this.unpack(table.ptes[index]);
    for (let i = 0; i < child.ptes.length; i++) {
      if (i >= first && i < first + gone) continue;
      child.ptes[i] = this.leaf(pa + BigInt(i) * step, table.ptes[index] & ATTRIBUTES, child.level);
      this.sync();
    }
    this.link(table, index, child);
    if (size !== step) return this.unmapIn(child, iova, size, count, gather);
    this.addPages(iova, size, gone, gather);
    return BigInt(gone) * size;
  }

  // ---- TLB callbacks ------------------------------------------------------------------------------------------------

  private flushWalk(iova: bigint, size: bigint): void {
    this.counters.flushWalks++;
    this.events.push(['FLUSH_WALK', hex(BigInt.asUintN(64, iova)), Number(size), Number(this.granule)]);
  }

  private addPages(iova: bigint, size: bigint, count: number, gather: NaivePageSink | null): void {
    for (let i = 0; i < count; i++) {
      const at = BigInt.asUintN(64, iova + BigInt(i) * size);
      this.counters.addPages++;
      this.events.push(['ADD_PAGE', hex(at), Number(size)]);
      gather?.addPage(at, size);
    }
  }

  /** The driver's end-of-gather hook; called by the gather. */
  iotlbSync(start: bigint, end: bigint, pgsize: bigint): void {
    this.counters.iotlbSyncs++;
    this.events.push(['IOTLB_SYNC', hex(start), hex(end), Number(pgsize)]);
  }
}
