import { describe, expect, it } from 'vitest';
import { bitmapSizes } from '../../src/base/sizes.ts';
import { type Kernel, PROT_CACHE, PROT_NOEXEC, PROT_READ, PROT_WRITE } from '../../src/base/vocabulary.ts';
import type { TlbCallbacks } from '../../src/lpae/callbacks.ts';
import * as C from '../../src/lpae/counters.ts';
import { isSubsetOfBitmap } from '../../src/lpae/format/config.ts';
import { iovaToPhys } from '../../src/lpae/lookup.ts';
import { mapPages } from '../../src/lpae/map.ts';
import type { PageTable } from '../../src/lpae/page-table.ts';
import { unmapPages } from '../../src/lpae/unmap.ts';
import { configFor, GOLDEN_KERNELS, halves, joined, makeTable, PLENTY, vectorLines } from './fixture.ts';

const G1 = 2 ** 30;
const RW_NX_C = PROT_READ | PROT_WRITE | PROT_NOEXEC | PROT_CACHE;
/** Look-ups go a little into the page. */
const INSIDE = 42;

/** Counts the callbacks and keeps those whose size is no supported page size (dummy_tlb_flush of the kernel's test). */
class DummyTlb implements TlbCallbacks {
  walks = 0;
  pages = 0;
  readonly bad: string[] = [];
  bitmap = 0;

  flushWalk(_hi: number, _lo: number, size: number): void {
    this.walks++;
    this.#check('FLUSH_WALK', size);
  }

  addPages(_gather: unknown, _hi: number, _lo: number, size: number, count: number): void {
    this.pages += count;
    this.#check('ADD_PAGE', size);
  }

  flushAll(): void {}

  #check(what: string, size: number): void {
    if (!isSubsetOfBitmap(size, this.bitmap)) this.bad.push(`${what} of ${size}`);
  }
}

function map(table: PageTable, iova: number, paddr: number, size: number, prot: number): number {
  return mapPages(table, ...halves(iova), ...halves(paddr), size, 1, prot);
}

function lookup(table: PageTable, iova: number): number {
  iovaToPhys(table, ...halves(iova));
  return Number(joined(table.foundHi, table.foundLo));
}

/** One configuration through the steps of arm_lpae_run_tests; the line of counts that the vectors print for it. */
function runSelfTest(kernel: Kernel, pgsizes: number, ias: number, oas: number, name: string): string {
  const tlb = new DummyTlb();
  tlb.bitmap = pgsizes;
  const format = name === '64S1' ? 'ARM_64_LPAE_S1' : 'ARM_64_LPAE_S2';
  const table = makeTable(
    configFor(kernel, { format, pgsizes, ias, oas, quirks: kernel === '7.1' ? ['NO_WARN'] : [] }),
    PLENTY,
    tlb,
  );
  const { counters } = table;
  for (const iova of [INSIDE, G1 + INSIDE, 2 * G1 + INSIDE]) expect(lookup(table, iova), 'empty table').toBe(0);

  const sizes = bitmapSizes(pgsizes);
  sizes.forEach((size, i) => {
    const iova = i * G1;
    expect(map(table, iova, iova, size, RW_NX_C), `map of ${size}`).toBe(0);
    expect(table.mapped, `map of ${size}`).toBe(size);
    expect(map(table, iova, iova + size, size, PROT_READ | PROT_NOEXEC), 'overlapping map').not.toBe(0);
    expect(lookup(table, iova + INSIDE)).toBe(iova + INSIDE);
  });
  const afterMap = counters[C.TABLE_ALLOCS];

  if (kernel === '6.12') {
    const [size] = sizes;
    expect(unmapPages(table, ...halves(G1 + size), size, 1, null), 'partial unmap').toBe(size);
    expect(map(table, G1 + size, size, size, PROT_READ), 'remap of the part').toBe(0);
    expect(lookup(table, G1 + size + INSIDE)).toBe(size + INSIDE);
  }
  sizes.forEach((size, i) => {
    const iova = i * G1;
    expect(unmapPages(table, ...halves(iova), size, 1, null), `unmap of ${size}`).toBe(size);
    expect(lookup(table, iova + INSIDE), 'after the unmap').toBe(0);
    expect(map(table, iova, iova, size, PROT_WRITE), `remap of ${size}`).toBe(0);
    expect(lookup(table, iova + INSIDE)).toBe(iova + INSIDE);
  });
  if (kernel === '7.1') {
    const size = sizes.at(-1) as number;
    const last = 2 ** ias - size;
    expect(map(table, last, last, size, RW_NX_C), 'last page of the address space').toBe(0);
    expect(table.mapped).toBe(size);
    expect(unmapPages(table, ...halves(last), size, 1, null)).toBe(size);
  }
  expect(tlb.bad, 'callbacks with sizes out of the bitmap').toEqual([]);
  expect(counters[C.WARNS], 'warnings').toBe(kernel === '7.1' ? 0 : sizes.length);
  const total = counters[C.TABLE_ALLOCS];
  const freed = counters[C.TABLE_FREES];
  table.destroy();
  return (
    ` ias=${ias} oas=${oas} ${name}: alloc_after_map=${afterMap} alloc_total=${total} freed_before_teardown=${freed}` +
    ` walk=${tlb.walks} addpage=${tlb.pages} leak=${counters[C.TABLES_LIVE]}`
  );
}

describe.each(GOLDEN_KERNELS)('the self-test of io-pgtable-arm, %s', (kernel, suffix) => {
  const groups = new Map<number, string[]>();
  let group: string[] = [];
  for (const line of vectorLines(`selftest_${suffix}.txt`)) {
    const bitmap = /^bitmap ([0-9a-f]+)$/.exec(line);
    if (bitmap === null) group.push(line);
    else {
      group = [];
      groups.set(Number.parseInt(bitmap[1], 16), group);
    }
  }

  it('comes in 21 address sizes and two formats for each of three granules', () => {
    expect([...groups.values()].map((lines) => lines.length)).toEqual([42, 42, 42]);
  });

  it.each([...groups].map(([bitmap, lines]) => [bitmap.toString(16), lines] as const))(
    'page sizes 0x%s',
    (hex, lines) => {
      const bitmap = Number.parseInt(hex, 16);
      for (const line of lines) {
        const match = /^ ias=(\d+) oas=(\d+) (64S[12]):/.exec(line);
        if (match === null) throw new Error(`line not understood: ${line}`);
        const got = runSelfTest(kernel, bitmap, Number(match[1]), Number(match[2]), match[3]);
        expect(got, `selftest_${suffix}.txt, bitmap ${hex},${match[0]}`).toBe(line);
      }
    },
  );
});
