import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NouveauVm } from '../../../../src/gpuvm/drivers/nouveau/nouveau.ts';
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

/** A border of PD0 and of PD1 lies in the middle. */
const BASE = 512 * G - 8 * M;
const REACH = 16 * M;
const BYTES = 16 * M;
const scattered = scatteredPages(BYTES);
const OBJECTS: Backing = {
  huge: {
    folio: 2 * M,
    segments: [
      [0x200000000, 8 * M],
      [0x300000000, 8 * M],
    ],
  },
  big: { segments: [[0x100010000, BYTES]] },
  small: { segments: scattered },
};
const IDS = Object.keys(OBJECTS);
const rigOf = (kernel: '7.1' | '6.12' = '7.1'): Rig<NouveauVm> =>
  new Rig(OBJECTS, (parts) => new NouveauVm(parts), { kernel });

/** Keys of the tables that references to entries of [start, end) need. */
function addTables(keys: Set<string>, start: number, end: number, shift: number): void {
  for (let slot = Math.floor(start / (2 * M)); slot * 2 * M < end; slot++) {
    const at = slot * 2 * M;
    keys.add(`0:${Math.floor(at / 2 ** 47)}`);
    keys.add(`1:${Math.floor(at / 2 ** 38)}`);
    keys.add(`2:${Math.floor(at / 2 ** 29)}`);
    if (shift < 21) keys.add(`3:${slot}:${shift}`);
  }
}

/** Tables by level: PD2 counts as level 0, like the root. */
function countTables(keys: Set<string>): number[] {
  const live = [1, 0, 0, 0];
  for (const key of keys) live[Number(key[0])]++;
  return live;
}

function tablesOfVmas({ vm }: Rig<NouveauVm>): Set<string> {
  const keys = new Set<string>();
  for (const vma of vm.vmas) addTables(keys, vm.vmas.start[vma], vm.vmas.end[vma], vm.vmas.flags[vma]);
  return keys;
}

