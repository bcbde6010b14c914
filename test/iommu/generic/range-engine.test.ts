/** The generic engine: what a range may meet, page by page, and what must be true after each failure. */
import { describe, expect, it } from 'vitest';
import { packArguments } from '../../../src/base/extended-prot.ts';
import { bitmapSizes } from '../../../src/base/sizes.ts';
import { hexNumber } from '../../../src/base/u64.ts';
import { EADDRINUSE, EINVAL, ENOMEM, EOVERFLOW, ERANGE, PROT_READ, PROT_WRITE } from '../../../src/base/vocabulary.ts';
import * as C from '../../../src/lpae/counters.ts';
import { iovaToPhys } from '../../../src/lpae/lookup.ts';
import { configFor, halves, makeDomain, treeLines } from '../../lpae/fixture.ts';
import { bestPageSize } from './shadow.ts';
import { GenericSubject } from './subject.ts';

const K4 = 4096;
const M2 = 2 ** 21;
const G1 = 2 ** 30;
const G512 = 2 ** 39;

const GRANULES: readonly [string, number][] = [
  ['4K', K4 + M2 + G1],
  ['16K', 2 ** 14 + 2 ** 25],
  ['64K', 2 ** 16 + 2 ** 29],
];

function physical(subject: GenericSubject, iova: number): number | null {
  const found = iovaToPhys(subject.table, ...halves(iova));
  return found ? subject.table.foundHi * 2 ** 32 + subject.table.foundLo : null;
}

/** Entries that are leaves. */
function leaves(subject: GenericSubject): number {
  const { counters } = subject.table;
  return counters[C.LEAVES_WRITTEN] - counters[C.LEAVES_CLEARED];
}

describe.each(GRANULES)('each page size of %s', (_name, pgsizes) => {
  it.each(bitmapSizes(pgsizes))('maps, finds, refuses twice and unmaps a page of %d bytes', (size) => {
    const subject = new GenericSubject({ pgsizes, ias: 48, oas: 48 });
    const before = subject.pagesOut;
    const [iova, paddr] = [3 * size, 5 * size];
    expect(subject.map(iova, paddr, size)).toBe(0);
    expect(leaves(subject)).toBe(1);
    expect(physical(subject, iova)).toBe(paddr);
    expect(physical(subject, iova + size - 1)).toBe(paddr + size - 1);
    expect(physical(subject, iova + size)).toBeNull();
    const tree = subject.tree();
    expect(subject.map(iova, 7 * size, size)).toBe(-EADDRINUSE);
    expect(subject.tree()).toBe(tree);
    expect(subject.unmap(iova, size)).toBe(size);
    expect(physical(subject, iova)).toBeNull();
    // The tables on the way reach beyond the page and stay; whoever unmaps all of their range gets them back.
    expect(subject.table.counters[C.MAPPED_BYTES]).toBe(0);
    subject.table.destroy();
    expect(subject.pagesOut).toBe(before - 1);
  });
});

describe('a block and what is in its way', () => {
  it('replaces a table without leaves, and frees it after an invalidation of its range', () => {
    const subject = new GenericSubject();
    subject.map(M2, M2, K4);
    subject.unmap(M2, K4);
    subject.takeHappened();
    expect(subject.map(M2, 8 * M2, M2)).toBe(0);
    expect(physical(subject, M2 + 5)).toBe(8 * M2 + 5);
    expect(subject.takeHappened()).toEqual([{ kind: 'walk', start: M2, size: M2, pgsize: K4 }, { kind: 'free' }]);
  });

  it('replaces tables below tables, and frees all of them', () => {
    const subject = new GenericSubject();
    for (const at of [0, M2, 300 * M2]) {
      subject.map(G1 + at, 0, K4);
      subject.unmap(G1 + at, K4);
    }
    const { pagesOut } = subject;
    expect(subject.map(G1, G1, G1)).toBe(0);
    expect(subject.pagesOut).toBe(pagesOut - 4);
  });

  it('does not replace a table with one leaf, and keeps empty tables that it could have replaced', () => {
    const subject = new GenericSubject();
    subject.map(0, 0, K4);
    subject.unmap(0, K4);
    subject.map(M2 + 511 * K4, 0, K4);
    const tree = subject.tree();
    subject.takeHappened();
    expect(subject.map(0, 0, 2 * M2)).toBe(-EADDRINUSE);
    expect(subject.tree()).toBe(tree);
    expect(physical(subject, M2 + 511 * K4 + 1)).toBe(1);
    expect(subject.takeHappened()).toEqual([]);
  });

  it('puts back an empty table when a later part of the range is in use', () => {
    const subject = new GenericSubject();
    subject.map(510 * M2, 0, K4);
    subject.unmap(510 * M2, K4);
    subject.map(512 * M2 + 7 * K4, 0, K4);
    const tree = subject.tree();
    const { pagesOut } = subject;
    subject.takeHappened();
    // Two blocks under one table, then single pages under the next, of which the eighth is in use.
    expect(subject.map(510 * M2, 0, 2 * M2 + 16 * K4)).toBe(-EADDRINUSE);
    expect(subject.tree()).toBe(tree);
    expect(subject.pagesOut).toBe(pagesOut);
    expect(subject.table.counters[C.MAPPED_BYTES]).toBe(K4);
    // Hardware may have walked the blocks: one invalidation, and no page is freed.
    expect(subject.takeHappened().map(({ kind }) => kind)).toEqual(['walk']);
  });
});

