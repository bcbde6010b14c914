import type { Hex } from '../../trace/events.ts';

/** Three hex digits each. */
const DIGITS = Array.from({ length: 4096 }, (_, n) => n.toString(16).padStart(3, '0'));

/**
 * The address of a page whose frame number lies in [2^20, 2^28): from 4 GiB to 1 TiB, as all addresses of workloads do.
 * Made of whole groups of digits, as writing doubles in hex is what a generator would spend most of its time on.
 */
export function pageAddress(pfn: number): Hex {
  const top = pfn >>> 24;
  const middle = (pfn >>> 12) & 0xfff;
  const head = top === 0 ? middle.toString(16) : `${top.toString(16)}${DIGITS[middle]}`;
  return `0x${head}${DIGITS[pfn & 0xfff]}000`;
}
