import { PROT_READ, PROT_WRITE } from '../../../base/vocabulary.ts';
import type { DmaEvent, DmaRange } from '../payload.ts';
import { hexAddress } from './hex-address.ts';

/*
 * The events of include/trace/events/dma.h as they are printed: `<device> dir=.. dma_addr=.. size=..`, and lists in braces
 * for scatter lists. Directions are those of enum dma_data_direction.
 */

/** What a device does with a buffer, by the direction of its transfer. */
const PROT_BY_DIRECTION: Readonly<Record<string, number>> = {
  TO_DEVICE: PROT_READ,
  FROM_DEVICE: PROT_WRITE,
  BIDIRECTIONAL: PROT_READ | PROT_WRITE,
};

const NAME = /^dma_(un)?(map|alloc|free)(?:_(?:page|phys|resource|sg|sgt|pages))?$/;
const START = /^(\S+)(?: dir=(\w+))?/;
const SINGLE = / dma_addr=(?:0x)?([0-9a-f]{1,16}) size=(\d{1,15})(?: |$)/;
const ADDRESSES = / dma_addrs=\{([^}]*)\}/;
const SIZES = / sizes=\{([^}]*)\}/;

/** True for the names of events that hold what `parseDma` reads. Events that sync or that failed are none. */
export function isDma(event: string): boolean {
  return event.startsWith('dma_') && NAME.test(event);
}

/** The payload of an event whose name `isDma`; null when it names no device. */
export function parseDma(event: string, args: string): DmaEvent | null {
  const name = NAME.exec(event);
  const start = START.exec(args);
  if (name === null || start === null) return null;
  const isMap = name[1] === undefined && name[2] !== 'free';
  const prot = start[2] === undefined ? null : (PROT_BY_DIRECTION[start[2]] ?? null);
  return { kind: 'dma', isMap, device: start[1], prot, ranges: ranges(args) };
}

function ranges(args: string): DmaRange[] {
  const single = SINGLE.exec(args);
  if (single !== null) return [{ iova: hexAddress(single[1]), size: Number(single[2]) }];
  const addresses = listed(ADDRESSES, args);
  const sizes = listed(SIZES, args);
  const known = Math.min(addresses.length, sizes.length);
  return addresses.slice(0, known).map((digits, i) => ({ iova: hexAddress(digits), size: Number(`0x${sizes[i]}`) }));
}

function listed(form: RegExp, args: string): string[] {
  const found = form.exec(args);
  return found === null ? [] : [...found[1].matchAll(/(?:0x)?([0-9a-f]{1,16})/g)].map(([, digits]) => digits);
}