describe('unmap', () => {
  it('removes the whole block for a part at its start, and returns all of its bytes', () => {
    const subject = new GenericSubject();
    subject.map(M2, M2, 2 * M2);
    expect(subject.unmap(M2, K4)).toBe(M2);
    expect(physical(subject, M2)).toBeNull();
    expect(physical(subject, 2 * M2)).toBe(2 * M2);
    expect(subject.unmap(2 * M2, M2)).toBe(M2);
  });

  it('removes the whole of a last block that reaches past the end', () => {
    const subject = new GenericSubject();
    subject.map(M2 - 3 * K4, M2 - 3 * K4, 3 * K4 + M2);
    expect(subject.unmap(M2 - 3 * K4, 4 * K4)).toBe(3 * K4 + M2);
  });

  it('removes nothing when the range begins inside a block', () => {
    const subject = new GenericSubject();
    subject.map(M2, M2, M2);
    const tree = subject.tree();
    expect(subject.unmap(M2 + K4, K4)).toBe(0);
    expect(subject.tree()).toBe(tree);
  });

  it('stops at the first hole, an empty table included', () => {
    const subject = new GenericSubject();
    subject.map(0, 0, 2 * K4);
    subject.map(3 * K4, 0, K4);
    expect(subject.unmap(0, 4 * K4)).toBe(2 * K4);
    expect(physical(subject, 3 * K4)).toBe(0);
    subject.map(M2, 0, K4);
    subject.unmap(M2, K4);
    expect(subject.unmap(M2, M2)).toBe(0);
  });

  it('frees the tables that the range covers, all of them, after one invalidation', () => {
    const subject = new GenericSubject();
    const { pagesOut } = subject;
    // 2M of single pages on either side of a gigabyte boundary: two last-level tables, two tables above.
    expect(subject.map(G1 - M2, K4, 2 * M2)).toBe(0);
    expect(subject.pagesOut).toBe(pagesOut + 5);
    subject.takeHappened();
    expect(subject.unmap(G1 - M2, 2 * M2)).toBe(2 * M2);
    expect(subject.takeHappened()).toEqual([
      { kind: 'walk', start: G1 - M2, size: 2 * M2, pgsize: K4 },
      { kind: 'free' },
      { kind: 'free' },
    ]);
    // What reaches beyond the range stays: two level-2 tables and the level-1 table.
    expect(subject.pagesOut).toBe(pagesOut + 3);
  });

  it('keeps a table of which the range covers all but one page', () => {
    const subject = new GenericSubject();
    subject.map(0, K4, M2);
    const { pagesOut } = subject;
    expect(subject.unmap(K4, M2 - K4)).toBe(M2 - K4);
    expect(subject.pagesOut).toBe(pagesOut);
    expect(subject.unmap(0, K4)).toBe(K4);
    expect(subject.pagesOut).toBe(pagesOut);
  });

  it('hands the size of the leaves to the invalidation when they have one size and no table goes', () => {
    const subject = new GenericSubject();
    subject.map(0, 0, 4 * M2);
    subject.takeHappened();
    subject.unmap(0, 4 * M2);
    expect(subject.takeHappened()).toEqual([{ kind: 'leaf', start: 0, size: 4 * M2, pgsize: M2 }]);
    subject.map(M2 - K4, M2 - K4, K4 + M2);
    subject.takeHappened();
    subject.unmap(M2 - K4, K4 + M2);
    expect(subject.takeHappened()).toEqual([{ kind: 'walk', start: M2 - K4, size: K4 + M2, pgsize: K4 }]);
  });
});

