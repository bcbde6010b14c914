import { type Address, address, hexNumber } from '../../base/u64.ts';
import { decodeDescriptor } from '../../lpae/format/decode-descriptor.ts';
import { iovaToPhys, walkPageTable } from '../../lpae/lookup.ts';
import type { PageTable } from '../../lpae/page-table.ts';

const DESCRIPTOR_BYTES = 8;

/** One entry on the way. */
export interface TranslationStep {
  readonly level: number;
  readonly index: number;
  /** Simulated physical addresses of the table and of the entry in it. */
  readonly table: number;
  readonly entryAddress: number;
  readonly pteHi: number;
  readonly pteLo: number;
}

/** What becomes of one IOVA. */
export interface Translation {
  readonly iovaHi: number;
  readonly iovaLo: number;
  readonly steps: readonly TranslationStep[];
  /** How the last entry ends the walk. */
  readonly end: 'mapped' | 'empty' | 'reserved';
  /** The physical address, 0 when there is none. */
  readonly paddrHi: number;
  readonly paddrLo: number;
  /** What the last entry covers: its first IOVA and its bytes. */
  readonly holeHi: number;
  readonly holeLo: number;
  readonly holeBytes: number;
  /** The address within the table that the kernel answers for, when the IOVA lies outside. */
  readonly alias: Address | null;
  /** Why the kernel's own answer is undefined. */
  readonly violation: string | null;
}

/** Follows an IOVA through the tables (io-pgtable-arm.c:arm_lpae_iova_to_phys, arm_lpae_pgtable_walk). */
export function translate(pt: PageTable, iovaHi: number, iovaLo: number): Translation {
  const { memory } = pt;
  const found = iovaToPhys(pt, iovaHi, iovaLo);
  const undefinedAnswer = pt.undefinedResult;
  // Of the address that the kernel does not walk to, the tables are shown: those of its neighbour in the same page.
  const walk = walkPageTable(pt, iovaHi, undefinedAnswer ? iovaLo - 1 : iovaLo);
  const steps: TranslationStep[] = [];
  for (let level = pt.startLevel; level <= walk.last; level++) {
    const index = walk.entries[level] - walk.tables[level];
    const table = memory.addressOf(walk.tables[level]);
    const slot = walk.entries[level];
    const entryAddress = table + DESCRIPTOR_BYTES * index;
    steps.push({ level, index, table, entryAddress, pteHi: memory.hi[slot], pteLo: memory.lo[slot] });
  }
  const { level, pteHi, pteLo } = steps[steps.length - 1];
  const { kind } = decodeDescriptor(pt, level, pteHi, pteLo);
  const inside = pt.iovaInRange(iovaHi, iovaLo);
  const hi = inside ? iovaHi : (iovaHi & ~pt.iovaMaskHi) | pt.iovaWantHi;
  const lo = inside ? iovaLo : (iovaLo & ~pt.iovaMaskLo) | pt.iovaWantLo;
  const shift = pt.shifts[level];
  return {
    iovaHi,
    iovaLo,
    steps,
    end: walk.leaf ? 'mapped' : kind === 'empty' ? 'empty' : 'reserved',
    paddrHi: found ? pt.foundHi : 0,
    paddrLo: found ? pt.foundLo : 0,
    holeHi: (shift > 32 ? hi & (-1 << (shift - 32)) : hi) >>> 0,
    holeLo: (shift >= 32 ? 0 : lo & (-1 << shift)) >>> 0,
    holeBytes: pt.sizes[level],
    alias: inside ? null : address(hi, lo),
    violation: undefinedAnswer ? "the kernel's look-up of 2^64-1 returns an uninitialised variable" : null,
  };
}

/** The register that points to the start table. */
export interface RootRegister {
  readonly name: 'TTBR0' | 'TTBR1' | 'VTTBR' | 'TRANSTAB';
  readonly value: string;
  /** What governs the walk: a register's fields, or its value. */
  readonly controls: readonly (readonly [register: string, value: string | object])[];
}

/** Registers as the driver programs them (struct io_pgtable_cfg). */
export function rootRegister(pt: PageTable): RootRegister {
  const { registers, memory } = pt;
  const root = memory.addressOf(pt.root);
  switch (registers.kind) {
    case 'stage1': {
      const name = pt.config.quirks.includes('TTBR1') ? 'TTBR1' : 'TTBR0';
      const controls = [['TCR', registers.tcr] as const, ['MAIR', registers.mair] as const];
      return { name, value: hexNumber(root), controls };
    }
    case 'stage2':
      return { name: 'VTTBR', value: hexNumber(root), controls: [['VTCR', registers.vtcr]] };
    default: {
      const value = hexNumber(root + registers.transtabBits);
      return { name: 'TRANSTAB', value, controls: [['MEMATTR', registers.memattr]] };
    }
  }
}
