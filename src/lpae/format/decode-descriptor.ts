import { hex64, hexHi, hexLo } from '../../base/u64.ts';
import {
  PROT_CACHE,
  PROT_LETTERS,
  PROT_MMIO,
  PROT_NOEXEC,
  PROT_PRIV,
  PROT_READ,
  PROT_WRITE,
} from '../../base/vocabulary.ts';
import type { PageTable } from '../page-table.ts';
import { isStage1 } from './config.ts';
import * as D from './descriptor.ts';
import { LAST_LEVEL } from './geometry.ts';

/** What a table has to say about the meaning of its entries. */
export type DescriptorContext = Pick<PageTable, 'config' | 'granule64K' | 'registers'>;

export type DescriptorKind = 'empty' | 'table' | 'block' | 'page' | 'reserved';

/** Bits 9..8 in words; Mali's `outer` means inner and outer. */
export const SHARES = ['unshared', 'reserved', 'outer', 'inner'] as const;
export type Share = (typeof SHARES)[number];

/**
 * Words that a leaf carries only when they hold; DBM leaves are either `dirty` (writable) or `clean` (not yet). `oddmem`: a
 * memory type that no protection gives; `sw56` to `sw58`: software's bits.
 */
export const LEAF_FLAGS = [
  'dirty',
  'clean',
  'ns',
  'global',
  'noaf',
  'oddmem',
  'contig',
  'sw56',
  'sw57',
  'sw58',
] as const;

const SOFTWARE_FLAGS = ['sw56', 'sw57', 'sw58'] as const;
/** Words of a table entry: its copy in memory is up to date, and everything below is non-secure. */
export const TABLE_FLAGS = ['swsync', 'nstable'] as const;
export type DescriptorFlag = (typeof LEAF_FLAGS)[number] | (typeof TABLE_FLAGS)[number];

/** The letters of a protection in the order in which they are written. */
export const LETTERS = Object.keys(PROT_LETTERS);

/** An entry, told from its bits alone. */
export interface Descriptor {
  readonly kind: DescriptorKind;
  /** Output address of a leaf, address of the next table; 0 for others. */
  readonly addressHi: number;
  readonly addressLo: number;
  /** IOMMU_* bits that would give these attributes again; 0 for tables. */
  readonly prot: number;
  readonly share: Share;
  /** Attribute index of a leaf, or its memory attribute in stage 2; 0 for tables. */
  readonly attrIndex: number;
  readonly flags: readonly DescriptorFlag[];
}

/** What a memory type is: an attribute index into MAIR or MEMATTR, or the stage-2 attribute itself. */
export interface MemoryType {
  readonly index: number;
  /** The attribute byte that the index selects; null where the entry holds the attribute itself. */
  readonly byte: number | null;
  readonly device: boolean;
  readonly cached: boolean;
  /** The engine writes this type. */
  readonly known: boolean;
  readonly text: string;
}

/** Decodes an entry of `level` (io-pgtable-arm.c, ARM_LPAE_PTE_*; Mali leaves are of type 1 on every level). */
export function decodeDescriptor(context: DescriptorContext, level: number, hi: number, lo: number): Descriptor {
  const kind = kindOf(context, level, hi, lo);
  if (kind === 'empty' || kind === 'reserved') {
    return { kind, addressHi: 0, addressLo: 0, prot: 0, share: 'unshared', attrIndex: 0, flags: [] };
  }
  const addressHi = D.unpackHi(hi, lo, context.granule64K);
  const addressLo = D.unpackLo(lo, context.granule64K);
  if (kind === 'table') {
    const flags: DescriptorFlag[] = [];
    if ((hi & D.SW_SYNC_HI) !== 0) flags.push('swsync');
    if ((hi & D.NS_TABLE_HI) !== 0) flags.push('nstable');
    return { kind, addressHi, addressLo, prot: 0, share: 'unshared', attrIndex: 0, flags };
  }
  const { format } = context.config;
  const stage1 = isStage1(format);
  const share = SHARES[(lo >>> D.SHARE_SHIFT) & 3];
  const memory = memoryType(context, lo);
  const flags: DescriptorFlag[] = [];
  let prot = 0;
  if (stage1) {
    const dbm = (hi & D.DBM_HI) !== 0;
    const readOnly = (lo & D.READ_ONLY_LO) !== 0;
    prot |= PROT_READ;
    if (!readOnly || dbm) prot |= PROT_WRITE;
    if ((lo & D.UNPRIVILEGED_LO) === 0) prot |= PROT_PRIV;
    if (dbm) flags.push(readOnly ? 'clean' : 'dirty');
    if ((lo & D.NON_SECURE_LO) !== 0) flags.push('ns');
    if ((lo & D.NOT_GLOBAL_LO) === 0) flags.push('global');
  } else {
    if ((lo & D.STAGE2_READ_LO) !== 0) prot |= PROT_READ;
    if ((lo & D.STAGE2_WRITE_LO) !== 0) prot |= PROT_WRITE;
  }
  if (memory.device) prot |= PROT_MMIO;
  // A device mapping keeps the caller's CACHE in its shareability alone.
  const cached = memory.device ? share === 'inner' && format !== 'ARM_MALI_LPAE' : memory.cached;
  if (cached) prot |= PROT_CACHE;
  if ((hi & D.EXECUTE_NEVER_HI) === D.EXECUTE_NEVER_HI) prot |= PROT_NOEXEC;
  if (format !== 'ARM_MALI_LPAE' && (lo & D.ACCESS_FLAG_LO) === 0) flags.push('noaf');
  if (!memory.known) flags.push('oddmem');
  if (format !== 'ARM_MALI_LPAE') {
    if ((hi & D.CONTIG_HI) !== 0) flags.push('contig');
    const software = (hi & D.SOFTWARE_HI) >>> D.SOFTWARE_SHIFT_HI;
    SOFTWARE_FLAGS.forEach((flag, bit) => {
      if ((software & (1 << bit)) !== 0) flags.push(flag);
    });
  }
  return { kind, addressHi, addressLo, prot, share, attrIndex: memory.index, flags };
}

