/** What operations of io-pgtable-arm cost in descriptors, against what changed in table memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NoFlush } from '../../src/flush/none.ts';
import { DomainTlb } from '../../src/iommu/domain-tlb.ts';
import { MeteredDomain } from '../../src/iommu/metered-domain.ts';
import * as C from '../../src/lpae/counters.ts';
import { PageTable } from '../../src/lpae/page-table.ts';
import { defaultPlacement, TableMemory } from '../../src/lpae/table/memory.ts';
import { visitEntries } from '../../src/lpae/visit.ts';
import { configFor, halves, PLENTY } from '../lpae/fixture.ts';

const K4 = 4096;
const M2 = 2 ** 21;
const G1 = 2 ** 30;
const memory = new TableMemory(1024);

function metered(kernel: '7.1' | '6.12' = '7.1'): MeteredDomain {
  const tlb = new DomainTlb(kernel, new NoFlush(), null);
  const table = new PageTable(configFor(kernel), memory, PLENTY, tlb, defaultPlacement());
  return new MeteredDomain(table, tlb);
}

/** What an operation added to walks, reads and writes. */
function cost(domain: MeteredDomain, work: () => void): [number, number, number] {
  const { walks, reads, writes } = domain.cost;
  work();
  return [domain.cost.walks - walks, domain.cost.reads - reads, domain.cost.writes - writes];
}

const map = (domain: MeteredDomain, iova: number, paddr: number, size: number): number =>
  domain.map(...halves(iova), ...halves(paddr), size, 3);
const unmap = (domain: MeteredDomain, iova: number, size: number): number => domain.unmap(...halves(iova), size);

function entries(domain: MeteredDomain): number {
  let count = 0;
  visitEntries(domain.table, () => ++count > 0);
  return count;
}

describe('the cost of io-pgtable-arm in descriptors', () => {
  it.each<[string, (domain: MeteredDomain) => void, (domain: MeteredDomain) => void, [number, number, number]]>([
    // Three entries on the way, the page's own; three links.
    ['a first page', () => {}, (d) => map(d, 0, 0, K4), [1, 4, 4]],
    ['a page beside it', (d) => map(d, 0, 0, K4), (d) => map(d, K4, 0, K4), [1, 4, 1]],
    ['256 pages in one table', (d) => map(d, 0, 0, K4), (d) => map(d, K4, 0, 256 * K4), [1, 3 + 256, 256]],
    ['a block', () => {}, (d) => map(d, 0, 0, M2), [1, 3, 3]],
    // A page, a block and a page: each walks from the start table.
    ['three sizes', () => {}, (d) => map(d, M2 - K4, M2 - K4, M2 + 2 * K4), [3, 4 + 3 + 4, 4 + 1 + 2]],
    ['a page that is there', (d) => map(d, 0, 0, K4), (d) => map(d, 0, 0, K4), [1, 4, 0]],
    ['a page under a block', (d) => map(d, 0, 0, M2), (d) => map(d, K4, 0, K4), [1, 3, 0]],
    // Two pages written and unmapped again, for the third is there.
    [
      'a map that fails late',
      (d) => map(d, M2, 0, K4),
      (d) => map(d, M2 - 2 * K4, 0, 3 * K4),
      [3, 3 + 2 + 4 + (3 + 2), 1 + 2 + 2],
    ],
    ['a misaligned request', () => {}, (d) => map(d, 1, 0, K4), [0, 0, 0]],
    ['an address out of range', () => {}, (d) => map(d, 2 ** 48, 0, K4), [1, 0, 0]],
    // The table goes: unlinked with one write, its entry cleared by the run's own; then the block.
    ['a block over a table', (d) => map(d, 0, 0, K4), (d) => map(d, 0, 0, M2), [1, 3, 2 + 1]],
    ['an unmap of pages', (d) => map(d, 0, K4, M2), (d) => unmap(d, 0, 8 * K4), [1, 3 + 8, 8]],
    ['an unmap of a whole table', (d) => map(d, 0, K4, M2), (d) => unmap(d, 0, M2), [1, 3, 2]],
    // Freed from a level up: all 512 entries of the table between are read.
    ['an unmap of a gigabyte of pages', (d) => map(d, 0, 0, K4), (d) => unmap(d, 0, G1), [1, 2 + 512, 2]],
    // The run stops at the hole, and the core asks once more there.
    ['an unmap to a hole', (d) => map(d, 0, 0, 2 * K4), (d) => unmap(d, 0, 4 * K4), [2, 3 + 2 + 1 + 4, 2]],
    ['an unmap of nothing', () => {}, (d) => unmap(d, 0, K4), [1, 1, 0]],
    ['an unmap of a part of a block', (d) => map(d, 0, 0, M2), (d) => unmap(d, 0, K4), [1, 3, 0]],
  ])('%s', (_name, before, work, want) => {
    const domain = metered();
    before(domain);
    expect(cost(domain, () => work(domain))).toEqual(want);
  });

  it('a split writes the new table but for what it unmaps, and links it', () => {
    const domain = metered('6.12');
    map(domain, 0, 0, M2);
    expect(cost(domain, () => unmap(domain, 0, 3 * K4))).toEqual([1, 3, 509 + 1]);
    const two = metered('6.12');
    map(two, 0, 0, G1);
    // Both tables: 512 entries of the first, 511 of the second, two links.
    expect(cost(two, () => unmap(two, 0, K4))[2]).toBe(512 + 511 + 2);
  });

  it('is one walk for each raw call, and one write for each descriptor that changes', () => {
    const op = fc.record({
      isMap: fc.boolean(),
      at: fc.nat({ max: 700 }),
      pages: fc.integer({ min: 1, max: 40 }),
      raw: fc.boolean(),
    });
    let compared = 0;
    fc.assert(
      fc.property(fc.array(op, { minLength: 20, maxLength: 40 }), (ops) => {
        const domain = metered();
        const { counters } = domain.table;
        for (const { isMap, at, pages, raw } of ops) {
          const before = [entries(domain), counters[C.MAP_CALLS] + counters[C.UNMAP_CALLS]];
          const iova = halves(at * K4);
          const [walks, , writes] = cost(domain, () => {
            if (!isMap) raw ? domain.unmapPagesSynced(...iova, K4, pages) : domain.unmap(...iova, pages * K4);
            else if (raw) domain.mapPages(...iova, 0, 0, K4, pages, 3);
            else domain.map(...iova, 0, 0, pages * K4, 3);
          });
          expect(walks).toBe(counters[C.MAP_CALLS] + counters[C.UNMAP_CALLS] - before[1]);
          // A map that fails writes and clears again; else each descriptor changes once.
          const changed = Math.abs(entries(domain) - before[0]);
          if (writes !== changed) expect([isMap, (writes - changed) % 2]).toEqual([true, 0]);
          else compared++;
        }
        domain.table.destroy();
      }),
      { numRuns: 30, seed: 3 },
    );
    expect(compared).toBeGreaterThan(500);
  });
});
