import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modelText } from '../../../src/base/model.ts';
import { COMPARED_POLICIES } from '../../../src/flush/registry.ts';
import * as C from '../../../src/lpae/counters.ts';
import type { ReplayOptions } from '../../../src/replay/options.ts';
import { type FlushPolicyStats, flushPolicyStats } from '../../../src/stats/metrics/flush-metrics.ts';
import { randomTraces } from '../../replay/random-trace.ts';
import { NaiveTlb, type SeenOp } from './naive-tlb.ts';
import { Onlooker } from './onlooker.ts';
import { choice, replay, studied } from './replayed.ts';

const countersOf = (stats: FlushPolicyStats): Record<string, number> =>
  Object.fromEntries(
    [
      ['commands', 'flush.commands'],
      ['fullFlushes', 'flush.fullFlushes'],
      ['bytesInvalidated', 'flush.bytesInvalidated'],
      ['unsafeTables', 'flush.unsafe.tables'],
      ['windowTables', 'flush.window.tables'],
      ['unsafeIova', 'flush.unsafe.iova'],
      ['unsafePages', 'flush.unsafe.pages'],
      ['stale', 'flush.stale.bytes'],
    ].map(([name, key]) => [name, stats.counters[key]]),
  );

/** Policies beside those of `all`. */
const MORE = [
  'none',
  'smmuv3,ril=off',
  'smmuv3,ats=2,nested=on,erratum=force-sync',
  'smmuv3,mode=lazy,fq=single,ril=off',
];

const NAIVE = COMPARED_POLICIES.filter(({ name }) => name !== 'none-until-teardown');

describe('every policy', () => {
  it('comes to what lists of stale translations come to', async () => {
    let unsafe = 0;
    await fc.assert(
      fc.asyncProperty(
        // All of 7.1 with a granule of 4K, so that one SMMU does for the lists.
        randomTraces({ jobs: 'waiting', kernels: ['7.1'], geometries: 4, maxLength: 30 }),
        async ({ events }) => {
          const naive = NAIVE.map((policy) => new NaiveTlb(modelText(policy)));
          const onlooker = new Onlooker((op: SeenOp) => {
            for (const one of naive) one.take(op);
          });
          const replayer = await replay(events, { flushes: NAIVE }, onlooker, (it) => it.observe(onlooker));
          const stats = flushPolicyStats(replayer) ?? [];
          expect(stats.length).toBe(NAIVE.length);
          NAIVE.forEach((policy, at) => {
            const wanted = naive[at];
            expect([modelText(policy), countersOf(stats[at])]).toEqual([
              modelText(policy),
              {
                commands: wanted.commands,
                fullFlushes: wanted.fullFlushes,
                bytesInvalidated: Math.min(wanted.bytesInvalidated, Number.MAX_SAFE_INTEGER),
                unsafeTables: wanted.unsafeTables,
                windowTables: wanted.windowTables,
                unsafeIova: wanted.unsafeIova,
                unsafePages: wanted.unsafePages,
                stale: wanted.stale.reduce((sum, { start, end }) => sum + end - start, 0),
              },
            ]);
            expect(stats[at].verdict).toBe(
              wanted.unsafeTables + wanted.unsafeIova + wanted.unsafePages > 0 ? 'unsafe' : 'safe',
            );
            unsafe += wanted.unsafeTables + wanted.unsafeIova + wanted.unsafePages;
          });
        },
      ),
      { seed: 11, numRuns: 40, endOnFailure: true },
    );
    expect(unsafe).toBeGreaterThan(100);
  });

  it.each([
    ['requests and jobs', { jobs: 'waiting', destroys: true, empty: true }],
    ['reservations and readers', { jobs: 'overtaking', ranges: true }],
    ['binds of panthor', { jobs: 'overtaking', geometries: 1 }, { driver: 'panthor' }],
    ['binds of msm', { jobs: 'waiting', geometries: 1 }, { driver: 'msm' }],
  ] as const)(
    'is told the same beside others as alone: %s',
    async (_name, choices, more: Partial<ReplayOptions> = {}) => {
      const policies = [...COMPARED_POLICIES, ...MORE.map(choice)];
      await fc.assert(
        fc.asyncProperty(randomTraces({ ...choices, maxLength: 40 }), async ({ events }) => {
          const together = await studied(events, policies, more);
          expect(together.map(({ policy }) => policy)).toEqual(policies.map(modelText));
          for (const [at, policy] of policies.entries()) {
            expect((await studied(events, [policy], more))[0]).toEqual(together[at]);
          }
          // The first decides what the replay itself counts, whoever stands beside it.
          const counts = async (options: Partial<ReplayOptions>): Promise<unknown> =>
            (await replay(events, { ...options, ...more })).spaces.map(({ policy, counters }) => [
              policy?.commands,
              policy?.commandSyncs,
              [...counters],
            ]);
          for (const flush of [choice('smmuv3'), choice('smmuv3,ril=off'), choice('none')]) {
            const own = await counts({ flush });
            expect(await counts({ flush, flushes: [flush, ...COMPARED_POLICIES.slice(1)] })).toEqual(own);
          }
        }),
        { seed: 5, numRuns: 5 },
      );
    },
  );

  it('noop fails for every table that is freed, and nothing else does without one', async () => {
    let freed = 0;
    await fc.assert(
      fc.asyncProperty(randomTraces({ jobs: 'none', destroys: true, maxLength: 40 }), async ({ events }) => {
        const replayer = await replay(events, { flushes: COMPARED_POLICIES });
        const tables = replayer.spaces.reduce((sum, { counters }) => sum + counters[C.TABLE_FREES], 0);
        const stats = flushPolicyStats(replayer) ?? [];
        const unsafe = (name: string): number =>
          stats.find(({ policy }) => policy === name)?.counters['flush.unsafe.tables'] ?? 0;
        expect(unsafe('noop')).toBe(tables);
        expect(['smmuv3', 'smmuv3,mode=lazy', 'msm', 'panthor'].map(unsafe)).toEqual([0, 0, 0, 0]);
        freed += tables;
      }),
      { seed: 6, numRuns: 40 },
    );
    expect(freed).toBeGreaterThan(50);
  });
});