function kindOf(context: DescriptorContext, level: number, hi: number, lo: number): DescriptorKind {
  if (hi === 0 && lo === 0) return 'empty';
  const type = lo & 3;
  if (level < LAST_LEVEL && type === D.TYPE_TABLE) return 'table';
  if (type !== D.leafType(context.config.format, level)) return 'reserved';
  return level === LAST_LEVEL ? 'page' : 'block';
}

/** The memory type of a leaf: stage 1 and Mali index a register, stage 2 holds it (Arm ARM D8.6; FWB: D8.6.6). */
export function memoryType(context: DescriptorContext, lo: number): MemoryType {
  const { registers, config } = context;
  if (registers.kind === 'stage2') return stage2Memory((lo >>> 2) & 0xf, config.quirks.includes('S2FWB'));
  const index = (lo >>> 2) & 7;
  const register = registers.kind === 'stage1' ? registers.mair : registers.memattr;
  const byte = ((index < 4 ? hexLo(register) : hexHi(register)) >>> (8 * (index & 3))) & 0xff;
  const device = index === 2;
  const cached = index === 1;
  const text = registers.kind === 'stage1' ? mairText(byte) : maliText(index, byte);
  return { index, byte, device, cached, known: index <= 2, text };
}

function stage2Memory(index: number, forced: boolean): MemoryType {
  const cached = index === (forced ? 0x6 : 0xf);
  const known = cached || index === 5 || index === 1;
  const name = (field: number): string => ['?', 'non-cacheable', 'write-through', 'write-back'][field];
  let text: string;
  if (forced && index === 6) text = 'write-back, whatever stage 1 says (FWB)';
  else if (index < 4) text = `device-${DEVICE_TYPES[index]}`;
  else if (forced && index === 5) text = 'normal, non-cacheable (FWB)';
  else if (index >>> 2 === (index & 3)) text = `normal, ${name(index & 3)}`;
  else text = `normal, outer ${name(index >>> 2)}, inner ${name(index & 3)}`;
  return { index, byte: null, device: index === 1, cached, known, text };
}

const DEVICE_TYPES = ['nGnRnE', 'nGnRE', 'nGRE', 'GRE'];

/** A MAIR attribute byte in words: outer type in the upper half, inner in the lower (Arm ARM, MAIR_EL1). */
function mairText(byte: number): string {
  if (byte >>> 4 === 0) return `device-${DEVICE_TYPES[(byte >>> 2) & 3]}`;
  const outer = cacheText(byte >>> 4);
  const inner = cacheText(byte & 0xf);
  return outer === inner ? `normal, ${outer}` : `normal, outer ${outer}, inner ${inner}`;
}

function cacheText(field: number): string {
  if (field === 4) return 'non-cacheable';
  const policy = (field & 4) !== 0 ? 'write-back' : 'write-through';
  const allocate = ['no allocate', 'write-allocate', 'read-allocate', 'read- and write-allocate'][field & 3];
  return `${policy} ${allocate}${(field & 8) === 0 ? ' transient' : ''}`;
}

/** The names that the kernel gives Mali's attribute bytes (ARM_MALI_LPAE_MEMATTR_*). */
function maliText(index: number, byte: number): string {
  const use = ['non-cached', 'cached', 'device'][index] ?? 'unused';
  return byte === 0x8d ? `${use}: write-allocate` : byte === 0x88 ? `${use}: implementation-defined` : use;
}

/** Bits of a leaf that are neither type nor address. */
const ATTRIBUTES_LO = 0xffc;

/** Two leaves agree in every bit that is neither type nor address; a clean and a dirty leaf do not. */
export function sameAttributes(aHi: number, aLo: number, bHi: number, bLo: number): boolean {
  return ((aLo ^ bLo) & ATTRIBUTES_LO) === 0 && ((aHi ^ bHi) & ~D.ADDRESS_HI_MASK) === 0;
}

/** The letters of a protection, as a trace takes them: `rwc`. */
export function protLetters(prot: number): string {
  return LETTERS.filter((letter) => (prot & PROT_LETTERS[letter]) !== 0).join('');
}

/** One place per letter, `-` where it is missing: `rwc---`. */
export function protColumn(prot: number): string {
  return LETTERS.map((letter) => ((prot & PROT_LETTERS[letter]) !== 0 ? letter : '-')).join('');
}

/** The attributes of a leaf in one short text: `rwcn-- inner dirty`; of a memory type that no protection gives its index, too. */
export function leafText({ prot, share, attrIndex, flags }: Descriptor): string {
  const words = flags.map((flag) => (flag === 'oddmem' ? `${flag} attr=${attrIndex}` : flag));
  return [protColumn(prot), share, ...words].join(' ');
}

/** An entry in one short text: kind, address, attributes. `address` formats the address, for columns; null leaves it out. */
export function descriptorText(
  descriptor: Descriptor,
  address: ((hi: number, lo: number) => string) | null = hex64,
): string {
  const at = address === null ? [] : [address(descriptor.addressHi, descriptor.addressLo)];
  switch (descriptor.kind) {
    case 'empty':
      return 'empty';
    case 'reserved':
      return 'neither table nor leaf';
    case 'table':
      return ['table', ...at, ...descriptor.flags].join(' ');
    default:
      return [descriptor.kind.padEnd(5), ...at, leafText(descriptor)].join(' ');
  }
}
