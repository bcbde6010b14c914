import { hex64 } from '../../../src/base/u64.ts';
import type { IommuDomain } from '../../../src/iommu/domain.ts';
import { type RepeatOutcome, repeatPlainly, repeatWithSharing } from '../../../src/iommu/repeat.ts';
import { ADDRESS_HI_MASK, ADDRESS_LO_MASK } from '../../../src/lpae/format/descriptor.ts';
import { iovaHiAt, iovaLoAt } from '../../../src/lpae/offsets.ts';
import type { PageTable } from '../../../src/lpae/page-table.ts';
import { visitEntries } from '../../../src/lpae/visit.ts';
import { halves } from '../fixture.ts';

export const RW = 3;

/** Maps `length` bytes at `paddr` over and over to the offsets [start, start + size). */
export function repeatAt(
  domain: IommuDomain,
  how: 'plain' | 'shared',
  start: number,
  size: number,
  paddr: number,
  length: number,
  { prot = RW, reserve = false } = {},
): RepeatOutcome {
  const [paddrHi, paddrLo] = halves(paddr);
  const iovaHi = iovaHiAt(domain.table, start);
  const iovaLo = iovaLoAt(domain.table, start);
  const request = { iovaHi, iovaLo, size, paddrHi, paddrLo, length, prot };
  return how === 'plain' ? repeatPlainly(domain, request, 'intended') : repeatWithSharing(domain, request, reserve);
}

export function unmapAt(domain: IommuDomain, start: number, size: number): number {
  return domain.unmap(iovaHiAt(domain.table, start) | 0, iovaLoAt(domain.table, start) | 0, size);
}

export function mapAt(domain: IommuDomain, start: number, paddr: number, size: number, prot = RW): number {
  const [hi, lo] = halves(paddr);
  return domain.map(iovaHiAt(domain.table, start) | 0, iovaLoAt(domain.table, start) | 0, hi | 0, lo | 0, size, prot);
}

/** Every entry at every address that it stands for; of entries that point to tables all bits but the address. */
export function expanded(table: PageTable, leavesOnly = false): string[] {
  const lines: string[] = [];
  visitEntries(table, ({ level, index, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
    const hi = kid === 0 ? pteHi : (pteHi & ~ADDRESS_HI_MASK) >>> 0;
    const lo = kid === 0 ? pteLo : (pteLo & ~ADDRESS_LO_MASK) >>> 0;
    if (kid === 0 || !leavesOnly) lines.push(`L${level}[${index}] va=${hex64(iovaHi, iovaLo)} pte=${hex64(hi, lo)}`);
    return true;
  });
  return lines;
}

/** Entries that point to each table, counted over all tables once. */
export function linksByForce(table: PageTable): Map<number, number> {
  const links = new Map<number, number>();
  const visit = (slot: number, level: number): void => {
    for (let entry = slot; entry < slot + table.entriesAt(level) && level < 3; entry++) {
      const kid = table.memory.kid[entry];
      if (kid === 0) continue;
      const known = links.get(kid) ?? 0;
      links.set(kid, known + 1);
      if (known === 0) visit(kid, level + 1);
    }
  };
  visit(table.root, table.startLevel);
  return links;
}

/** Tables in the tree by level, each once, and what they hold: leaves, and entries that are not zero. */
export function physical(table: PageTable): { tables: number[]; leaves: number; live: number } {
  const tables = [0, 0, 0, 0];
  let leaves = 0;
  let live = 0;
  const seen = new Set<number>();
  const visit = (slot: number, level: number): void => {
    if (seen.has(slot)) return;
    seen.add(slot);
    tables[level]++;
    for (let entry = slot; entry < slot + table.entriesAt(level); entry++) {
      if (table.memory.lo[entry] === 0) continue;
      live++;
      if (level < 3 && table.memory.kid[entry] !== 0) visit(table.memory.kid[entry], level + 1);
      else leaves++;
    }
  };
  visit(table.root, table.startLevel);
  return { tables, leaves, live };
}
