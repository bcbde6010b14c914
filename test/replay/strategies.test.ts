/** What the choice of an allocator may change, and what it must not, over whole replays. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FORMULAS } from '../../src/allocator/need/formulas.ts';
import { ALLOCATORS } from '../../src/allocator/registry.ts';
import { chooseModel, type ModelChoice } from '../../src/base/model.ts';
import * as C from '../../src/lpae/counters.ts';
import type { QueueOptions } from '../../src/replay/queue/queue-options.ts';
import type { Replayer } from '../../src/replay/replayer.ts';
import { VIOLATIONS } from '../../src/replay/results/findings.ts';
import { type Jobs, type RandomTrace, randomTraces } from './random-trace.ts';
import { type Line, type Replayed, replayEach, treeNumbers } from './run.ts';

/** Every strategy as it comes, every formula, and parameters that make pools run dry and overflow. */
const NAMES = [
  ...ALLOCATORS.map(({ name }) => name),
  ...['reserve', 'reserve-counted', 'shared-pool'].flatMap((name) =>
    FORMULAS.slice(1).map((formula) => `${name},formula=${formula}`),
  ),
  'pool,min=2,max=3',
  'bulk,k=2',
  'mempool,min=0',
  'hypercall,of=reserve,per=batch',
  'hypercall,of=bulk-exact',
];

function model(text: string): ModelChoice {
  const choice = chooseModel(text, ALLOCATORS);
  if (typeof choice === 'string') throw new Error(choice);
  return choice;
}

/** A line without what it says about pages. */
function plain(line: Line): Line {
  const { reserved, used, returned, blocked, inFlight, ...rest } = line;
  return rest;
}

const latency = fc.option(fc.nat(6));
const queues = fc.option(
  fc.record({ depth: fc.nat(8), exec: latency, cleanup: fc.nat(5) }).map(
    ({ depth, exec, cleanup }): QueueOptions => ({
      depth,
      exec: exec === null ? null : { value: exec, unit: 'ops' },
      cleanup: { value: cleanup, unit: 'ops' },
    }),
  ),
);

/** True when a strategy has a page for whatever a trace does: it asks when it needs one, or reserves for the worst case. */
function neverFails(name: string, { kernel, events }: RandomTrace, jobs: Jobs, queued: boolean): boolean {
  const [strategy, formula = ''] = name.split(',formula=');
  if (strategy === 'shared-pool' && jobs === 'overtaking') return false;
  if (formula === '') return true;
  // An unmap that has to split a block of 1G needs two levels of tables, for which panthor's formula has one page.
  const splits = kernel === '6.12';
  const noPages = events.some(({ op, pgcount }) => op === 'map_pages' && pgcount === 0);
  if (formula === 'panthor') return !splits && !noPages;
  // A dry run is as good as the tree is old.
  if (formula === 'exact') return !queued && !events.some(({ op }) => op === 'bind');
  return !splits && !noPages && !events.some(({ op }) => op === 'bind');
}

const violations = ({ findings, spaces }: Replayer): number =>
  findings.list.filter(({ kind }) => VIOLATIONS.has(kind)).length +
  spaces.reduce((sum, space) => sum + space.violations.length, 0);

/** What the engines were left with, as one text: tables and counters. */
function engines({ replayer }: Replayed): string {
  return JSON.stringify(replayer.spaces.map(({ table, counters }) => [table && treeNumbers(table), ...counters]));
}

/** Nothing is lost. Address spaces may share a cache: only over all of them every page that came goes. */
function checkConservation({ replayer }: Replayed, destroyed: boolean): void {
  let pages = 0;
  for (const { stats, allocatorName } of replayer.spaces) {
    expect(stats.reserved).toBe(stats.used + stats.returned + stats.stolen);
    if (!allocatorName.startsWith('shared-pool')) expect(stats.stolen).toBe(0);
    expect(stats.unusedNow).toBe(0);
    if (destroyed) expect(stats.heldBytes).toBe(0);
    pages += stats.pages - stats.pagesFreed;
  }
  expect(replayer.allocatorPeaks.unusedNow).toBe(0);
  if (destroyed) expect([pages, replayer.allocatorPeaks.heldBytes, replayer.memory.tables]).toEqual([0, 0, 0]);
}

/** Every table and every reserved page is one that came and did not go. */
function checkHeld({ spaces }: Replayer): void {
  let held = 0;
  let needed = 0;
  for (const { stats, counters } of spaces) {
    held += stats.pages - stats.pagesFreed;
    needed += counters[C.TABLES_LIVE] + stats.unusedNow;
  }
  if (held < needed) expect(held).toBeGreaterThanOrEqual(needed);
}