describe('what one invalidation covers', () => {
  it('is the range asked for, or with no-gaps what has changed', () => {
    const [all, exact] = (['range', 'no-gaps'] as const).map((feature) => {
      const subject = new GenericSubject({}, feature);
      subject.map(0, 0, 2 * K4);
      subject.takeHappened();
      subject.unmap(0, 16 * K4);
      return subject.takeHappened();
    });
    expect(all).toEqual([{ kind: 'leaf', start: 0, size: 16 * K4, pgsize: K4 }]);
    expect(exact).toEqual([{ kind: 'leaf', start: 0, size: 2 * K4, pgsize: K4 }]);
  });

  it('is one range over several replaced tables, or one for each that stands apart', () => {
    const [all, exact] = (['range', 'no-gaps'] as const).map((feature) => {
      const subject = new GenericSubject({}, feature);
      for (const block of [1, 2, 5]) {
        subject.map(block * M2, 0, K4);
        subject.unmap(block * M2, K4);
      }
      subject.takeHappened();
      expect(subject.map(0, 0, 8 * M2)).toBe(0);
      return subject.takeHappened();
    });
    expect(all).toEqual([
      { kind: 'walk', start: M2, size: 5 * M2, pgsize: K4 },
      ...Array<unknown>(3).fill({ kind: 'free' }),
    ]);
    expect(exact).toEqual([
      { kind: 'walk', start: M2, size: 2 * M2, pgsize: K4 },
      { kind: 'free' },
      { kind: 'free' },
      { kind: 'walk', start: 5 * M2, size: M2, pgsize: K4 },
      { kind: 'free' },
    ]);
  });

  it('is nothing for a queued unmap, whose tables still go', () => {
    const subject = new GenericSubject();
    subject.map(0, K4, M2);
    const { pagesOut } = subject;
    subject.takeHappened();
    expect(subject.domain.unmapQueued(0, 0, M2)).toBe(M2);
    expect(subject.takeHappened()).toEqual([{ kind: 'free' }]);
    expect(subject.pagesOut).toBe(pagesOut - 1);
  });
});

