import { bitmapSizes } from '../../base/sizes.ts';
import { hex64, log2Floor, TWO_32 } from '../../base/u64.ts';
import { isStage1 } from './config.ts';
import { type Descriptor, type DescriptorContext, decodeDescriptor, memoryType } from './decode-descriptor.ts';
import * as D from './descriptor.ts';
import { levelShift } from './geometry.ts';

/** Where the address field of the smallest granule begins. */
const LOWEST_ADDRESS_BIT = 12;

/** One field of an entry: which bits, their value, its name and what the value means. */
export interface DescriptorField {
  readonly bits: string;
  /** An integer below 2^32, or an address in hex. */
  readonly value: number | string;
  readonly name: string;
  readonly text: string;
}

/** Names every field of an entry of `level`, lowest bits first (Arm ARM D8.3, io-pgtable-arm.c). Set bits without a name come last. */
export function explainDescriptor(
  context: DescriptorContext,
  level: number,
  hi: number,
  lo: number,
): readonly DescriptorField[] {
  const descriptor = decodeDescriptor(context, level, hi, lo);
  const explained = new Explained(context, level, hi, lo);
  if (descriptor.kind === 'empty') return [{ bits: '63:0', value: 0, name: 'entry', text: 'translates nothing' }];
  const kindText = descriptor.kind === 'reserved' ? `no type of level ${level}` : descriptor.kind;
  explained.low(1, 0, 'type', () => kindText);
  if (descriptor.kind === 'table') tableFields(explained, descriptor);
  else if (descriptor.kind !== 'reserved') leafFields(explained, context, descriptor, lo);
  explained.rest();
  return explained.fields;
}

function tableFields(explained: Explained, descriptor: Descriptor): void {
  explained.address('next table', descriptor);
  explained.highWhenSet(23, 'SW_SYNC', 'software: the entry has reached memory');
  explained.highWhenSet(31, 'NSTable', 'the tables below are in non-secure memory');
}

const STAGE1_ACCESS = [
  'read and write, privileged only',
  'read and write, privileged and unprivileged',
  'read, privileged only',
  'read, privileged and unprivileged',
];
const STAGE2_ACCESS = ['no access', 'read', 'write', 'read and write'];
const SHAREABILITY = ['not shareable', 'reserved', 'outer shareable', 'inner shareable'];

function leafFields(explained: Explained, context: DescriptorContext, descriptor: Descriptor, lo: number): void {
  const mali = context.config.format === 'ARM_MALI_LPAE';
  const stage1 = isStage1(context.config.format);
  const memory = memoryType(context, lo);
  if (stage1 || mali) {
    const register = stage1 ? 'MAIR' : 'MEMATTR';
    const byte = (memory.byte ?? 0).toString(16).padStart(2, '0');
    explained.low(4, 2, 'AttrIndx', () => `${register} 0x${byte}: ${memory.text}`);
  } else explained.low(5, 2, 'MemAttr', () => memory.text);
  if (stage1) {
    explained.low(5, 5, 'NS', (set) => (set !== 0 ? 'non-secure output' : 'secure output, where the walker is secure'));
    explained.low(7, 6, 'AP', (value) => STAGE1_ACCESS[value]);
  } else explained.low(7, 6, mali ? 'access' : 'S2AP', (value) => STAGE2_ACCESS[value]);
  explained.low(9, 8, 'SH', (value) =>
    mali && value === 2 ? 'shareable inside and outside the GPU' : SHAREABILITY[value],
  );
  if (!mali) explained.low(10, 10, 'AF', (set) => (set !== 0 ? 'accessed: no access flag fault' : 'access flag fault'));
  if (stage1) explained.low(11, 11, 'nG', (set) => (set !== 0 ? 'not global: tagged with the ASID' : 'global'));
  explained.address('output', descriptor);
  if (stage1 && context.config.quirks.includes('HD'))
    explained.high(19, 19, 'DBM', (set) => dirtyText(set, descriptor));
  else if (stage1) explained.highWhenSet(19, 'DBM', dirtyText(1, descriptor));
  if (!mali)
    explained.highWhenSet(20, 'Contiguous', 'one TLB entry may hold the aligned run that this leaf belongs to');
  explained.high(
    22,
    21,
    'XN',
    (value) => ['executable', 'privileged execute-never', 'unprivileged execute-never', 'execute-never'][value],
  );
  if (!mali) explained.highFieldWhenSet(26, 24, 'software', "left to software: what the map's sw asked for");
}

