import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangeValid, type VaBounds } from '../../src/gpuvm/va-range.ts';

const PAGE = 4096;
const END = 2 ** 64;

function bounds(start: number, size: number, kernelStart = 0, kernelSize = 0): VaBounds {
  return { start, size, kernelStart, kernelSize };
}

/** The rule in whole numbers, as it stands in the kernel; a space may reach to 2^64 here. */
function valid(space: VaBounds, address: number, size: number): boolean {
  const big = BigInt;
  const end = big(address) + big(size);
  if (end >= 1n << 64n) return false;
  const spaceEnd = big(space.start) + big(space.size);
  if (big(address) < big(space.start) || end > spaceEnd) return false;
  const kernelEnd = big(space.kernelStart) + big(space.kernelSize);
  return space.kernelSize === 0 || big(address) >= kernelEnd || end <= big(space.kernelStart);
}

describe('the range check of a GPU address space', () => {
  const small = bounds(16 * PAGE, 16 * PAGE, 24 * PAGE, 4 * PAGE);

  it.each([
    ['the first page', small, 16, 1, true],
    ['up to the kernel node', small, 16, 8, true],
    ['a page into the kernel node', small, 16, 9, false],
    ['around the kernel node', small, 16, 16, false],
    ['inside of the kernel node', small, 25, 1, false],
    ['just behind the kernel node, to the end', small, 28, 4, true],
    ['beyond the end', small, 28, 5, false],
    ['before the start', small, 15, 2, false],
    ['nothing, inside', small, 20, 0, true],
    ['nothing, at the end', small, 32, 0, true],
    ['nothing, behind the end', small, 33, 0, false],
    ['nothing, before the start', small, 15, 0, false],
    ['nothing, at the border of the kernel node', small, 24, 0, true],
    ['nothing, inside of the kernel node', small, 25, 0, false],
    ['no kernel node', bounds(0, 16 * PAGE), 0, 16, true],
  ])('%s', (_, space, page, pages, expected) => {
    expect(rangeValid(space, page * PAGE, pages * PAGE)).toBe(expected);
  });

  it('lets a space of all 64-bit addresses be used up to its last page, whose end overflows', () => {
    const whole = bounds(0, END);
    expect(rangeValid(whole, 0, END - PAGE)).toBe(true);
    expect(rangeValid(whole, END - 2 * PAGE, PAGE)).toBe(true);
    expect(rangeValid(whole, END - PAGE, 0)).toBe(true);
    expect(rangeValid(whole, END - PAGE, PAGE)).toBe(false);
    expect(rangeValid(whole, 0, END)).toBe(false);
    expect(rangeValid(whole, END - PAGE, END - PAGE)).toBe(false);
    expect(rangeValid(whole, PAGE, END - PAGE)).toBe(false);
  });

  it('is the rule in whole numbers, at every height', () => {
    const base = fc.constantFrom(0, 2 ** 32, 2 ** 48, 2 ** 53, 2 ** 63, END - 64 * PAGE);
    const pages = fc.integer({ min: 0, max: 64 });
    const size = fc.oneof(
      { weight: 4, arbitrary: pages.map((count) => count * PAGE) },
      fc.constantFrom(2 ** 48, 2 ** 63, END - PAGE),
    );
    fc.assert(
      fc.property(base, pages, size, pages, pages, pages, size, (at, start, length, from, node, page, bytes) => {
        const space = bounds(at + start * PAGE, length, at + from * PAGE, node * PAGE);
        const address = at + page * PAGE;
        if (address >= END) return;
        expect(rangeValid(space, address, bytes)).toBe(valid(space, address, bytes));
      }),
      { seed: 3, numRuns: 5000 },
    );
  });
});