describe.each([
  { jobs: 'waiting' as const, seed: 31, numRuns: 24 },
  { jobs: 'overtaking' as const, seed: 32, numRuns: 24 },
])('with jobs $jobs', ({ jobs, seed, numRuns }) => {
  it('all strategies map the same', async () => {
    const seen = { equal: 0, failed: 0, used: 0, returned: 0, freed: 0, errors: 0, split: 0 };
    const traces = randomTraces({ jobs, destroys: true, empty: true });
    await fc.assert(
      fc.asyncProperty(traces, queues, fc.boolean(), async (trace, queue, destroyed) => {
        const { geometries } = trace;
        const ends = geometries.map((_, d) => ({ op: 'destroy', domain: `d${d}` }));
        const events = destroyed ? [...trace.events, ...ends] : trace.events;
        // The queue changes nothing, unless jobs overtake it.
        const base = { allocator: model('kernel'), queue: jobs === 'waiting' ? null : queue };
        const [wanted] = await replayEach(events, [base]);
        const tree = engines(wanted);
        const lines = wanted.lines.map(plain);
        const broken: (number | null)[] = NAMES.map(() => null);
        const runs = NAMES.map((name) => ({ allocator: model(name), queue }));
        const replays = await replayEach(events, runs, {
          onLine: (_, replayer, run) => {
            if (violations(replayer) > 0) broken[run] ??= 0;
            else if (broken[run] === null) return;
            broken[run] = (broken[run] ?? 0) + 1;
          },
        });
        replays.forEach((replay, run) => {
          const name = NAMES[run];
          const got = replay.lines.map(plain);
          checkConservation(replay, destroyed);
          // A throttle lets jobs run earlier than their queue would, and so before those that overtake it.
          const throttled = replay.replayer.spaces.some(({ stats }) => stats.throttleWaits > 0);
          if (throttled && jobs === 'overtaking') return;
          const clean = got.length - (broken[run] ?? 0);
          const same = jobs === 'waiting' ? subset(lines, got, clean) : lines.slice(0, clean);
          const until = jobs === 'waiting' ? sorted(got.slice(0, clean)) : got.slice(0, clean);
          if (JSON.stringify(until) !== JSON.stringify(same)) expect([name, until]).toEqual([name, same]);
          if (neverFails(name, trace, jobs, queue !== null)) expect([name, broken[run]]).toEqual([name, null]);
          if (broken[run] !== null) {
            seen.failed++;
            return;
          }
          seen.equal++;
          expect([name, engines(replay) === tree]).toEqual([name, true]);
          for (const { stats, tally } of replay.replayer.spaces) {
            seen.used += stats.used;
            seen.returned += stats.returned;
            seen.freed += stats.freedInRun;
            expect([stats.failedAtSubmit, stats.failedInRun, tally.errors.get(-12) ?? 0]).toEqual([0, 0, 0]);
          }
        });
        for (const { tally, table } of wanted.replayer.spaces) {
          seen.errors += tally.errors.size;
          seen.split += table?.counters[C.BLOCKS_SPLIT] ?? 0;
        }
      }),
      { seed, numRuns, endOnFailure: true },
    );
    // The traces must keep meeting the cases that they are for.
    expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(3);
    expect(seen.equal).toBeGreaterThan(10 * seen.failed);
  });
});

/** Lines in the order of their events: declarations of buffer objects do not wait, what stands before them may. */
function sorted(lines: readonly Line[]): readonly Line[] {
  return lines.toSorted((a, b) => (a['seq'] as number) - (b['seq'] as number));
}

/** Those of `lines` whose events the first `count` of `got` are about. */
function subset(lines: readonly Line[], got: readonly Line[], count: number): readonly Line[] {
  if (count === got.length) return lines;
  const kept = new Set(got.slice(0, count).map(({ seq }) => seq));
  return lines.filter(({ seq }) => kept.has(seq));
}

it("address spaces with allocators of their own do not take each other's pages", async () => {
  const seen = { used: 0, returned: 0, pools: 0 };
  const traces = randomTraces({ jobs: 'waiting', geometries: 4, destroys: true });
  // The first three draw from what all have in common.
  const names = ['reserve', 'reserve-counted', 'hypercall,of=reserve,per=batch', 'shared-pool', 'bulk-exact'];
  const own = fc.array(fc.constantFrom(...names), { minLength: 3, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(traces, queues, own, async ({ events, geometries }, queue, chosen) => {
      const told = events.map((event) =>
        event.op === 'domain' ? { ...event, allocator: chosen[Number((event['id'] as string).slice(1))] } : event,
      );
      const ends = geometries.map((_, d) => ({ op: 'destroy', domain: `d${d}` }));
      const [wanted] = await replayEach([...events, ...ends], [{}]);
      const [got] = await replayEach([...told, ...ends], [{ queue }], { onLine: (_, replayer) => checkHeld(replayer) });
      expect(sorted(got.lines.map(plain))).toEqual(wanted.lines.map(plain));
      expect(violations(got.replayer)).toBe(0);
      checkConservation(got, true);
      for (const { stats } of got.replayer.spaces) {
        seen.used += stats.used;
        seen.returned += stats.returned;
        seen.pools += stats.poolPeak;
      }
    }),
    { seed: 33, numRuns: 60, endOnFailure: true },
  );
  expect(Math.min(...Object.values(seen)), JSON.stringify(seen)).toBeGreaterThan(100);
});
