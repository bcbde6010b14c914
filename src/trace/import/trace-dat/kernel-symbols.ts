import { type Address, TWO_32 } from '../../../base/u64.ts';
import type { SymbolAt } from '../binary/payload-plan.ts';

/** A probe sits on the first instructions of its function. */
const WITHIN = 64;
const MOST_SYMBOLS = 4096;

/**
 * Names the functions of the page-table engine by their addresses, from the text of /proc/kallsyms, which is asked for at the first
 * use: few recordings have probes. Null for all other functions.
 */
export function kernelSymbols(readText: () => string): SymbolAt {
  let symbols: readonly { readonly hi: number; readonly lo: number; readonly name: string }[] | null = null;
  return (address: Address) => {
    symbols ??= parse(readText());
    // The last one counts: a function's own name comes behind those of the padding before it.
    const found = symbols.findLast(({ hi, lo }) => {
      const distance = (address.hi - hi) * TWO_32 + (address.lo - lo);
      return distance >= 0 && distance < WITHIN;
    });
    return found?.name ?? null;
  };
}

function parse(text: string): { readonly hi: number; readonly lo: number; readonly name: string }[] {
  const symbols = [];
  for (const [, digits, name] of text.matchAll(/^([0-9a-f]{8}|[0-9a-f]{16}) [tT] (\w{0,60}lpae\w{0,60})/gm)) {
    const lo = Number.parseInt(digits.slice(-8), 16);
    const hi = digits.length > 8 ? Number.parseInt(digits.slice(0, -8), 16) : 0;
    // Kernels hide addresses from those who may not see them.
    if (hi + lo > 0) symbols.push({ hi, lo, name });
    if (symbols.length >= MOST_SYMBOLS) break;
  }
  return symbols.sort((a, b) => a.hi - b.hi || a.lo - b.lo);
}
