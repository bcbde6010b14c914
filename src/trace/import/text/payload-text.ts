import type { Address } from '../../../base/u64.ts';
import type { ContextEvent, IommuMap, IommuUnmap, Payload } from '../payload.ts';
import { pgtableAlloc } from '../pgtable-alloc.ts';
import { isDma, parseDma } from './dma-text.ts';
import { hexAddress } from './hex-address.ts';

/*
 * All printed forms of iommu:map and iommu:unmap since 2013: with and without the end address, sizes in decimal or
 * 0x-hex, a domain name or dev= before the addresses, and trace-cmd's raw fields.
 */
/** Blanks and names are bounded: a damaged line must not be tried in a million ways. */
const WHO = /^(?:IOMMU:\s?(?:(?:dev=)?([^\s=]{1,128})\s{1,64})?)?\s{0,64}/.source;
const IOMMU_MAP = new RegExp(
  `${WHO}iova=0x([0-9a-f]{1,16})(?:\\s-\\s0x[0-9a-f]+)?\\s+paddr=0x([0-9a-f]{1,16})\\s+size=(0x[0-9a-f]+|\\d+)(?:\\s+prot=0x([0-9a-f]+))?\\s*$`,
);
const IOMMU_UNMAP = new RegExp(
  `${WHO}iova=0x([0-9a-f]{1,16})(?:\\s-\\s0x[0-9a-f]+)?\\s+size=(0x[0-9a-f]+|\\d+)(?:\\s+unmapped_size=(0x[0-9a-f]+|\\d+))?\\s*$`,
);

/** `function+0x0/0x170`, behind it the module that it is in. */
const SYMBOL = /([^\s()<>]{1,512})(?: \[[^\s\]]{1,64}\])?/.source;
const PLACE = `^\\(${SYMBOL}(?:\\s*<-\\s*${SYMBOL})?\\)\\s*`;
const CALL = new RegExp(
  `${PLACE}(?:(?:ttbr|ops|dom|domain)=(0x[0-9a-f]+)\\s+)?iova=0x([0-9a-f]{1,16})(?:\\s+paddr=0x([0-9a-f]{1,16}))?\\s+pgsize=(0x[0-9a-f]+|\\d+)\\s+pgcount=(0x[0-9a-f]+|\\d+)(?:\\s+prot=(0x[0-9a-f]+|\\d+))?(?:\\s+gfp=(?:0x)?[0-9a-f]+)?(?:\\s+gather=(?:0x)?([0-9a-f]+))?(?:\\s+\\w+=\\S+)*\\s*$`,
);
/** Probes on `iommu_map` and `iommu_unmap` themselves; their returns are of no use, as they name no request. */
const REQUEST = new RegExp(
  `${PLACE}(?:(?:dom|domain)=(0x[0-9a-f]+)\\s+)?iova=0x([0-9a-f]{1,16})(?:\\s+paddr=0x([0-9a-f]{1,16}))?\\s+size=(0x[0-9a-f]+|\\d+)(?:\\s+prot=(0x[0-9a-f]+|\\d+))?(?:\\s+gfp=(?:0x)?[0-9a-f]+)?\\s*$`,
);
const REQUEST_FUNCTION = /^_{0,2}iommu_(?:un)?map(?:_|$|\+)/;
const RETURN = new RegExp(`${PLACE}ret=(-?(?:0x[0-9a-f]+|\\d+))\\s*$`);
const ALLOC = new RegExp(
  `${PLACE}quirks=(0x[0-9a-f]+|\\d+)\\s+pgsize_bitmap=(0x[0-9a-f]+)\\s+ias=(\\d+)\\s+oas=(\\d+)(?:\\s+coherent_walk=(\\d+))?\\s*$`,
);
const FREE = new RegExp(`${PLACE}(?:ttbr|ops|dom|domain)=(0x[0-9a-f]+)\\s*$`);

