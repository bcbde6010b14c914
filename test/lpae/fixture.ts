import { readFileSync } from 'node:fs';
import { addressOf } from '../../src/base/u64.ts';
import type { Kernel } from '../../src/base/vocabulary.ts';
import type { CommandLog } from '../../src/flush/command-log.ts';
import { Smmuv3Flush } from '../../src/flush/smmuv3.ts';
import { IommuDomain } from '../../src/iommu/domain.ts';
import { DomainTlb } from '../../src/iommu/domain-tlb.ts';
import type { TlbLog } from '../../src/iommu/flush-policy.ts';
import type { TableAllocator, TlbCallbacks } from '../../src/lpae/callbacks.ts';
import {
  DEFAULT_CONFIG,
  defaultPartialUnmap,
  type PgtableConfig,
  restrictConfig,
} from '../../src/lpae/format/config.ts';
import { geometryOf } from '../../src/lpae/format/geometry.ts';
import { PageTable } from '../../src/lpae/page-table.ts';
import { defaultPlacement, TableMemory } from '../../src/lpae/table/memory.ts';
import { type Entry, visitEntries } from '../../src/lpae/visit.ts';

/** The kernels of the golden vectors and how their file names end. */
export const GOLDEN_KERNELS: readonly (readonly [Kernel, string])[] = [
  ['7.1', 'v71'],
  ['6.12', 'v612'],
];

/** Text of a file under test/golden/kernel. */
export function readVectors(name: string): string {
  return readFileSync(new URL(`../golden/kernel/${name}`, import.meta.url), 'utf8');
}

/** Its lines, without the empty one at the end. */
export function vectorLines(name: string): string[] {
  return readVectors(name)
    .split('\n')
    .filter((line) => line !== '');
}

/** A configuration for `kernel` with the kernel's own answer to a partial unmap. */
export function configFor(kernel: Kernel, changes: Partial<PgtableConfig> = {}): PgtableConfig {
  return { ...DEFAULT_CONFIG, kernel, partialUnmap: defaultPartialUnmap(kernel), ...changes };
}

/** One arena for the tables of a test file; addresses start anew with every table. */
const memory = new TableMemory(4096);

/** A table with the page allocator of the vectors: always memory, addresses from 0x1_0000_0000. */
export const PLENTY: TableAllocator = { alloc: () => 0, free: () => {} };

const SILENT: TlbCallbacks = { flushWalk: () => {}, addPages: () => {}, flushAll: () => {} };

/** A bare table. Throws ConfigRefused as the engine does. */
export function makeTable(config: PgtableConfig, allocator = PLENTY, tlb = SILENT): PageTable {
  return new PageTable(config, memory, allocator, tlb, defaultPlacement());
}

/** How SMMUv3 and whoever listens stand behind a domain. */
export interface DomainOptions {
  readonly ril?: boolean;
  readonly log?: (TlbLog & CommandLog) | null;
}

export interface TestDomain {
  readonly table: PageTable;
  readonly domain: IommuDomain;
  readonly tlb: DomainTlb;
  readonly policy: Smmuv3Flush;
}

/** A table under the IOMMU core with the SMMUv3 policy. */
export function makeDomain(config: PgtableConfig, options: DomainOptions = {}): TestDomain {
  const { granule } = geometryOf(restrictConfig(config));
  const log = options.log ?? null;
  const policy = new Smmuv3Flush({ kernel: config.kernel, ril: options.ril ?? true, smallestPage: granule }, log);
  const tlb = new DomainTlb(config.kernel, policy, log);
  const table = new PageTable(config, memory, PLENTY, tlb, defaultPlacement());
  return { table, domain: new IommuDomain(table, tlb), tlb, policy };
}

/** An address as the two halves that the engine takes; bigint for what no double holds. */
export function halves(address: number | bigint): [number, number] {
  if (typeof address === 'bigint') return [Number(address >> 32n), Number(address & 0xffffffffn)];
  const { hi, lo } = addressOf(address);
  return [hi, lo];
}

/** Two halves as one value. */
export function joined(hi: number, lo: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

/** An entry as the vectors print it: TTBR1 addresses without the sign extension. */
export function entryLine(table: PageTable, entry: Entry): string {
  const va = joined((entry.iovaHi & ~table.iovaWantHi) >>> 0, (entry.iovaLo & ~table.iovaWantLo) >>> 0);
  const pte = joined(entry.pteHi, entry.pteLo).toString(16).padStart(16, '0');
  return `L${entry.level}[${entry.index}] va=${va.toString(16)} pte=${pte}`;
}

/** Every non-zero entry in the vectors' order and form. */
export function treeLines(table: PageTable): string[] {
  const lines: string[] = [];
  visitEntries(table, (entry) => {
    lines.push(entryLine(table, entry));
    return true;
  });
  return lines;
}
