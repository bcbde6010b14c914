/**
 * The tables of the naive engine: one object per table page, a Map from index to child, and what an entry's bits say
 * (spec B.4-B.7, B.10).
 */
import { PROT_CACHE, PROT_MMIO, PROT_NOEXEC, PROT_PRIV, PROT_READ, PROT_WRITE } from '../../src/base/vocabulary.ts';
import { isMali, isStage2, type NaiveConfig, type NaiveGeometry, naiveGeometry } from './naive-geometry.ts';

const VALID_TABLE = 3n;
export const READ_ONLY = 1n << 7n;
export const DBM = 1n << 51n;
const XN = 3n << 53n;
export const SW_SYNC = 1n << 55n;
const NS_TABLE = 1n << 63n;
const ADDRESS = ((1n << 48n) - 1n) & ~0xfffn;
/** What a split hands on from a block to its pieces. */
export const ATTRIBUTES = 0xffcn | DBM | XN;
export const ALL_ONES = (1n << 64n) - 1n;

export type NaiveEvent =
  | ['FLUSH_WALK', string, number, number]
  | ['ADD_PAGE', string, number]
  | ['IOTLB_SYNC', string, string, number]
  | ['FLUSH_ALL'];

export interface NaiveEntry {
  readonly level: number;
  readonly table: bigint;
  readonly index: number;
  readonly iova: bigint;
  readonly pte: bigint;
}

export class NaiveTable {
  readonly level: number;
  readonly pa: bigint;
  readonly ptes: BigUint64Array;
  readonly children = new Map<number, NaiveTable>();
  readonly indexMask: bigint;

  constructor(level: number, pa: bigint, entries: number) {
    this.level = level;
    this.pa = pa;
    this.ptes = new BigUint64Array(entries);
    this.indexMask = BigInt(entries - 1);
  }
}

export const hex = (value: bigint): string => `0x${value.toString(16)}`;

export class NaiveMemory {
  readonly config: NaiveConfig;
  readonly geometry: NaiveGeometry;
  readonly counters = {
    allocs: 0,
    frees: 0,
    ptSyncs: 0,
    warns: 0,
    flushWalks: 0,
    addPages: 0,
    iotlbSyncs: 0,
    flushAlls: 0,
    /** Those of `warns` that the kernel prints once only: a part of a block was to be unmapped. */
    partialRefusals: 0,
    peak: 0,
    /** Runs that were cut because the kernel would have passed the end of the PGD. */
    pgdOverruns: 0,
  };
  /** TLB callbacks in order; the caller may empty it whenever it likes. */
  events: NaiveEvent[] = [];
  readonly root: NaiveTable;
  private nextAddress = 1n << 32n;
  private failIn = 0;

  /** By level: position of the index field, and the bytes that one entry maps. */
  private readonly shifts: readonly bigint[];
  private readonly blocks: readonly bigint[];
  private readonly lastLeaf: bigint;

  /** Throws NaiveRefusal where the kernel returns NULL. */
  constructor(config: NaiveConfig) {
    this.config = config;
    this.geometry = naiveGeometry(config);
    this.shifts = [0, 1, 2, 3].map((level) => BigInt((4 - level) * this.geometry.bitsPerLevel + 3));
    this.blocks = this.shifts.map((shift) => 1n << shift);
    this.lastLeaf = isMali(config.format) ? 1n : 3n;
    this.root = this.allocate(this.geometry.startLevel, 1 << this.geometry.pgdBits)!;
  }

  get granule(): bigint {
    return 1n << BigInt(this.geometry.pageBits);
  }

  /** Bytes that one entry of a level maps. */
  block(level: number): bigint {
    return this.blocks[level];
  }

  has(quirk: string): boolean {
    return this.config.quirks.includes(quirk);
  }

  protected get fullTable(): number {
    return 1 << this.geometry.bitsPerLevel;
  }

  protected index(iova: bigint, table: NaiveTable): number {
    return Number((iova >> this.shifts[table.level]) & table.indexMask);
  }

  protected isLeaf(pte: bigint, level: number): boolean {
    return (pte & 3n) === (level === 3 ? this.lastLeaf : 1n);
  }

  protected isTable(pte: bigint, level: number): boolean {
    return level < 3 && (pte & 3n) === VALID_TABLE;
  }

  protected warn(silencedByQuirk = false): void {
    if (!(silencedByQuirk && this.has('NO_WARN'))) this.counters.warns++;
  }

  protected sync(): void {
    if (!this.config.coherent) this.counters.ptSyncs++;
  }

  // ---- table memory -------------------------------------------------------------------------------------------------

  /** The nth table allocation from now fails; 0 disarms. */
  failAlloc(nth: number): void {
    this.failIn = nth;
  }

