import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { XeVm } from '../../../../src/gpuvm/drivers/xe/xe.ts';
import * as N from '../../../../src/gpuvm/gpu-counters.ts';
import type { GpuJob } from '../../../../src/gpuvm/gpu-job.ts';
import * as C from '../../../../src/lpae/counters.ts';
import {
  type Backing,
  drawOps,
  expectFastMaps,
  expectNothingLeft,
  expectPages,
  G,
  K,
  M,
  NaivePages,
  opOf,
  Rig,
  scatteredPages,
  submitShort,
} from '../own-rig.ts';
import { XeByHand } from './by-hand.ts';

/** A border of tables of every level but the root lies in the middle. */
const BASE = 512 * G - 8 * M;
const REACH = 16 * M;
const BYTES = 16 * M;
const OBJECTS: Backing = {
  whole: { segments: [[0x200000000, BYTES]] },
  shifted: { segments: [[0x300010000, BYTES]] },
  halves: {
    segments: [
      [0x400000000, 3 * M],
      [0x500000000, 13 * M],
    ],
  },
  small: { segments: scatteredPages(BYTES) },
  giant: { segments: [[0x4000000000, 4 * G]] },
};
const IDS = ['whole', 'shifted', 'halves', 'small'];
const rigOf = (): Rig<XeVm> => new Rig(OBJECTS, (parts) => new XeVm(parts));

