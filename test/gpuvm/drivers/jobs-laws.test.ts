/** When jobs run decides how long pages are held, and nothing else: laws of random jobs replayed from traces. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALLOCATORS } from '../../../src/allocator/registry.ts';
import type { ModelChoice } from '../../../src/base/model.ts';
import type { Kernel } from '../../../src/base/vocabulary.ts';
import type { ReplayOptions } from '../../../src/replay/options.ts';
import type { QueueOptions } from '../../../src/replay/queue/queue-options.ts';
import { type Line, type Replayed, replayEach, treeNumbers } from '../../replay/run.ts';
import { ABSTRACT_OP, BASES, eventOpOf, OBJECT_EVENTS, placed } from './random-binds.ts';

interface Model {
  readonly driver: 'panthor' | 'msm';
  readonly kernel: Kernel;
}

const MODELS: readonly Model[] = [
  { driver: 'panthor', kernel: '7.1' },
  { driver: 'panthor', kernel: '6.12' },
  { driver: 'msm', kernel: '7.1' },
];

type Ops = readonly object[];
type Mode = 'sync' | 'async' | 'explicit';

const JOBS = fc
  .record({
    base: fc.constantFrom(...BASES),
    jobs: fc.array(fc.array(ABSTRACT_OP, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 10 }),
  })
  .map(({ base, jobs }) => jobs.map((ops): Ops => ops.map((op) => eventOpOf(placed(op, base)))));

/** The jobs as a trace; `explicit`: each is executed and cleaned up behind its bind. */
function traceOf({ driver }: Model, jobs: readonly Ops[], mode: Mode): readonly object[] {
  const binds = jobs.flatMap((ops, job) => {
    const bind = { op: 'bind', job, mode: mode === 'sync' ? 'sync' : 'async', ops };
    return mode === 'explicit' ? [bind, { op: 'exec', job }, { op: 'cleanup', job }] : [bind];
  });
  return [{ op: 'domain', id: 'vm0', driver }, ...OBJECT_EVENTS, ...binds];
}

const queue = (depth: number | null, cleanup = 0): QueueOptions => ({
  depth,
  exec: null,
  cleanup: { value: cleanup, unit: 'ops' },
});

async function replayed(
  model: Model,
  jobs: readonly Ops[],
  mode: Mode,
  ...runs: readonly Partial<ReplayOptions>[]
): Promise<readonly Replayed[]> {
  const all = runs.length === 0 ? [{}] : runs;
  return replayEach(
    traceOf(model, jobs, mode),
    all.map((options) => ({ kernel: model.kernel, ...options })),
  );
}

/** What became of each job that ran, without where its line stands and what a throttle says. */
function outcomes({ lines }: Replayed, op: string): readonly Line[] {
  return lines
    .filter((line) => line['op'] === op)
    .sort((a, b) => Number(a['seq']) - Number(b['seq']))
    .map(({ seq, line, op: _op, blocked, inFlight, ...rest }) => rest);
}

function tree({ replayer }: Replayed): readonly number[] {
  const { table } = replayer.spaces[0];
  if (table === null) throw new Error('no table');
  return treeNumbers(table);
}

describe.each(MODELS)('jobs of $driver $kernel', (model) => {
  it('that are run before the next is bound are as synchronous ones', async () => {
    await fc.assert(
      fc.asyncProperty(JOBS, async (jobs) => {
        const [sync] = await replayed(model, jobs, 'sync');
        const [atOnce, depth1, depth0] = await replayed(
          model,
          jobs,
          'async',
          {},
          { queue: queue(1) },
          { queue: queue(0) },
        );
        const [explicit] = await replayed(model, jobs, 'explicit');
        expect(outcomes(sync, 'bind').length).toBe(jobs.length);
        for (const other of [atOnce, depth1, depth0]) expect(outcomes(other, 'bind')).toEqual(outcomes(sync, 'bind'));
        expect(outcomes(explicit, 'exec')).toEqual(outcomes(sync, 'bind'));
        for (const other of [atOnce, depth1, depth0, explicit]) expect(tree(other)).toEqual(tree(sync));
      }),
      { seed: 75, numRuns: 12 },
    );
  });

  it('give the same page tables however many of them wait', async () => {
    await fc.assert(
      fc.asyncProperty(JOBS, fc.nat({ max: 6 }), fc.nat({ max: 3 }), async (jobs, depth, cleanup) => {
        const runs = await replayed(
          model,
          jobs,
          'async',
          { queue: queue(0) },
          { queue: queue(depth, cleanup) },
          { queue: queue(null) },
        );
        for (const run of runs) {
          expect(tree(run)).toEqual(tree(runs[0]));
          const { stats, violations, gpu } = run.replayer.spaces[0];
          expect([stats.reserved, stats.used, stats.unusedNow, violations.length]).toEqual([
            runs[0].replayer.spaces[0].stats.reserved,
            runs[0].replayer.spaces[0].stats.used,
            0,
            0,
          ]);
          expect(gpu?.unusable).toBe(null);
        }
      }),
      { seed: 76, numRuns: 15 },
    );
  });

  const choices: readonly ModelChoice[] = [
    ...ALLOCATORS.map(({ name }) => ({ name, parameters: {} })),
    ...['tree-empty', 'panthor', 'msm', 'exact'].map((formula) => ({ name: 'reserve', parameters: { formula } })),
  ];

  it('give the same page tables under every allocator that refuses them nothing', async () => {
    const agreed = new Set<string>();
    await fc.assert(
      fc.asyncProperty(JOBS, fc.constantFrom<Mode>('sync', 'async'), async (jobs, mode) => {
        const [own] = await replayed(model, jobs, mode);
        const options = choices.map((allocator) => ({ allocator, queue: mode === 'sync' ? null : queue(4) }));
        for (const run of await replayed(model, jobs, mode, ...options)) {
          const space = run.replayer.spaces[0];
          if (space.stats.failedInRun + space.stats.failedAtSubmit > 0) continue;
          agreed.add(space.allocatorName);
          expect(tree(run)).toEqual(tree(own));
        }
      }),
      { seed: 77, numRuns: 5 },
    );
    // None of them refuses all the time.
    expect(agreed.size).toBe(choices.length);
  });
});
