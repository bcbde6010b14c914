import type { Address } from '../../../base/u64.ts';
import type { Format, Quirk } from '../../../base/vocabulary.ts';
import type { IommuMap, IommuUnmap, Payload } from '../payload.ts';

/*
 * All printed forms of iommu:map and iommu:unmap since 2013: with and without the end address, sizes in decimal or
 * 0x-hex, a domain name or dev= before the addresses, and trace-cmd's raw fields.
 */
const WHO = /^(?:IOMMU:\s?(?:(?:dev=)?([^\s=]+)\s+)?)?\s*/.source;
const IOMMU_MAP = new RegExp(
  `${WHO}iova=0x([0-9a-f]{1,16})(?:\\s-\\s0x[0-9a-f]+)?\\s+paddr=0x([0-9a-f]{1,16})\\s+size=(0x[0-9a-f]+|\\d+)(?:\\s+prot=0x([0-9a-f]+))?\\s*$`,
);
const IOMMU_UNMAP = new RegExp(
  `${WHO}iova=0x([0-9a-f]{1,16})(?:\\s-\\s0x[0-9a-f]+)?\\s+size=(0x[0-9a-f]+|\\d+)(?:\\s+unmapped_size=(0x[0-9a-f]+|\\d+))?\\s*$`,
);

const PLACE = /^\((\S+?)(?:\s*<-\s*(\S+?))?\)\s*/.source;
const CALL = new RegExp(
  `${PLACE}(?:(?:ttbr|ops|dom|domain)=(0x[0-9a-f]+)\\s+)?iova=0x([0-9a-f]{1,16})(?:\\s+paddr=0x([0-9a-f]{1,16}))?\\s+pgsize=(0x[0-9a-f]+|\\d+)\\s+pgcount=(0x[0-9a-f]+|\\d+)(?:\\s+prot=(0x[0-9a-f]+|\\d+))?(?:\\s+gfp=(?:0x)?[0-9a-f]+)?(?:\\s+gather=(?:0x)?([0-9a-f]+))?(?:\\s+\\w+=\\S+)*\\s*$`,
);
const RETURN = new RegExp(`${PLACE}ret=(-?(?:0x[0-9a-f]+|\\d+))\\s*$`);
const ALLOC = new RegExp(
  `${PLACE}quirks=(0x[0-9a-f]+|\\d+)\\s+pgsize_bitmap=(0x[0-9a-f]+)\\s+ias=(\\d+)\\s+oas=(\\d+)(?:\\s+coherent_walk=(\\d+))?\\s*$`,
);
const FREE = new RegExp(`${PLACE}(?:ttbr|ops|dom|domain)=(0x[0-9a-f]+)\\s*$`);

/** IO_PGTABLE_QUIRK_* bits by name (io-pgtable.h). */
const QUIRK_BITS: readonly (readonly [number, Quirk])[] = [
  [1 << 0, 'NS'],
  [1 << 5, 'TTBR1'],
  [1 << 6, 'OUTER_WBWA'],
  [1 << 7, 'HD'],
  [1 << 8, 'S2FWB'],
  [1 << 9, 'NO_WARN'],
];

/**
 * What an event line carries, or null when it is of no use to a replay. Event names are not enough: a probe may be
 * called `map` like the tracepoint, so the payload decides.
 */
export function parsePayload(event: string, args: string): Payload | null {
  if (args.startsWith('(')) return parseProbe(event, args);
  if (event === 'map') return parseIommuMap(args);
  if (event === 'unmap') return parseIommuUnmap(args);
  return null;
}

/**
 * Whether an event without a payload should have had one: it names an address of the kind that is replayed, yet in a
 * form that is not known. Leaving it out would give wrong numbers.
 */
export function isUnreadable(event: string, args: string): boolean {
  return (args.startsWith('(') || event === 'map' || event === 'unmap') && /\biova=/.test(args);
}