  protected allocate(level: number, entries: number): NaiveTable | null {
    if (this.failIn > 0 && --this.failIn === 0) return null;
    let room = 4096n;
    while (room < BigInt(entries * 8)) room *= 2n;
    const pa = ((this.nextAddress + room - 1n) / room) * room;
    this.nextAddress = pa + room;
    this.counters.allocs++;
    this.counters.peak = Math.max(this.counters.peak, this.counters.allocs - this.counters.frees);
    return new NaiveTable(level, pa, entries);
  }

  protected free(table: NaiveTable): void {
    for (let i = 0; i < table.ptes.length; i++) {
      const child = table.children.get(i);
      if (child !== undefined) this.free(child);
    }
    this.counters.frees++;
  }

  /** Hangs a table under an entry; the clean mark is set after the sync, so only the CPU sees it. */
  protected link(table: NaiveTable, index: number, child: NaiveTable): void {
    table.children.set(index, child);
    table.ptes[index] = this.pack(child.pa) | VALID_TABLE | (this.has('NS') ? NS_TABLE : 0n);
    if (this.config.coherent) return;
    this.sync();
    table.ptes[index] |= SW_SYNC;
  }

  protected clear(table: NaiveTable, index: number, count: number): void {
    for (let i = 0; i < count; i++) {
      table.ptes[index + i] = 0n;
      table.children.delete(index + i);
    }
    if (count > 0) this.sync();
  }

  // ---- descriptors --------------------------------------------------------------------------------------------------

  protected pack(pa: bigint): bigint {
    return (pa | (pa >> 36n)) & ADDRESS;
  }

  protected unpack(pte: bigint): bigint {
    const field = pte & ADDRESS;
    return this.geometry.pageBits < 16 ? field : (field | (field << 36n)) & (ADDRESS << 4n);
  }

  leafAttributes(prot: number): bigint {
    const { format } = this.config;
    const cached = (prot & PROT_CACHE) !== 0;
    const device = (prot & PROT_MMIO) !== 0;
    let bits = 0n;
    if (isMali(format) || isStage2(format)) {
      if (prot & PROT_READ) bits |= 0x40n;
      if (prot & PROT_WRITE) bits |= 0x80n;
    } else {
      bits |= 0x800n;
      if (prot & PROT_READ && !(prot & PROT_WRITE)) bits |= READ_ONLY;
      else if (this.has('HD')) bits |= DBM;
      if (!(prot & PROT_PRIV)) bits |= 0x40n;
      if (this.has('NS')) bits |= 0x20n;
    }
    if (isStage2(format)) bits |= device ? 0x4n : cached ? (this.has('S2FWB') ? 0x18n : 0x3cn) : 0x14n;
    else bits |= device ? 0x8n : cached ? 0x4n : 0n;
    if (!isMali(format)) bits |= 0x400n;
    bits |= cached && !isMali(format) ? 0x300n : 0x200n;
    if (prot & PROT_NOEXEC) bits |= XN;
    return bits;
  }

  protected leaf(pa: bigint, attributes: bigint, level: number): bigint {
    return attributes | (level === 3 && !isMali(this.config.format) ? 3n : 1n) | this.pack(pa);
  }

  // ---- the whole tree -----------------------------------------------------------------------------------------------

  /** FLUSH_ALL, then every table; the number of tables freed. */
  destroy(): number {
    const before = this.counters.frees;
    this.counters.flushAlls++;
    this.events.push(['FLUSH_ALL']);
    this.free(this.root);
    return this.counters.frees - before;
  }

  /** Non-zero entries depth first, an entry before its subtree. `raw` leaves TTBR1 addresses as the indices give them. */
  dump(raw = false): NaiveEntry[] {
    const out: NaiveEntry[] = [];
    const base = this.has('TTBR1') && !raw ? ALL_ONES & ~((1n << BigInt(this.geometry.ias)) - 1n) : 0n;
    const visit = (table: NaiveTable, start: bigint): void => {
      table.ptes.forEach((pte, index) => {
        if (pte === 0n) return;
        const iova = start + BigInt(index) * this.block(table.level);
        out.push({ level: table.level, table: table.pa, index, iova, pte });
        const child = table.children.get(index);
        if (child !== undefined) visit(child, iova);
      });
    };
    visit(this.root, base);
    return out;
  }

  /** 64-bit FNV-1a over the text lines of the tree, as the golden fuzz files have it. */
  treeHash(): bigint {
    let hash = 0xcbf29ce484222325n;
    for (const { level, index, iova, pte } of this.dump(true)) {
      const line = `L${level}[${index}] va=${iova.toString(16)} pte=${pte.toString(16).padStart(16, '0')}\n`;
      for (const byte of Buffer.from(line)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
    }
    return hash;
  }
}
