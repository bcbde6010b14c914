import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BufferObject } from '../../../../src/gpuvm/buffer-object.ts';
import { OOPS, PvrOpContext } from '../../../../src/gpuvm/drivers/pvr/op-context.ts';
import { PvrTables } from '../../../../src/gpuvm/drivers/pvr/tables.ts';
import * as C from '../../../../src/lpae/counters.ts';
import { G, K, M, PAGE, PvrBench } from './vm.ts';

/** Pages as a plain map, by page number, and what the driver is known to answer, page by page. */
class NaivePages {
  readonly pages = new Map<number, number>();
  /** Pages by 2 MiB slot: a slot has a table while it has pages. */
  readonly slots = new Map<number, number>();
  vmas: { start: number; end: number }[] = [];

  #hasDirectory(page: number): boolean {
    return [...this.slots.keys()].some((slot) => slot >> 9 === page >> 18);
  }

  #set(page: number, paddr: number): void {
    this.pages.set(page, paddr);
    this.slots.set(page >> 9, (this.slots.get(page >> 9) ?? 0) + 1);
  }

  #clear(page: number): void {
    if (!this.pages.delete(page)) return;
    const left = (this.slots.get(page >> 9) as number) - 1;
    if (left === 0) this.slots.delete(page >> 9);
    else this.slots.set(page >> 9, left);
  }

  /** False: a page behind the first has no table. */
  #unmapPages(start: number, end: number): boolean {
    for (let page = start; page < end; page++) {
      if (page > start && !this.slots.has(page >> 9)) return false;
      this.#clear(page);
    }
    return true;
  }

  unmap(start: number, end: number): number | 'oops' {
    if (!this.vmas.some((vma) => vma.start === start && vma.end === end)) return -2;
    if (!this.#unmapPages(start, end)) return 'oops';
    this.vmas = this.vmas.filter((vma) => vma.start !== start);
    return 0;
  }

  map(start: number, end: number, object: BufferObject, offset: number, l1: number, l0: number): number | 'oops' {
    for (const vma of this.vmas.filter((one) => one.start < end && one.end > start)) {
      const from = Math.max(vma.start, start);
      const to = Math.min(vma.end, end);
      if (!this.#unmapPages(from, to)) return 'oops';
      this.vmas.splice(this.vmas.indexOf(vma), 1);
      if (vma.start < from) this.vmas.push({ start: vma.start, end: from });
      if (to < vma.end) this.vmas.push({ start: to, end: vma.end });
    }
    const written: number[] = [];
    const segmentOf = (page: number) => object.segmentAt(offset + (page - start) * PAGE);
    let [leftDirectories, leftTables] = [l1, l0];
    for (let page = start; page < end; page++) {
      if (!this.slots.has(page >> 9)) {
        const directory = this.#hasDirectory(page) ? 0 : 1;
        leftDirectories -= directory;
        leftTables--;
        if (leftDirectories < 0 || leftTables < 0) {
          const inside = page > start && segmentOf(page) === segmentOf(page - 1);
          const last = segmentOf(page) === segmentOf(end - 1);
          if (inside && !last) return 'oops';
          for (const one of written) if (!inside || segmentOf(one) === segmentOf(page)) this.#clear(one);
          if (page === start) return -22;
          if (!inside) return -12;
          break;
        }
      }
      this.#set(page, object.paddrAt(offset + (page - start) * PAGE));
      written.push(page);
    }
    this.vmas.push({ start, end });
    return 0;
  }
}

const FIRST = (G - 4 * M) / PAGE;

describe('page tables of PowerVR', () => {
  it('hold what a plain map holds, and go exactly when they are empty', () => {
    const answers = new Map<unknown, number>();
    const step = fc.record({
      at: fc.oneof(fc.nat(2047), fc.constantFrom(0, 511, 512, 1023, 1024, 1025, 1536)),
      pages: fc.oneof(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 1200 })),
      object: fc.nat(2),
      skip: fc.constantFrom(0, 1, 511, 512, 700),
      unmap: fc.option(fc.nat(9), { nil: null }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) => {
        const bench = new PvrBench();
        bench.declare('o0', 16 * M, 16 * M);
        bench.declare('o1', 16 * M, M, 2 ** 35);
        bench.declare('o2', 16 * M, 52 * K, 2 ** 36);
        const naive = new NaivePages();
        const { own, vmas } = bench.vm;
        for (const { at, pages, object, skip, unmap } of steps) {
          let want: number | 'oops';
          let job: { ret: number; oops: boolean };
          const vma = unmap === null ? undefined : naive.vmas[unmap];
          if (vma !== undefined) {
            job = bench.unmap(vma.start * PAGE, (vma.end - vma.start) * PAGE);
            want = naive.unmap(vma.start, vma.end);
          } else {
            const start = FIRST + at;
            const id = `o${object}`;
            job = bench.map(id, start * PAGE, pages * PAGE, skip * PAGE);
            const { reservedL1, reservedL0 } = bench.line() as { reservedL1: number; reservedL0: number };
            const bo = bench.objects.get(id) as BufferObject;
            want = naive.map(start, start + pages, bo, skip * PAGE, reservedL1, reservedL0);
          }
          answers.set(want, (answers.get(want) ?? 0) + 1);
          expect(job.oops ? 'oops' : job.ret).toBe(want);
          if (want === 'oops') break;
          const slots = [...naive.slots.keys()];
          const directories = new Set(slots.map((slot) => slot >> 9));
          expect(bench.line()).toMatchObject({ live: [0, directories.size, slots.length], ptes: naive.pages.size });
          for (const [slot, used] of naive.slots) {
            const directory = own.directoryOf(slot << 9);
            expect(directory && own.tableOf(directory, slot << 9)?.used).toBe(used);
            expect(directory?.used).toBe(slots.filter((other) => other >> 9 === slot >> 9).length);
          }
          for (const [page, paddr] of naive.pages) {
            if (own.translate(page * PAGE + 8) !== paddr + 8) expect(own.translate(page * PAGE + 8)).toBe(paddr + 8);
          }
          const spans = [...vmas].map((one) => ({ start: vmas.start[one] / PAGE, end: vmas.end[one] / PAGE }));
          expect(spans).toEqual(naive.vmas.sort((a, b) => a.start - b.start));
          expect(own.census().emptyTables).toBe(0);
        }
        bench.vm.destroy();
        expect(own.counters[C.TABLES_LIVE]).toBe(0);
        expect(own.counters[C.LEAVES_CLEARED]).toBe(own.counters[C.LEAVES_WRITTEN]);
      }),
      { seed: 7, numRuns: 250 },
    );
    // Every kind of answer was met. The first page never lacks a table here: counts of 0 need 1 GiB.
    expect([...answers.keys()].map(String).sort()).toEqual(['-12', '0', 'oops']);
    expect(answers.get(0)).toBeGreaterThan(1000);
  });

  it('count what is missing below a range as a look at each slot does', () => {
    const tables = new PvrTables();
    const context = new PvrOpContext(tables);
    const bench = new PvrBench();
    bench.declare('b', 4 * G, 4 * G);
    const object = bench.objects.get('b') as BufferObject;
    const range = fc.record({ slot: fc.nat(1600), slots: fc.integer({ min: 1, max: 300 }) });
    fc.assert(
      fc.property(range, range, (mapped, asked) => {
        context.begin(4, 512);
        // One page in every fourth slot.
        for (let slot = mapped.slot; slot < mapped.slot + mapped.slots; slot += 4) {
          expect(context.map(slot * 512, object, 0, PAGE)).toBe(0);
        }
        context.end();
        tables.missing(asked.slot * 512 + 511, (asked.slots - 1) * 512 + 1);
        const slots = Array.from({ length: asked.slots }, (_, i) => asked.slot + i);
        const has = (slot: number) =>
          slot >= mapped.slot && slot < mapped.slot + mapped.slots && (slot - mapped.slot) % 4 === 0;
        const directories = new Set(slots.map((slot) => slot >> 9));
        for (let slot = 0; slot < 2048; slot++) if (has(slot)) directories.delete(slot >> 9);
        expect(tables.missingTables).toBe(slots.filter((slot) => !has(slot)).length);
        expect(tables.missingDirectories).toBe(directories.size);
        context.begin(0, 0);
        for (let slot = mapped.slot; slot < mapped.slot + mapped.slots; slot += 4) context.unmap(slot * 512, 1);
        context.end();
        expect([tables.directories, tables.tables]).toEqual([0, 0]);
      }),
      { seed: 8, numRuns: 200 },
    );
  });
});

