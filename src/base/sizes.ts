import { isPowerOfTwo } from './u64.ts';

const UNITS: readonly (readonly [string, number])[] = [
  ['P', 2 ** 50],
  ['T', 2 ** 40],
  ['G', 2 ** 30],
  ['M', 2 ** 20],
  ['K', 2 ** 10],
];

/** The largest unit that divides exactly: 2097152 -> `2M`, 4097 -> `4097`. For page sizes and ranges. */
export function exactSize(bytes: number): string {
  for (const [unit, size] of UNITS) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return String(bytes);
}

/** A readable amount with at most one decimal: 10240 -> `10.0 KiB`. For totals that people compare by eye. */
export function readableBytes(bytes: number): string {
  for (const [unit, size] of UNITS) {
    if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}iB`;
  }
  return `${bytes} B`;
}

/** `4096`, `0x1000`, `4K`, `2M`, `1G`, `4T` -> bytes; null when it is none of these. */
export function parseSize(text: string): number | null {
  const match = /^(0x[0-9a-f]+|\d+)\s*([kmgtp])?(?:i?b)?$/i.exec(text.trim());
  if (match === null) return null;
  const unit = match[2] === undefined ? 1 : UNITS.find(([name]) => name === match[2]?.toUpperCase())?.[1];
  const bytes = Number(match[1]) * (unit ?? 1);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** Splits a bitmap of page sizes (bit n set: 2^n bytes) into its sizes, smallest first. */
export function bitmapSizes(bitmap: number): number[] {
  const sizes: number[] = [];
  for (let size = 1; size <= bitmap && size <= 2 ** 52; size *= 2) {
    if (Math.floor(bitmap / size) % 2 === 1) sizes.push(size);
  }
  return sizes;
}

/** The bitmap of a list of page sizes. Throws nothing: sizes that are not powers of two are left out by `isPowerOfTwo`. */
export function sizesBitmap(sizes: readonly number[]): number {
  return [...new Set(sizes.filter(isPowerOfTwo))].reduce((sum, size) => sum + size, 0);
}

/** `12345678` -> `12,345,678`, whatever the locale. */
export function grouped(n: number): string {
  const text = String(Math.abs(n));
  const parts: string[] = [];
  for (let end = text.length; end > 0; end -= 3) parts.unshift(text.slice(Math.max(0, end - 3), end));
  return (n < 0 ? '-' : '') + parts.join(',');
}

/** `1 event`, `2 events`, `1,000 walk flushes`. */
export function plural(count: number, noun: string, several = `${noun}s`): string {
  return `${grouped(count)} ${count === 1 ? noun : several}`;
}