const MAP_SG = new RegExp(
  `${WHO}iova=0x([0-9a-f]{1,16})(?:\\s-\\s0x[0-9a-f]+)?\\s+size=(0x[0-9a-f]+|\\d+)(?:\\s+prot=0x([0-9a-f]+))?\\s*$`,
);
const MAP_RANGE =
  /^v_addr=(?:0x)?([0-9a-f]{1,16}) p_addr=(?:0x)?([0-9a-f]{1,16}) chunk_size=(?:0x[0-9a-f]+|\d+) len=(\d+)\s*$/;
const DMA_DEBUG =
  /^device=(\S+), iova=(?:0x)?([0-9a-f]{1,16}), size=(\d+) phys=(?:0x)?([0-9a-f]{1,16})(?: platformdata=.*)?$/;

/** Events of the group `iommu` that are no requests. */
const CONTEXT: Readonly<Record<string, ContextEvent['what']>> = {
  io_page_fault: 'fault',
  attach_device_to_domain: 'attach',
  detach_device_from_domain: 'detach',
  add_device_to_group: 'group',
  remove_device_from_group: 'group',
};

/**
 * What an event line carries, or null when it is of no use to a replay. Event names are not enough: a probe may be
 * called `map` like the tracepoint, so the payload decides.
 */
export function parsePayload(event: string, args: string): Payload | null {
  if (args.startsWith('(')) return parseProbe(event, args);
  switch (event) {
    case 'map':
      return parseIommuMap(args);
    case 'unmap':
      return parseIommuUnmap(args);
    case 'map_sg':
      return parseMapSg(args);
    case 'iommu_map_range':
      return parseMapRange(args);
    case 'dmadebug_map_page':
    case 'dmadebug_map_sg':
      return parseDmaDebug(args, true);
    case 'dmadebug_unmap_page':
    case 'dmadebug_unmap_sg':
      return parseDmaDebug(args, false);
  }
  if (isDma(event)) return parseDma(event, args);
  return Object.hasOwn(CONTEXT, event) ? parseContext(event, args) : null;
}

/**
 * Whether an event without a payload should have had one: it names an address of the kind that is replayed, yet in a
 * form that is not known. Leaving it out would give wrong numbers.
 */
export function isUnreadable(event: string, args: string): boolean {
  const isRequest = event === 'map' || event === 'unmap' || event === 'map_sg';
  return isRequest ? NO_FIELDS.test(args) || ADDRESS.test(args) : args.startsWith('(') && ADDRESS.test(args);
}

const ADDRESS = /\biova=/;
/** What is left of a request on a line that was cut before its fields. */
const NO_FIELDS = /^(?:IOMMU:\s?(?:(?:dev=)?[^\s=]{1,128})?)?\s{0,64}$/;

function parseIommuMap(args: string): IommuMap | null {
  const match = IOMMU_MAP.exec(args);
  if (match === null) return null;
  const size = Number(match[4]);
  if (!Number.isSafeInteger(size) || isOverflown(args)) return null;
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
  if (isOverflown(args) || !Number.isSafeInteger(size) || (unmapped !== null && !Number.isSafeInteger(unmapped)))
    return null;
  return { kind: 'iommu-unmap', name: match[1] ?? null, iova: hexAddress(match[2]), size, unmapped };
}

/**
 * Whether a size did not fit into the 32 bits that kernels up to 3.16 keep it in: 4 GiB became `0x0`, and what has bit 31
 * was extended by its sign.
 */
export function isOverflown(args: string): boolean {
  return OVERFLOWN.test(args);
}

const OVERFLOWN = /\ssize=0x(?:0+|f{8}[89a-f][0-9a-f]{7})(?:\s|$)/;

/** Vendor kernels: a scatter list as one request, without its physical addresses. */
function parseMapSg(args: string): IommuMap | null {
  const match = MAP_SG.exec(args);
  const size = match === null ? Number.NaN : Number(match[3]);
  if (match === null || !Number.isSafeInteger(size)) return null;
  const iova = hexAddress(match[2]);
  const prot = match[4] === undefined ? null : Number.parseInt(match[4], 16);
  return { kind: 'iommu-map', name: match[1] ?? null, iova, paddr: iova, size, prot, ret: 0, physical: 'assumed' };
}