describe('an entry that is there', () => {
  function contextWithPage(page: number): {
    context: PvrOpContext;
    tables: PvrTables;
    object: (segment: number) => BufferObject;
  } {
    const tables = new PvrTables();
    const context = new PvrOpContext(tables);
    const bench = new PvrBench();
    const object = (segment: number): BufferObject => {
      bench.declare('b', M, segment);
      return bench.objects.get('b') as BufferObject;
    };
    context.begin(2, 2);
    context.map(page, object(M), 0, PAGE);
    return { context, tables, object };
  }

  it('is refused on the first page of a segment, and what came before goes', () => {
    const { context, tables, object } = contextWithPage(8);
    expect(context.map(8, object(M), 0, PAGE)).toBe(-17);
    expect(context.map(4, object(4 * PAGE), 0, 8 * PAGE)).toBe(-17);
    expect(tables.pages).toBe(1);
    expect(tables.translate(8 * PAGE)).toBe(0);
  });

  it('is passed over in silence inside of the last segment', () => {
    const { context, tables, object } = contextWithPage(8);
    expect(context.map(6, object(M), 0, 8 * PAGE)).toBe(0);
    expect(tables.pages).toBe(1);
  });

  it('inside of an earlier segment is taken back with the segment that was not mapped', () => {
    const { context, tables, object } = contextWithPage(8);
    context.map(20, object(M), 0, PAGE);
    // Back at page 7, the cursor steps onto the entry at 8 once more, now as the first page of the next segment.
    expect(context.map(6, object(4 * PAGE), 0, 8 * PAGE)).toBe(-17);
    expect([tables.translate(8 * PAGE), tables.translate(20 * PAGE)]).toEqual([-1, 0]);
  });

  it('is taken back twice, the second time from a table that is unlinked already', () => {
    const { context, tables, object } = contextWithPage(512);
    // Pages 508 to 511 get a table of their own.
    expect(context.map(508, object(8 * PAGE), 0, 16 * PAGE)).toBe(OOPS);
    context.end();
    expect(tables.census()).toEqual({ tables: [0, 1, 0, 0], leaves: [0, 0, 0, 0], emptyTables: 0 });
  });
});