function parseIommuMap(args: string): IommuMap | null {
  const match = IOMMU_MAP.exec(args);
  if (match === null) return null;
  const size = Number(match[4]);
  if (!Number.isSafeInteger(size)) return null;
  return {
    kind: 'iommu-map',
    name: match[1] ?? null,
    iova: hexAddress(match[2]),
    paddr: hexAddress(match[3]),
    size,
    prot: match[5] === undefined ? null : Number.parseInt(match[5], 16),
    ret: 0,
  };
}

function parseIommuUnmap(args: string): IommuUnmap | null {
  const match = IOMMU_UNMAP.exec(args);
  if (match === null) return null;
  const size = Number(match[3]);
  const unmapped = match[4] === undefined ? null : Number(match[4]);
  if (!Number.isSafeInteger(size) || (unmapped !== null && !Number.isSafeInteger(unmapped))) return null;
  return { kind: 'iommu-unmap', name: match[1] ?? null, iova: hexAddress(match[2]), size, unmapped };
}

function parseProbe(event: string, args: string): Payload | null {
  const call = CALL.exec(args);
  if (call !== null) {
    const pgsize = Number(call[6]);
    const pgcount = Number(call[7]);
    if (!Number.isSafeInteger(pgsize * pgcount)) return null;
    return {
      kind: 'call',
      isMap: call[5] !== undefined,
      key: call[3] ?? 'table',
      iova: hexAddress(call[4]),
      paddr: call[5] === undefined ? NOWHERE : hexAddress(call[5]),
      pgsize,
      pgcount,
      prot: call[8] === undefined ? null : Number(call[8]),
      withoutGather: call[9] === undefined ? null : /^0+$/.test(call[9]),
    };
  }
  const returned = RETURN.exec(args);
  if (returned !== null) {
    // `(caller <- probed function)`; without symbols the event's name has to do.
    const where = returned[2] !== undefined && /[a-z]_/.test(returned[2]) ? returned[2] : event;
    const isMap = !where.includes('unmap');
    return { kind: 'return', isMap, ret: signed(returned[3], isMap ? 32 : 64) };
  }
  const alloc = ALLOC.exec(args);
  if (alloc !== null) {
    const bits = Number(alloc[3]);
    const known = QUIRK_BITS.filter(([bit]) => (bits & bit) !== 0);
    return {
      kind: 'alloc',
      format: formatOf(`${alloc[1]} ${event}`),
      quirks: known.map(([, quirk]) => quirk),
      unknownQuirks: known.reduce((left, [bit]) => left & ~bit, bits),
      pgsizes: Number(alloc[4]),
      ias: Number(alloc[5]),
      oas: Number(alloc[6]),
      coherent: alloc[7] !== '0',
    };
  }
  const free = FREE.exec(args);
  return free === null ? null : { kind: 'free', key: free[3] };
}

function formatOf(where: string): Format {
  if (where.includes('mali')) return 'ARM_MALI_LPAE';
  if (where.includes('32_lpae')) return where.includes('_s2') ? 'ARM_32_LPAE_S2' : 'ARM_32_LPAE_S1';
  return where.includes('_s2') ? 'ARM_64_LPAE_S2' : 'ARM_64_LPAE_S1';
}

/** What a probe printed of a register that holds a signed value of so many bits. */
function signed(text: string, bits: number): number {
  const negative = text.startsWith('-');
  const value = Number(BigInt.asIntN(bits, BigInt(negative ? text.slice(1) : text)));
  return negative ? 0 - value : value;
}

const NOWHERE: Address = { hi: 0, lo: 0 };

/** An address of 1 to 16 digits. */
function hexAddress(digits: string): Address {
  const cut = digits.length - 8;
  if (cut <= 0) return { hi: 0, lo: Number.parseInt(digits, 16) };
  return { hi: Number.parseInt(digits.slice(0, cut), 16), lo: Number.parseInt(digits.slice(cut), 16) };
}