describe('xe', () => {
  it('maps what a map of pages says, with the fewest tables that its leaves need', () => {
    fc.assert(
      fc.property(fc.array(drawOps(BASE, REACH, IDS, BYTES), { minLength: 1, maxLength: 12 }), (draws) => {
        const rig = rigOf();
        const naive = new NaivePages();
        const byHand = new XeByHand();
        for (const draw of draws) {
          const op = opOf(rig, draw);
          const before = rig.own(C.TABLE_ALLOCS);
          const bytes = rig.counter(N.BYTES_REMAPPED);
          const changed = rig.counter(N.BYTES_CHANGED) + naive.changedBy(op);
          const job = rig.sync(op);
          expect(job.ret).toBe(0);
          expect(job.reserved).toBe(rig.own(C.TABLE_ALLOCS) - before);
          expect(job.used).toBe(job.reserved);
          expect(rig.counter(N.BYTES_CHANGED)).toBe(changed);
          naive.apply(op);
          byHand.apply(op);
          expect(rig.counter(N.BYTES_REMAPPED) - bytes).toBe(byHand.rebound);
          expect(rig.live).toEqual(byHand.tables);
        }
        expectPages(rig, naive, BASE, REACH);
        const census = rig.vm.own.census();
        expect(census.tables).toEqual(rig.live);
        expect(census.leaves).toEqual(byHand.leaves);
        expect(census.emptyTables).toBe(0);
        expectNothingLeft(rig);
      }),
      { seed: 1501, numRuns: 200 },
    );
  });

  it('changes the translation when jobs run, in the order of submission', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(drawOps(BASE, REACH, IDS, BYTES), { minLength: 1, maxLength: 3 }), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.array(fc.constantFrom('run', 'free', 'check'), { maxLength: 16 }),
        (batches, turns) => {
          const rig = rigOf();
          const now = new NaivePages();
          const jobs: GpuJob[] = [];
          let ran = 0;
          let freed = 0;
          const step = (turn: string): void => {
            if (turn === 'run' && ran < jobs.length) {
              const job = jobs[ran++];
              rig.vm.run(job);
              for (const op of job.ops) now.apply(op);
            } else if (turn === 'free' && freed < ran) rig.vm.cleanup(jobs[freed++]);
            else if (turn === 'check') expectPages(rig, now, BASE, REACH);
          };
          for (const [at, draws] of batches.entries()) {
            const job = rig.job(...draws.map((draw) => opOf(rig, draw)));
            rig.vm.submit(job);
            expect(job.ret).toBe(0);
            jobs.push(job);
            step(turns[2 * at] ?? 'run');
            step(turns[2 * at + 1] ?? 'free');
          }
          while (freed < jobs.length) {
            step('run');
            step('free');
          }
          expectPages(rig, now, BASE, REACH);
          expect(rig.vm.own.census().emptyTables).toBe(0);
          expectNothingLeft(rig);
        },
      ),
      { seed: 1502, numRuns: 150 },
    );
  });

  it('undoes a submission in which any table allocation fails', () => {
    fc.assert(
      fc.property(
        fc.array(drawOps(BASE, REACH, IDS, BYTES), { maxLength: 5 }),
        fc.array(drawOps(BASE, REACH, IDS, BYTES), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (before, draws, late) => {
          for (let nth = 1; ; nth++) {
            const rig = rigOf();
            const naive = new NaivePages();
            const waiting: GpuJob[] = [];
            for (const draw of before) {
              const op = opOf(rig, draw);
              const job = rig.job(op);
              rig.vm.submit(job);
              if (late) waiting.push(job);
              else rig.vm.cleanup(job);
              naive.apply(op);
            }
            const job = submitShort(rig, draws, nth);
            if (job === null) return;
            for (const earlier of waiting) rig.vm.cleanup(earlier);
            expectPages(rig, naive, BASE, REACH);
            const again = rig.job(...job.ops);
            rig.vm.runSync(again);
            expect(again.ret).toBe(0);
            for (const op of job.ops) naive.apply(op);
            expectPages(rig, naive, BASE, REACH);
            expectNothingLeft(rig);
          }
        },
      ),
      { seed: 1503, numRuns: 40 },
    );
  });

  it('maps 1G and 2M where address and memory allow it', () => {
    const rig = rigOf();
    rig.sync(rig.map(G, 3 * G, 'giant'));
    expect(rig.live).toEqual([1, 1, 0, 0]);
    expect(rig.own(C.LEAVES_WRITTEN)).toBe(3);
    expect(rig.vm.lineOfTables()).toBe(',"live":[1,0,0],"blocks":3,"ptes":0,"vmas":1,"unusable":0');
    expect(rig.vm.translate(2 * G + 12345)).toBe(0x4000000000 + G + 12345);
    // 4K into a gigabyte: 511 blocks of 2M and 511 pages remain of it, and the other two stay.
    rig.sync(rig.unmap(2 * G, 4 * K));
    expect(rig.live).toEqual([1, 1, 1, 1]);
    expect(rig.vm.own.census().leaves).toEqual([0, 2, 511, 511]);
    // Askew by 2M: no gigabytes.
    rig.sync(rig.unmap(0, 8 * G));
    expect(rig.live).toEqual([1, 0, 0, 0]);
    rig.sync(rig.map(G, 2 * G, 'giant', 2 * M));
    expect(rig.vm.own.census().leaves).toEqual([0, 0, 1024, 0]);
    rig.sync(rig.zeros(G, 2 * G));
    expect(rig.vm.own.census().leaves).toEqual([0, 2, 0, 0]);
    expect(rig.vm.translate(G)).toBe(-1);
  });

  it.each([
    // object, its size, hole: operations and bytes bound anew
    ['whole', 8 * M, 2 * M, 2 * M, 1, 0],
    ['whole', 8 * M, 2 * M, M, 2, 5 * M],
    ['whole', 8 * M, M, 3 * M, 2, M],
    ['whole', 8 * M, M, M, 2, M],
    ['whole', 8 * M, M, 2 * M, 3, 6 * M],
    ['whole', 8 * M, 0, 2 * M, 1, 0],
    ['whole', 8 * M, 0, 64 * K, 2, 8 * M - 64 * K],
    ['shifted', 8 * M, 64 * K, 128 * K, 1, 0],
    ['shifted', 8 * M, 68 * K, 60 * K, 2, 68 * K],
    ['small', 8 * M, 4 * K, 8 * K, 1, 0],
  ] as const)('%s of %i: a hole at %i of %i bytes costs %i operations', (id, size, hole, bytes, ops, rebound) => {
    const rig = rigOf();
    rig.sync(rig.map(0, size, id));
    const before = rig.counter(N.PT_OPS);
    rig.sync(rig.unmap(hole, bytes));
    expect(rig.counter(N.PT_OPS) - before).toBe(ops);
    expect(rig.counter(N.BYTES_REMAPPED)).toBe(rebound);
    expect(rig.own(C.MAPPED_BYTES)).toBe(size - bytes);
    // What has been skipped keeps the size it is judged by.
    expect(rig.sync(rig.unmap(0, 16 * M)).ret).toBe(0);
    expect(rig.live).toEqual([1, 0, 0, 0]);
  });

  it('takes a VMA that the same call has mapped for one of gigabytes', () => {
    const rig = rigOf();
    rig.sync(rig.map(0, 8 * M, 'small'), rig.unmap(4 * M, 4 * K));
    // Map, unmap, and both sides anew: nothing is known yet of the pages that it will use.
    expect(rig.counter(N.PT_OPS)).toBe(4);
    expect(rig.own(C.MAPPED_BYTES)).toBe(8 * M - 4 * K);
  });

  it('counts the runs of entries that a job writes', () => {
    const rig = rigOf();
    const runs = (run: () => unknown): number => {
      const before = rig.counter(N.ENTRY_RUNS);
      run();
      return rig.counter(N.ENTRY_RUNS) - before;
    };
    // An empty tree: one entry of the root.
    expect(runs(() => rig.sync(rig.map(0, 4 * M, 'small')))).toBe(1);
    // A table that is there, and the one above for the next.
    expect(runs(() => rig.sync(rig.map(4 * M, 3 * M, 'small')))).toBe(1);
    expect(runs(() => rig.sync(rig.map(7 * M, 2 * M, 'small')))).toBe(2);
    // Entries of one table; then of two, and the one between them in the table above.
    expect(runs(() => rig.sync(rig.unmap(7 * M, 64 * K)))).toBe(1);
    expect(runs(() => rig.sync(rig.unmap(M, 4 * M)))).toBe(3);
  });

  it('invalidates once for a call with any unbind, the range around all', () => {
    const rig = rigOf();
    rig.sync(rig.map(0, 64 * K, 'small'), rig.map(8 * M, 64 * K, 'small'));
    expect(rig.counter(N.INVALIDATION_JOBS)).toBe(0);
    // Two pages: 4K entries, rounded to a power of two that is aligned.
    rig.sync(rig.unmap(4 * K, 8 * K));
    expect(rig.log).toEqual(['TLB_INVAL 0 16384']);
    // A page at either end: 8M + 64K in between become 16M.
    rig.sync(rig.unmap(0, 4 * K), rig.unmap(8 * M + 60 * K, 4 * K), rig.map(16 * M, 4 * K, 'small'));
    expect(rig.log.at(-1)).toBe(`TLB_INVAL 0 ${32 * M}`);
    expect(rig.counter(N.INVALIDATION_JOBS)).toBe(2);
    // A map over what is there is an unbind; the table goes, which is an entry of 2M, and 2M are 16M.
    rig.sync(rig.map(8 * M, 2 * M, 'whole'));
    expect(rig.log.at(-1)).toBe(`TLB_INVAL 0 ${16 * M}`);
    expect(rig.counter(N.INVALIDATION_JOBS)).toBe(3);
    expect(rig.counter(N.BYTES_LOCKED)).toBe(16 * K + 48 * M);
    rig.sync(rig.unmap(G, G));
    expect(rig.counter(N.INVALIDATION_JOBS)).toBe(3);
  });

  it('frees what a job unlinks when it has run', () => {
    const rig = rigOf();
    rig.sync(rig.map(0, 4 * M, 'small'));
    const { live } = rig;
    const job = rig.job(rig.unmap(0, 4 * M));
    rig.vm.submit(job);
    expect(rig.live).toEqual(live);
    expect(rig.vm.translate(0)).not.toBe(-1);
    // What comes next builds beside what is going.
    const next = rig.job(rig.map(0, 2 * M, 'whole'));
    rig.vm.submit(next);
    expect(next.reserved).toBe(2);
    expect(rig.live).toEqual([1, 2, 2, 2]);
    expect(rig.vm.own.census().emptyTables).toBe(2);
    rig.vm.run(next);
    expect(rig.live).toEqual([1, 1, 1, 0]);
    expect(rig.vm.translate(M)).toBe(0x200000000 + M);
  });

  it('is killed by a failure at the commit', () => {
    const rig = rigOf();
    rig.sync(rig.map(0, 64 * K, 'small'));
    const { live } = rig;
    rig.vm.failCommit = true;
    expect(rig.sync(rig.map(2 * M, 64 * K, 'small'), rig.unmap(0, 4 * K))).toMatchObject({ ret: -12, failedOp: 0 });
    expect(rig.vm.unusable).not.toBeNull();
    expect(rig.sync(rig.unmap(0, 64 * K)).ret).toBe(-2);
    expect(rig.live).toEqual(live);
    expect(rig.vm.lineOfTables()).toBe(',"live":[1,1,1],"blocks":0,"ptes":16,"vmas":1,"unusable":1');
    expectNothingLeft(rig);
  });

  it('refuses what the ioctl refuses, and more than 48 bits', () => {
    const rig = rigOf();
    for (const op of [
      rig.map(2 ** 48 - 4 * K, 8 * K, 'small'),
      rig.map(0, 0, 'small'),
      rig.map(0, BYTES, 'small', 4 * K),
      { ...rig.map(0, 4 * K, 'small'), aligned: false },
      rig.unmap(0, 0),
    ]) {
      expect(rig.sync(rig.map(0, 4 * K, 'small'), op)).toMatchObject({ ret: -22, failedOp: 1 });
      expect(rig.vm.vmas.size).toBe(0);
    }
    expect(() => new Rig(OBJECTS, (parts) => new XeVm(parts), { ias: 57 })).toThrow(/up to 48 here, not 57/);
  });

  it('leaves a job that never ran as it is when the trace ends', () => {
    const rig = rigOf();
    rig.sync(rig.map(0, 2 * M, 'small'));
    const job = rig.job(rig.unmap(0, 2 * M), rig.map(4 * M, 4 * K, 'small'));
    rig.vm.submit(job);
    const { live } = rig;
    rig.vm.abandon(job);
    expect([rig.vm.translate(0), rig.vm.translate(4 * M)]).toEqual([0x40000000, -1]);
    expect(rig.live).toEqual(live);
    expect([job.used, rig.counter(N.INVALIDATION_JOBS)]).toEqual([0, 0]);
    expectNothingLeft(rig);
  });

  it('has no calls for ranges: jobs write runs of entries', () => {
    const rig = rigOf();
    rig.sync(rig.map(0, 4 * M, 'small'));
    rig.sync(rig.unmap(0, 4 * M));
    expect(rig.counter(N.ENTRY_RUNS)).toBeGreaterThan(1);
    expect([rig.own(C.MAP_CALLS), rig.own(C.UNMAP_CALLS), rig.vm.own.countsCalls]).toEqual([0, 0, false]);
  });

  it('answers a map of 64 KiB within microseconds', () => {
    expectFastMaps(rigOf(), 'small');
  });
});