describe('nouveau', () => {
  it.each(['7.1', '6.12'] as const)(
    'maps what a map of pages says, with the tables that references need: %s',
    (kernel) => {
      fc.assert(
        fc.property(fc.array(drawOps(BASE, REACH, IDS, BYTES), { minLength: 1, maxLength: 12 }), (draws) => {
          const rig = rigOf(kernel);
          const naive = new NaivePages();
          for (const draw of draws) {
            const before = rig.own(C.TABLE_ALLOCS);
            const op = opOf(rig, draw);
            const changed = rig.counter(N.BYTES_CHANGED) + naive.changedBy(op);
            const job = rig.sync(op);
            expect(job.ret).toBe(0);
            expect(job.reserved).toBe(rig.own(C.TABLE_ALLOCS) - before);
            expect(job.used).toBe(job.reserved);
            expect(rig.counter(N.BYTES_CHANGED)).toBe(changed);
            naive.apply(op);
          }
          expectPages(rig, naive, BASE, REACH);
          expect(rig.live).toEqual(countTables(tablesOfVmas(rig)));
          const census = rig.vm.own.census();
          expect(census.tables).toEqual(rig.live);
          expect(census.emptyTables).toBe(0);
          expect(census.leaves[2]).toBe(rig.vm.own.blocks);
          expectNothingLeft(rig);
        }),
        { seed: 1401, numRuns: 150 },
      );
    },
  );

  it('has VMAs and references at submission, entries at the run, and drops references at the cleanup', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(drawOps(BASE, REACH, IDS, BYTES), { minLength: 1, maxLength: 3 }), {
          minLength: 1,
          maxLength: 8,
        }),
        fc.array(fc.constantFrom('run', 'free'), { maxLength: 16 }),
        (batches, turns) => {
          const rig = rigOf();
          const now = new NaivePages();
          const jobs: GpuJob[] = [];
          /** What references each submission held when it came: those that it did away with go with its cleanup. */
          let ran = 0;
          let freed = 0;
          const held: Set<string>[] = [];
          const step = (turn: 'run' | 'free'): void => {
            if (turn === 'run' && ran < jobs.length) {
              const job = jobs[ran++];
              rig.vm.run(job);
              for (const op of job.ops) now.apply(op);
            } else if (turn === 'free' && freed < ran) rig.vm.cleanup(jobs[freed++]);
          };
          for (const [at, draws] of batches.entries()) {
            const job = rig.job(...draws.map((draw) => opOf(rig, draw)));
            held.push(tablesOfVmas(rig));
            rig.vm.submit(job);
            expect(job.ret).toBe(0);
            jobs.push(job);
            step(turns[2 * at] ?? 'run');
            step(turns[2 * at + 1] ?? 'free');
            // No table of a VMA is missing, and none is there that no VMA since the oldest job has needed.
            const live = rig.live;
            const least = countTables(tablesOfVmas(rig));
            const most = countTables(new Set([...held.slice(freed), tablesOfVmas(rig)].flatMap((keys) => [...keys])));
            const plain = jobs.slice(freed).every(({ ops }) => ops.length === 1);
            for (const level of [0, 1, 2, 3]) {
              expect(live[level]).toBeGreaterThanOrEqual(least[level]);
              if (plain) expect(live[level]).toBeLessThanOrEqual(most[level]);
            }
          }
          while (freed < jobs.length) {
            step('run');
            step('free');
          }
          expectPages(rig, now, BASE, REACH);
          expect(rig.live).toEqual(countTables(tablesOfVmas(rig)));
          expectNothingLeft(rig);
        },
      ),
      { seed: 1402, numRuns: 150 },
    );
  });

  it('undoes a submission in which any table allocation fails', () => {
    fc.assert(
      fc.property(
        fc.array(drawOps(BASE, REACH, IDS, BYTES), { maxLength: 5 }),
        fc.array(drawOps(BASE, REACH, IDS, BYTES), { minLength: 1, maxLength: 3 }),
        (before, draws) => {
          let failures = 0;
          for (let nth = 1; ; nth++) {
            const rig = rigOf();
            const naive = new NaivePages();
            for (const draw of before) {
              const op = opOf(rig, draw);
              rig.sync(op);
              naive.apply(op);
            }
            const job = submitShort(rig, draws, nth);
            if (job === null) return;
            failures++;
            expect(failures).toBe(nth);
            rig.vm.cleanup(job);
            expectPages(rig, naive, BASE, REACH);
            // The space goes on as if nothing had been.
            const again = rig.job(...job.ops);
            rig.vm.own.failAllocIn = 0;
            rig.vm.runSync(again);
            expect(again.ret).toBe(0);
            expect(rig.live).toEqual(countTables(tablesOfVmas(rig)));
            expectNothingLeft(rig);
          }
        },
      ),
      { seed: 1403, numRuns: 40 },
    );
  });

  it.each([
    // object, address, size, offset, page shift
    ['huge', 0, 2 * M, 0, 21],
    ['huge', 0, 4 * M, 2 * M, 21],
    ['huge', 64 * K, 2 * M, 0, 16],
    ['huge', 0, 2 * M, 64 * K, 16],
    ['huge', 0, 2 * M + 64 * K, 0, 16],
    ['huge', 4 * K, 2 * M, 0, 12],
    ['huge', 0, 2 * M, 4 * K, 12],
    ['huge', 0, 4 * K, 0, 12],
    ['big', 0, 2 * M, 0, 16],
    ['big', 64 * K, 64 * K, 128 * K, 16],
    ['big', 0, 68 * K, 0, 12],
    ['small', 0, 2 * M, 0, 12],
  ] as const)('chooses pages by object and alignment: %s at %i, %i bytes from %i', (id, start, size, offset, shift) => {
    for (const kernel of ['7.1', '6.12'] as const) {
      const rig = rigOf(kernel);
      expect(rig.sync(rig.map(start, size, id, offset)).ret).toBe(0);
      const [vma] = [...rig.vm.vmas];
      const chosen = kernel === '6.12' ? 12 : shift;
      expect(rig.vm.vmas.flags[vma]).toBe(chosen);
      expect(rig.own(C.LEAVES_WRITTEN)).toBe(size / 2 ** chosen);
    }
  });

  it('keeps up to eight idle pages, and cuts pages into 16 tables of 64K pages', () => {
    const rig = rigOf();
    const occupied = (): number => rig.own(C.BYTES_OCCUPIED) / 4096;
    // Root, PD2, PD1, PD0, and one page for 8 tables of 64K pages.
    rig.sync(rig.map(0, 16 * M, 'big'));
    expect(rig.live).toEqual([2, 1, 1, 8]);
    expect(occupied()).toBe(5);
    expect(rig.own(C.BYTES_LOGICAL)).toBe(32 + 3 * 4096 + 8 * 256);
    rig.sync(rig.map(16 * M, 16 * M, 'big'));
    expect(occupied()).toBe(5);
    rig.sync(rig.map(32 * M, 2 * M, 'big'));
    expect(occupied()).toBe(6);
    // All go: PD0, PD1, PD2 and both cut pages stay as idle ones.
    rig.sync(rig.unmap(0, 64 * M));
    expect(rig.live).toEqual([1, 0, 0, 0]);
    expect(occupied()).toBe(6);
    // Five idle pages are taken again, three new ones come: 3 directories and 5 tables.
    rig.sync(rig.map(0, 10 * M, 'small'));
    expect(occupied()).toBe(1 + 8);
    rig.sync(rig.map(16 * M, 6 * M, 'small'));
    expect(occupied()).toBe(1 + 11);
    // Of eleven that go eight stay.
    rig.sync(rig.unmap(0, 64 * M));
    expect(occupied()).toBe(1 + 8);
    expect(rig.own(C.BYTES_OCCUPIED_PEAK)).toBe(12 * 4096);
    expectNothingLeft(rig);
  });

  it('leaves entries of a mapping that goes on as it is, and clears others', () => {
    const rig = rigOf();
    rig.sync(rig.map(64 * K, 64 * K, 'big', 64 * K));
    const kept = rig.counter(N.STEPS_KEPT);
    const calls = rig.own(C.UNMAP_CALLS);
    rig.sync(rig.map(0, 256 * K, 'big', 0));
    expect(rig.counter(N.STEPS_KEPT)).toBe(kept + 1);
    expect(rig.own(C.UNMAP_CALLS)).toBe(calls);
    // The same object elsewhere, and a cut that goes on: both are cleared.
    rig.sync(rig.map(0, 256 * K, 'big', 64 * K));
    expect(rig.own(C.UNMAP_CALLS)).toBe(calls + 1);
    rig.sync(rig.map(0, 128 * K, 'big', 64 * K));
    expect(rig.own(C.UNMAP_CALLS)).toBe(calls + 2);
    expect(rig.counter(N.STEPS_KEPT)).toBe(kept + 1);
    // It goes on, but in other pages.
    rig.sync(rig.map(128 * K, 260 * K, 'big', 192 * K));
    expect(rig.counter(N.STEPS_KEPT)).toBe(kept + 1);
    expect(rig.own(C.UNMAP_CALLS)).toBe(calls + 3);
    expect(rig.vm.translate(130 * K)).toBe(0x100010000 + 194 * K);
  });

  it('flushes once for each change of entries or directories, and for each chain of tables that goes', () => {
    const rig = rigOf();
    const flushes = (run: () => unknown): number => {
      const before = rig.counter(N.VMM_FLUSHES);
      run();
      return rig.counter(N.VMM_FLUSHES) - before;
    };
    expect(flushes(() => rig.sync(rig.map(0, 64 * K, 'small')))).toBe(2);
    // The table is there: only the entries.
    expect(flushes(() => rig.sync(rig.map(64 * K, 64 * K, 'small')))).toBe(1);
    // Clears; references stay, for the table has others.
    expect(flushes(() => rig.sync(rig.unmap(0, 64 * K)))).toBe(1);
    expect(flushes(() => rig.sync(rig.unmap(64 * K, 64 * K)))).toBe(2);
    expect(flushes(() => rig.sync(rig.unmap(0, 64 * K)))).toBe(0);
    expect(flushes(() => rig.sync(rig.map(0, 6 * M, 'small')))).toBe(2);
    // One range of entries, three tables one after the other.
    expect(flushes(() => rig.sync(rig.unmap(0, 6 * M)))).toBe(4);
    expect(rig.log.filter((command) => command === 'VMM_FLUSH')).toHaveLength(rig.counter(N.VMM_FLUSHES));
  });

  it('takes references only where the old mapping has none', () => {
    const rig = rigOf();
    rig.sync(rig.map(2 * M, 2 * M, 'small'));
    rig.sync(rig.map(6 * M, 2 * M, 'small'));
    const job = rig.job(rig.map(M, 6 * M, 'small'));
    rig.vm.submit(job);
    // [1M, 2M), [4M, 6M): two tables; the rest is there.
    expect(job.reserved).toBe(2);
    expect(rig.live).toEqual([2, 1, 1, 4]);
    rig.vm.run(job);
    rig.vm.cleanup(job);
    rig.sync(rig.unmap(0, 16 * M));
    expect(rig.live).toEqual([1, 0, 0, 0]);
  });

  it('maps what is left of a large page that is cut in smaller pages', () => {
    const rig = rigOf();
    rig.sync(rig.map(0, 4 * M, 'huge'));
    expect(rig.live).toEqual([2, 1, 1, 0]);
    rig.sync(rig.unmap(M, M / 2));
    expect([...rig.vm.vmas].map((vma) => rig.vm.vmas.flags[vma])).toEqual([16, 16]);
    expect(rig.counter(N.BYTES_REMAPPED)).toBe(3.5 * M);
    expect(rig.vm.translate(M - 1)).toBe(0x200000000 + M - 1);
    expect(rig.vm.translate(M)).toBe(-1);
    expect(rig.vm.translate(3 * M)).toBe(0x200000000 + 3 * M);
    expect(rig.own(C.MAPPED_BYTES)).toBe(3.5 * M);
    expect(rig.vm.lineOfTables()).toBe(',"live":[1,1,2],"blocks":0,"ptes":56,"vmas":2,"unusable":0');
  });

  it('refuses what the ioctl refuses, and changes nothing then', () => {
    const rig = rigOf();
    const bad = [
      rig.map(2 ** 47 - 4 * K, 8 * K, 'small'),
      rig.map(0, 4 * K, 'small', BYTES),
      rig.map(0, BYTES, 'small', 4 * K),
      { ...rig.map(0, 4 * K, 'small'), aligned: false },
      rig.unmap(2 ** 47, 4 * K),
    ];
    for (const op of bad) {
      expect(rig.sync(rig.map(0, 4 * K, 'small'), op)).toMatchObject({ ret: -22, failedOp: 1 });
      expect(rig.vm.vmas.size).toBe(0);
    }
    expect(rig.sync(rig.map(2 ** 47 - 4 * K, 4 * K, 'small')).ret).toBe(0);
    expect(rig.sync(rig.map(0, 0, 'small')).ret).toBe(0);
    expect(rig.vm.vmas.size).toBe(1);
  });

  it('runs jobs in the order of submission, and one that is only freed too', () => {
    const rig = rigOf();
    const first = rig.job(rig.map(0, 4 * K, 'small'));
    const second = rig.job(rig.map(4 * K, 4 * K, 'small'));
    const third = rig.job(rig.unmap(0, 4 * K));
    for (const job of [first, second, third]) rig.vm.submit(job);
    expect(rig.counter(N.OWN_RESERVED_PEAK)).toBe(4);
    expect(rig.vm.translate(0)).toBe(-1);
    rig.vm.run(second);
    expect([rig.vm.translate(0), rig.vm.translate(4 * K)]).toEqual([scattered[0][0], scattered[0][0]]);
    rig.vm.run(first);
    rig.vm.cleanup(third);
    expect(rig.vm.translate(0)).toBe(-1);
    expect([rig.counter(N.OWN_RESERVED), rig.counter(N.OWN_USED), rig.counter(N.OWN_RETURNED)]).toEqual([4, 4, 0]);
  });

  it('leaves a job that never ran as it is when the trace ends, and frees one that ran with another', () => {
    const rig = rigOf();
    const first = rig.job(rig.map(0, 4 * K, 'small'));
    const second = rig.job(rig.unmap(0, 4 * K));
    const third = rig.job(rig.map(8 * M, 4 * K, 'small'));
    for (const job of [first, second, third]) rig.vm.submit(job);
    rig.vm.run(second);
    const { live } = rig;
    rig.vm.abandon(third);
    expect(rig.vm.translate(8 * M)).toBe(-1);
    expect(rig.live).toEqual(live);
    expect([third.used, rig.counter(N.OWN_USED), rig.counter(N.OWN_RESERVED)]).toEqual([0, 4, 5]);
    // Its references are dropped: the table of 4K pages goes, the directories are the third job's too.
    rig.vm.abandon(second);
    expect(rig.live).toEqual([live[0], live[1], live[2], live[3] - 1]);
    rig.vm.abandon(first);
    expect(rig.live).toEqual([live[0], live[1], live[2], live[3] - 1]);
    expectNothingLeft(rig);
  });

  it('tells leaves of 4K and of 64K apart, which stand on one level', () => {
    const rig = rigOf();
    rig.sync(rig.map(0, 4 * M, 'huge'), rig.map(16 * M, 640 * K, 'big'), rig.map(32 * M, 12 * K, 'small'));
    expect([...rig.vm.own.leafSizes()]).toEqual([
      [2 * M, 2],
      [64 * K, 10],
      [4 * K, 3],
    ]);
    expect(rig.vm.own.census().leaves).toEqual([0, 0, 2, 13]);
    expect([rig.vm.own.pgsizes, rigOf('6.12').vm.own.pgsizes]).toEqual([0x211000, 0x1000]);
  });

  it('answers a map of 64 KiB within microseconds', () => {
    expectFastMaps(rigOf(), 'small');
  });
});
