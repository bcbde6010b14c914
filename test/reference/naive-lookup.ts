/** Look-ups of the naive engine: they change nothing but dirty bits (spec B.11). */
import { EINVAL } from '../../src/base/vocabulary.ts';
import { ALL_ONES, DBM, NaiveMemory, type NaiveTable, READ_ONLY } from './naive-memory.ts';

export class NaiveLookup extends NaiveMemory {
  /** The entries on the way, one slot per level (null: not visited), and whether the last of them is a leaf. */
  walk(iova: bigint): { ptes: (bigint | null)[]; leaf: boolean } {
    const ptes: (bigint | null)[] = [null, null, null, null];
    let table: NaiveTable | undefined = this.root;
    while (table !== undefined) {
      const index = this.index(iova, table);
      const pte = table.ptes[index];
      ptes[table.level] = pte;
      if (this.isLeaf(pte, table.level)) return { ptes, leaf: true };
      table = table.children.get(index);
    }
    return { ptes, leaf: false };
  }

  private findLeaf(iova: bigint): { table: NaiveTable; index: number } | null {
    let table: NaiveTable | undefined = this.root;
    while (table !== undefined) {
      const index = this.index(iova, table);
      if (this.isLeaf(table.ptes[index], table.level)) return { table, index };
      table = table.children.get(index);
    }
    return null;
  }

  /** Null when nothing is mapped, and for the last address of all, where the kernel reads an uninitialised variable. */
  iovaToPhys(iova: bigint): bigint | null {
    const found = iova === ALL_ONES ? null : this.findLeaf(iova);
    if (found === null) return null;
    return this.unpack(found.table.ptes[found.index]) | (iova % this.block(found.table.level));
  }

  /** The hardware writes through a clean, writable leaf: true when that changed the entry. */
  setDirty(iova: bigint): boolean {
    const found = this.findLeaf(iova);
    if (found === null) return false;
    const pte = found.table.ptes[found.index];
    if ((pte & DBM) === 0n || (pte & READ_ONLY) === 0n) return false;
    found.table.ptes[found.index] = pte & ~READ_ONLY;
    return true;
  }

  readDirty(iova: bigint, size: bigint, clear: boolean): { ret: number; records: [bigint, bigint][] } {
    const records: [bigint, bigint][] = [];
    const last = BigInt.asUintN(64, iova + size - 1n);
    if (size === 0n || last >> BigInt(this.geometry.ias) !== 0n) {
      this.warn();
      return { ret: -EINVAL, records };
    }
    if (this.config.format !== 'ARM_64_LPAE_S1') return { ret: -EINVAL, records };
    const end = BigInt.asUintN(64, iova + size);
    for (let at = iova; at < end; ) {
      const found = this.findLeaf(at);
      if (found === null) {
        if (this.config.kernel === '6.12') this.warn();
        return { ret: -EINVAL, records };
      }
      const { table, index } = found;
      const pte = table.ptes[index];
      if ((pte & DBM) !== 0n && (pte & READ_ONLY) === 0n) {
        records.push([at, this.block(table.level)]);
        if (clear) table.ptes[index] = pte | READ_ONLY;
      }
      at += this.block(table.level);
    }
    return { ret: 0, records };
  }
}