/** `kmem:iommu_map_range` of msm kernels of 2012. */
function parseMapRange(args: string): IommuMap | null {
  const match = MAP_RANGE.exec(args);
  const size = match === null ? Number.NaN : Number(match[3]);
  if (match === null || !Number.isSafeInteger(size)) return null;
  const [, iova, paddr] = match;
  return { kind: 'iommu-map', name: null, iova: hexAddress(iova), paddr: hexAddress(paddr), size, prot: null, ret: 0 };
}

/** `dmadebug_*` of tegra kernels of 2013. */
function parseDmaDebug(args: string, isMap: boolean): IommuMap | IommuUnmap | null {
  const match = DMA_DEBUG.exec(args);
  if (match === null) return null;
  const [, name, digits, bytes, phys] = match;
  const asked = hexAddress(digits);
  // The driver maps whole pages around the buffer.
  const offset = asked.lo % PAGE;
  const size = Math.ceil((offset + Number(bytes)) / PAGE) * PAGE;
  if (!Number.isSafeInteger(size)) return null;
  const iova = pageStart(asked);
  if (isMap) return { kind: 'iommu-map', name, iova, paddr: pageStart(hexAddress(phys)), size, prot: null, ret: 0 };
  return { kind: 'iommu-unmap', name, iova, size, unmapped: null };
}

/** Page size of those kernels, which are of 32 bits. */
const PAGE = 4096;

function pageStart({ hi, lo }: Address): Address {
  return { hi, lo: lo - (lo % PAGE) };
}

function parseContext(event: string, args: string): ContextEvent {
  // A fault names the driver first: `IOMMU:driver device iova=..`.
  const found = event === 'io_page_fault' ? /^IOMMU:\S+ (\S+)/.exec(args) : /\bdevice=(\S+)/.exec(args);
  return { kind: 'context', what: CONTEXT[event], device: found?.[1] ?? null };
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
  const request = REQUEST.exec(args);
  if (request !== null) return probedRequest(request);
  const returned = RETURN.exec(args);
  if (returned !== null) {
    if (REQUEST_FUNCTION.test(returned[2] ?? '')) return null;
    // `(caller <- probed function)`; without symbols the event's name has to do.
    const where = returned[2] !== undefined && /[a-z]_/.test(returned[2]) ? returned[2] : event;
    if (where !== event && !where.includes('lpae')) return null;
    const isMap = where === event ? isMapByName(event) : !where.includes('unmap');
    return { kind: 'return', isMap, ret: signed(returned[3], isMap === true ? 32 : 64) };
  }
  const alloc = ALLOC.exec(args);
  if (alloc !== null) {
    return pgtableAlloc(`${alloc[1]} ${event}`, {
      quirks: Number(alloc[3]),
      pgsizes: Number(alloc[4]),
      ias: Number(alloc[5]),
      oas: Number(alloc[6]),
      coherent: alloc[7] !== '0',
    });
  }
  const free = FREE.exec(args);
  return free === null ? null : { kind: 'free', key: free[3] };
}

function probedRequest([, , , domain, digits, phys, bytes, bits]: RegExpExecArray): IommuMap | IommuUnmap | null {
  const size = Number(bytes);
  if (!Number.isSafeInteger(size)) return null;
  const where = { name: domain ?? null, iova: hexAddress(digits), size };
  if (phys === undefined) return { kind: 'iommu-unmap', ...where, unmapped: null };
  const prot = bits === undefined ? null : Number(bits);
  // The request is probed before it is tried.
  return { kind: 'iommu-map', ...where, paddr: hexAddress(phys), prot, ret: null };
}

/** Whether the name that a person gave a return probe is one for maps; null when it does not tell. */
export function isMapByName(event: string): boolean | null {
  if (event.includes('unmap')) return false;
  return /(?:^|[^a-z])map/.test(event) ? true : null;
}

/** What a probe printed of a register that holds a signed value of so many bits. */
function signed(text: string, bits: number): number {
  const negative = text.startsWith('-');
  const value = BigInt(negative ? text.slice(1) : text);
  return Number(BigInt.asIntN(bits, negative ? -value : value));
}

const NOWHERE: Address = { hi: 0, lo: 0 };