describe('boundaries that page-table code has got wrong before', () => {
  it('maps the last page, and the last block, of the address space', () => {
    const subject = new GenericSubject({ ias: 48, oas: 48 });
    const end = 2 ** 48;
    expect(subject.map(end - K4, 0, K4)).toBe(0);
    expect(physical(subject, end - 1)).toBe(K4 - 1);
    expect(subject.unmap(end - K4, K4)).toBe(K4);
    expect(subject.map(end - G1, end - G1, G1)).toBe(0);
    expect(leaves(subject)).toBe(1);
    expect(subject.unmap(end - G1, G1)).toBe(G1);
  });

  it('refuses a range that begins inside the address space and ends outside, and touches nothing', () => {
    const subject = new GenericSubject({ ias: 39, oas: 48 });
    const tree = subject.tree();
    expect(subject.map(G512 - K4, 0, 2 * K4)).toBe(-ERANGE);
    expect(subject.map(0, 2 ** 48 - K4, 2 * K4)).toBe(-ERANGE);
    expect(subject.tree()).toBe(tree);
    subject.map(G512 - K4, 0, K4);
    expect(subject.unmap(G512 - K4, 2 * K4)).toBe(0);
    expect(physical(subject, G512 - K4)).toBe(0);
  });

  it('refuses a range that wraps at 2^64, and one that ends there under TTBR1 is fine', () => {
    const subject = new GenericSubject({ ias: 39, oas: 48, quirks: ['TTBR1'] });
    const top = [0xffffffff, 0xfffff000] as const;
    expect(subject.domain.map(...top, 0, 0, 2 * K4, 3)).toBe(-EOVERFLOW);
    expect(subject.domain.map(...top, 0, 0x5000, K4, 3)).toBe(0);
    expect(iovaToPhys(subject.table, 0xffffffff, 0xfffff008)).toBe(true);
    expect(subject.table.foundLo).toBe(0x5008);
    expect(subject.domain.unmap(...top, 2 * K4)).toBe(0);
    expect(subject.domain.unmap(...top, K4)).toBe(K4);
  });

  it('uses no page size above the start level', () => {
    const subject = new GenericSubject({ ias: 30, oas: 40 });
    expect(subject.map(0, G1, G1)).toBe(0);
    expect(leaves(subject)).toBe(512);
    expect(subject.unmap(0, G1)).toBe(G1);
  });

  it('fills a start table smaller than a page to its end, and not beyond', () => {
    const subject = new GenericSubject({ ias: 32, oas: 40 });
    expect(subject.table.pgdEntries).toBe(4);
    expect(subject.map(3 * G1, 0, 2 * G1)).toBe(-ERANGE);
    expect(subject.map(G1, 4 * G1, 3 * G1)).toBe(0);
    expect(leaves(subject)).toBe(3);
    expect(subject.unmap(G1, 3 * G1)).toBe(3 * G1);
  });

  it('crosses the tables of a concatenated start', () => {
    const subject = new GenericSubject({ format: 'ARM_64_LPAE_S2', ias: 40, oas: 40 });
    expect(subject.table.pgdEntries).toBe(1024);
    expect(subject.map(511 * G1, 511 * G1, 2 * G1)).toBe(0);
    expect(leaves(subject)).toBe(2);
    expect(physical(subject, 513 * G1 - 1)).toBe(513 * G1 - 1);
    expect(subject.unmap(511 * G1, 2 * G1)).toBe(2 * G1);
  });

  // First IOVA, first physical address, bytes, and the leaves that they come to.
  it.each([
    // All sizes of 4K in one range, ascending and descending again.
    [0x3fe400000, 0x3fe400000, 0xc2200000, 20],
    [0x1ff000, 0x1ff000, 0x402000, 4],
    // Offsets in a block that differ allow single pages only.
    [0x200000, 0x80001000, 0x200000, 512],
    [0xfef80000, 0x208b95d000, 0x20000, 32],
    // Blocks of 2M at offsets in a gigabyte that differ.
    [0x40000000, 0x200000, 0x40000000, 512],
    [0x1000, 0x1000, 0x3fffe000, 511 + 510 + 511],
    [0x7fffffff000, 0x7fffffff000, 0x2000, 2],
  ])('maps %s to %s', (iova, paddr, size, count) => {
    const subject = new GenericSubject();
    expect(subject.map(iova, paddr, size)).toBe(0);
    expect(leaves(subject)).toBe(count);
    for (const at of [0, size / 2 - 1, size - 1]) expect(physical(subject, iova + at)).toBe(paddr + at);
    expect(physical(subject, iova - 1)).toBeNull();
    expect(physical(subject, iova + size)).toBeNull();
    // One walk, however many sizes.
    expect(subject.domain.cost.walks).toBe(1);
    expect(subject.unmap(iova, size)).toBe(size);
    expect(subject.domain.cost.walks).toBe(2);
    expect(leaves(subject)).toBe(0);
  });

  it('chooses page sizes as trying them all does', () => {
    const sizes = [K4, M2, G1];
    let checked = 0;
    for (const iova of [0, K4, M2 - K4, M2, G1 - M2, G1]) {
      for (const paddr of [iova, iova + M2, iova + K4, 0, 3 * G1]) {
        for (const size of [K4, 2 * K4, M2 - K4, M2, M2 + K4, 3 * M2, G1]) {
          const subject = new GenericSubject();
          expect(subject.map(iova, paddr, size), hexNumber(iova)).toBe(0);
          let count = 0;
          for (let done = 0; done < size; count++) done += bestPageSize(sizes, iova + done, paddr + done, size - done);
          expect(leaves(subject)).toBe(count);
          checked++;
        }
      }
    }
    expect(checked).toBe(6 * 5 * 7);
  });
});