function dirtyText(dbm: number, descriptor: Descriptor): string {
  if (dbm === 0) return 'no dirty state';
  return `dirty state kept by hardware: ${descriptor.flags.includes('clean') ? 'clean' : 'dirty'}`;
}

/** Collects fields and remembers which bits they cover. */
class Explained {
  readonly fields: DescriptorField[] = [];
  readonly #context: DescriptorContext;
  readonly #level: number;
  readonly #hi: number;
  readonly #lo: number;
  #restHi: number;
  #restLo: number;

  constructor(context: DescriptorContext, level: number, hi: number, lo: number) {
    this.#context = context;
    this.#level = level;
    this.#hi = hi;
    this.#lo = lo;
    this.#restHi = hi;
    this.#restLo = lo;
  }

  /** A field of the low half. */
  low(last: number, first: number, name: string, text: (value: number) => string): void {
    const mask = fieldMask(last, first);
    const value = (this.#lo & mask) >>> first;
    this.#restLo &= ~mask;
    this.#add(last, first, name, value, text(value));
  }

  /** A field of the high half; positions count from bit 32. */
  high(last: number, first: number, name: string, text: (value: number) => string): void {
    const mask = fieldMask(last, first);
    const value = (this.#hi & mask) >>> first;
    this.#restHi &= ~mask;
    this.#add(last + 32, first + 32, name, value, text(value));
  }

  /** A bit of the high half that is worth a line only when it is set. */
  highWhenSet(bit: number, name: string, text: string): void {
    if ((this.#hi & (1 << bit)) !== 0) this.high(bit, bit, name, () => text);
  }

  /** As `highWhenSet` for several bits. */
  highFieldWhenSet(last: number, first: number, name: string, text: string): void {
    if ((this.#hi & fieldMask(last, first)) !== 0) this.high(last, first, name, () => text);
  }

  /**
   * The address field, from the lowest bit that an address of this kind has: that of a block of its level, else that of the
   * granule. A 64K granule keeps address bits 51..48 in bits 15..12, where the field of its pages and tables begins.
   */
  address(name: string, descriptor: Descriptor): void {
    this.#restHi &= ~D.ADDRESS_HI_MASK;
    this.#restLo &= ~D.ADDRESS_LO_MASK;
    const { config, granule64K } = this.#context;
    const { addressHi, addressLo, kind } = descriptor;
    const pageShift = log2Floor(bitmapSizes(config.pgsizes)[0]);
    const first = kind === 'block' ? levelShift({ bitsPerLevel: pageShift - 3 }, this.#level) : pageShift;
    const words = [
      'physical address',
      ...(granule64K ? ['its bits 51:48 are kept in 15:12'] : []),
      ...((addressHi * TWO_32 + addressLo) % 2 ** first === 0
        ? []
        : [`not aligned: its bits below ${first} should be 0`]),
    ];
    const bits = `47:${granule64K && kind !== 'block' ? LOWEST_ADDRESS_BIT : first}`;
    this.fields.push({ bits, value: hex64(addressHi, addressLo), name, text: words.join('; ') });
  }

  /** Names what is left over. */
  rest(): void {
    for (let bit = 0; bit < 64; bit++) {
      const half = bit < 32 ? this.#restLo : this.#restHi;
      if ((half & (1 << (bit & 31))) !== 0) this.#add(bit, bit, '?', 1, 'never set by the kernel');
    }
  }

  #add(last: number, first: number, name: string, value: number, text: string): void {
    this.fields.push({ bits: last === first ? `${last}` : `${last}:${first}`, value, name, text });
  }
}

function fieldMask(last: number, first: number): number {
  return (((1 << (last - first)) * 2 - 1) << first) >>> 0;
}