describe('failures', () => {
  it('leaves the tree as it was when the k-th table cannot be had, for every k', () => {
    const [iova, size] = [G1 - K4, G1 + 2 * M2];
    const asked = new GenericSubject();
    const before = asked.pagesOut;
    expect(asked.map(iova, 2 * K4, size)).toBe(0);
    const tables = asked.pagesOut - before;
    expect(tables).toBeGreaterThan(500);
    const subject = new GenericSubject();
    // Something is there already, so that parts of the way exist.
    subject.map(G1 + 5 * G1, 0, K4);
    const tree = subject.tree();
    const { pagesOut } = subject;
    for (const k of [1, 2, 3, 4, 100, tables - 2, tables - 1]) {
      subject.failIn = k;
      expect(subject.map(iova, 2 * K4, size), `allocation ${k}`).toBe(-ENOMEM);
      expect(subject.tree()).toBe(tree);
      expect(subject.pagesOut).toBe(pagesOut);
      subject.failIn = 0;
    }
    expect(subject.map(iova, 2 * K4, size)).toBe(0);
  });

  it('flushes what a failed map had linked before its tables are freed', () => {
    const subject = new GenericSubject();
    subject.failIn = 3;
    expect(subject.map(0, 0, K4)).toBe(-ENOMEM);
    expect(subject.takeHappened().map(({ kind }) => kind)).toEqual(['alloc', 'alloc', 'walk', 'free', 'free']);
  });

  it('refuses what is not aligned, and a protection that allows nothing', () => {
    const subject = new GenericSubject();
    const tree = subject.tree();
    expect(subject.map(1, 0, K4)).toBe(-EINVAL);
    expect(subject.map(0, 0, K4 + 1)).toBe(-EINVAL);
    expect(subject.map(0, 0, K4, 4)).toBe(-EINVAL);
    expect(subject.map(0, 0, 0)).toBe(0);
    expect(subject.unmap(0, 0)).toBe(0);
    expect(subject.tree()).toBe(tree);
  });

  it('takes a raw call as a range, past the end of a table', () => {
    const subject = new GenericSubject();
    expect(subject.domain.mapPages(0, M2 - K4, 0, M2 - K4, K4, 1025, 3)).toBe(0);
    expect(subject.table.mapped).toBe(1025 * K4);
    // A page, two blocks.
    expect(leaves(subject)).toBe(3);
    expect(subject.domain.unmapPagesSynced(0, M2 - K4, K4, 1025)).toBe(1025 * K4);
    expect(subject.domain.mapPages(0, 0, 0, 0, 3 * K4, 5, 3)).toBe(0);
    expect(leaves(subject)).toBe(15);
    expect(subject.domain.unmapPages(0, 0, K4, 15)).toBe(15 * K4);
  });
});

describe('cache cleans where walks do not snoop', () => {
  it('cleans an entry that links, a run that is written, and the entries of each table that are cleared', () => {
    const subject = new GenericSubject({ coherent: false });
    const { counters } = subject.table;
    subject.map(0, K4, M2);
    // Three links and two runs: 512 pages take one run of the last level.
    expect(counters[C.PT_SYNCS]).toBe(3 + 1);
    subject.unmap(0, M2);
    expect(counters[C.PT_SYNCS]).toBe(4 + 2);
    expect(counters[C.DMA_MAPS] - counters[C.DMA_UNMAPS]).toBe(subject.pagesOut);
  });
});

describe('arguments beyond the protection', () => {
  it('stand in the leaves as those of io-pgtable-arm do', () => {
    const subject = new GenericSubject();
    const prot = PROT_READ | PROT_WRITE | packArguments({ sh: 'outer', attrIndex: 3, sw: 5, contig: true });
    expect(subject.map(M2, 0, M2, prot)).toBe(0);
    const arm = makeDomain(configFor('7.1'));
    expect(arm.domain.map(...halves(M2), 0, 0, M2, prot)).toBe(0);
    // But for the contiguous hint, of which one block is no run.
    const leaf = (tree: readonly string[]): string | undefined => tree.find((line) => line.startsWith('L2'));
    expect(leaf(subject.tree().split('\n'))).toContain('pte=');
    expect(leaf(subject.tree().split('\n'))).toBe(leaf(treeLines(arm.table)));
    expect(subject.map(8 * M2, 0, M2, PROT_READ | packArguments({ attrIndex: 9 }))).toBe(-EINVAL);
  });
});
