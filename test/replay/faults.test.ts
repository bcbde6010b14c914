/** No memory, at every allocation of a trace, under every strategy: nothing breaks, nothing is lost, and a second try succeeds. */
import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALLOCATORS } from '../../src/allocator/registry.ts';
import type { ModelChoice } from '../../src/base/model.ts';
import * as C from '../../src/lpae/counters.ts';
import { visitEntries } from '../../src/lpae/visit.ts';
import type { ReplayOptions } from '../../src/replay/options.ts';
import type { Replayer } from '../../src/replay/replayer.ts';
import type { AddressSpace } from '../../src/replay/spaces/address-space.ts';
import { censusOf } from '../../src/stats/census.ts';
import { randomTraces, type TraceEvent } from './random-trace.ts';
import { type Line, replayEach } from './run.ts';

/** Small pools, so that they run dry and overflow. */
const PARAMETERS: Readonly<Record<string, Record<string, string>>> = { bulk: { k: '3' }, mempool: { min: '2' } };
const STRATEGIES = ALLOCATORS.map(({ name }): ModelChoice => ({ name, parameters: PARAMETERS[name] ?? {} }));
/** Those that ask for all pages of an operation before it begins. */
const WHOLE: ReadonlySet<string> = new Set(['bulk-exact', 'reserve', 'reserve-counted', 'shared-pool']);
const ENOMEM = -12;
/** A trace that needs more takes too long. */
const MOST_PAGES = 60;

const folder = new URL('../../traces/', import.meta.url);
const lessons = readdirSync(folder)
  // GPU drivers give an address space up where others try again: their failures are tested beside their rules.
  .filter((name) => name.endsWith('.ndjson') && !name.startsWith('bind-'))
  // The TCEs of DMA windows are no page tables of an allocator, and a root that passes addresses through has none.
  .filter((name) => !name.startsWith('window-') && name !== 'nested-passthrough.ndjson')
  .map((name) => {
    const lines = readFileSync(new URL(name, folder), 'utf8').trim().split('\n');
    return { name, events: lines.map((line) => JSON.parse(line) as TraceEvent) };
  });

/** Tables that are set aside, with all that hangs below them. */
function parkedTables({ memory, ranges }: AddressSpace): number {
  const parked = ranges?.reservations?.pinning.parked;
  if (parked === undefined || parked.size === 0) return 0;
  const found = new Set<number>();
  const find = (slot: number): void => {
    found.add(slot);
    for (let entry = slot; entry < slot + 512; entry++) {
      for (const kid of [memory.kid[entry], parked.get(entry) ?? 0]) if (kid !== 0 && !found.has(kid)) find(kid);
    }
  };
  for (const slot of parked.values()) find(slot);
  return found.size;
}

/** As expect(...).toBe(...), for the many times that nothing is wrong. */
function same(what: string, got: number, want: number): void {
  if (got !== want) expect([what, got]).toEqual([what, want]);
}

/** What must hold after every event. */
function checkBalance({ spaces, allocatorPeaks }: Replayer): void {
  let held = 0;
  let known = 0;
  let beyond = 0;
  for (const space of spaces) {
    const { table, counters, stats, ranges, allocatorName } = space;
    const live = counters[C.TABLES_LIVE];
    same('live tables', live, counters[C.TABLE_ALLOCS] - counters[C.TABLE_FREES]);
    same('reserved', stats.reserved, stats.used + stats.returned + stats.stolen + stats.unusedNow);
    if (allocatorName !== 'shared-pool') same('stolen', stats.stolen, 0);
    held += stats.pages - stats.pagesFreed;
    // A start table may be larger than a page.
    if (table !== null && !space.destroyed) beyond += Math.max(0, table.geometry.pgdSize - 4096);
    known += live + (ranges?.grace.deferred ?? 0) + stats.unusedNow + stats.poolNow;
    if (table === null || space.destroyed) {
      same('tables after all', live, 0);
      same('mapped after all', counters[C.MAPPED_BYTES], 0);
      same('held after all', space.destroyed ? stats.heldBytes : 0, 0);
      continue;
    }
    const { tables, leaves } = censusOf(table);
    same('tables', live, tables.reduce((sum, count) => sum + count, 0) + parkedTables(space));
    same(
      'mapped',
      counters[C.MAPPED_BYTES],
      leaves.reduce((sum, count, level) => sum + count * table.sizes[level], 0),
    );
  }
  same('bytes', allocatorPeaks.heldBytes, held * 4096 + beyond);
  // What lies in a cache that several address spaces share, or was stolen from others, is no one's.
  if (spaces.length === 1 && spaces[0].allocatorName !== 'shared-pool') same('pages', held, known);
}

/** The entries of an address space as numbers: where each stands and what it holds. */
interface SpaceTree {
  readonly tables: readonly number[];
  readonly leaves: readonly number[];
  readonly parked: number;
}

function treeOf(space: AddressSpace): SpaceTree {
  const tables: number[] = [];
  const leaves: number[] = [];
  if (space.table !== null) {
    visitEntries(space.table, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
      (kid === 0 ? leaves : tables).push(level, iovaHi, iovaLo, pteHi, pteLo);
      return true;
    });
  }
  return { tables, leaves, parked: parkedTables(space) };
}

/** A replay that has been looked at after every event. */
interface Run {
  readonly lines: ReadonlyMap<number, Line>;
  errors: number;
  /** What is mapped before the address spaces go. */
  leaves: string;
  pages: number;
  failures: number;
  /** Failed submissions that were seen to leave everything as it was. */
  untouched: number;
}

async function replayed(
  events: readonly TraceEvent[],
  strategies: readonly ModelChoice[],
  options: Partial<ReplayOptions>,
): Promise<Run[]> {
  const made = events.filter(({ op }) => op === 'domain' || op === 'nest');
  // Children go before their parents.
  const ids = [...new Set(made.map((event) => event['id'] as string))].reverse();
  const ends = ids.map((domain) => ({ op: 'destroy', domain }));
  const runs: Run[] = strategies.map(() => ({
    lines: new Map(),
    errors: 0,
    leaves: '',
    pages: 0,
    failures: 0,
    untouched: 0,
  }));
  const trees: (readonly SpaceTree[])[] = strategies.map(() => []);
  const mapped = [...trees];
  const onLine = (line: Line, replayer: Replayer, at: number): void => {
    const run = runs[at];
    const { spaces } = replayer;
    checkBalance(replayer);
    (run.lines as Map<number, Line>).set(line['seq'] as number, line);
    const now = spaces.map(treeOf);
    const began = Number(line['mapCalls'] ?? 0) + Number(line['unmapCalls'] ?? 0) > 0;
    const robbed = spaces.some(({ violations }) => violations.length > 0) || replayer.findings.counts.has('steal');
    if (robbed && strategies[at].name !== 'shared-pool')
      expect([strategies[at], line]).toEqual([strategies[at], 'a page']);
    const whole = WHOLE.has(strategies[at].name) && !began && !robbed;
    if (line['ret'] === ENOMEM && line['op'] !== 'domain' && (whole || line['op'] === 'reserve')) {
      if (!isDeepStrictEqual(now, trees[at])) expect([line, now]).toEqual([line, trees[at]]);
      run.untouched++;
    }
    trees[at] = now;
    if (line['op'] !== 'destroy') mapped[at] = now;
  };
  const skip = (_: unknown, at: number): void => void runs[at].errors++;
  const choices = strategies.map((allocator) => ({ ...options, allocator }));
  const replays = await replayEach([...events, ...ends], choices, { onLine, skip });
  replays.forEach(({ replayer }, at) => {
    const run = runs[at];
    run.leaves = JSON.stringify(mapped[at].map(({ leaves }) => leaves));
    for (const { stats, counters } of replayer.spaces) {
      run.pages += stats.pages;
      run.failures += stats.failedAtSubmit + stats.failedInRun + counters[C.TABLE_ALLOC_FAILS];
      same('unused at the end', stats.unusedNow, 0);
    }
    run.failures += replayer.spaces.filter(({ refusal }) => refusal?.ret === ENOMEM).length;
    same('tables at the end', replayer.memory.tables, 0);
    same('bytes at the end', replayer.memory.occupied + replayer.allocatorPeaks.heldBytes, 0);
  });
  return runs;
}

/** The trace with an event that comes again, right after it failed. */
function again(events: readonly TraceEvent[], seq: number): readonly TraceEvent[] | null {
  const failed = events[seq];
  const { op } = failed;
  let retry: TraceEvent = failed;
  if (op === 'exec') {
    const bind = events.find((event) => event.op === 'bind' && event['job'] === failed['job']) as TraceEvent;
    retry = { ...bind, job: 'again', mode: 'sync' };
  }
  const ops = retry['ops'] as readonly unknown[] | undefined;
  // What a job of several operations did before it failed stays done.
  if (ops !== undefined && ops.length > 1) return null;
  if (op !== 'bind') return events.toSpliced(seq + 1, 0, retry);
  // The job that failed stays known until its cleanup: the second try has a name of its own, and what follows is about it.
  const { job } = failed;
  const renamed = (event: TraceEvent): TraceEvent => (event['job'] === job ? { ...event, job: 'again' } : event);
  return [...events.slice(0, seq + 1), ...events.slice(seq).map(renamed)];
}

/** With `at` twice: events run in the order of `before` up to there, the second try right behind the first. */
function inOrder(before: readonly number[], after: readonly number[], at: number): boolean {
  const wanted = before.slice(0, before.indexOf(at) + 1);
  const got = after.map((seq) => (seq > at ? seq - 1 : seq));
  return [...wanted, at].every((seq, i) => got[i] === seq);
}

interface Seen {
  failures: number;
  untouched: number;
  retries: number;
  errors: number;
}

/** Replays a trace without the first page, without the second, and so on until all are there. False: there are too many. */
async function failEverywhere(
  events: readonly TraceEvent[],
  domain: string | null,
  seen: Seen,
  options: Partial<ReplayOptions> = {},
): Promise<boolean> {
  const at = domain === null ? 0 : events.findLastIndex(({ op }) => op === 'domain') + 1;
  const failing = (nth: number): readonly TraceEvent[] =>
    events.toSpliced(at, 0, { op: 'fail_alloc', nth, ...(domain === null ? {} : { domain }) });
  const clean = await replayed(failing(1_000_000), STRATEGIES, options);
  // Before the first domain only its start table is of interest.
  const most = domain === null ? 1 : Math.max(...clean.map(({ pages }) => pages));
  if (most > MOST_PAGES) return false;
  for (let nth = 1; nth <= most; nth++) {
    const left = STRATEGIES.flatMap((_, i) => (nth <= clean[i].pages ? [i] : []));
    const names = left.map((i) => STRATEGIES[i]);
    const runs = await replayed(failing(nth), names, options);
    for (const [i, run] of runs.entries()) {
      const wanted = clean[left[i]];
      // Beyond the last page nothing fails.
      if (domain !== null && nth === wanted.pages) {
        expect([names[i], [...run.lines.values()]]).toEqual([names[i], [...wanted.lines.values()]]);
      }
      if (run.failures > wanted.failures) seen.failures++;
      seen.untouched += run.untouched;
      seen.errors += run.errors - wanted.errors;
      const failed = [...run.lines].find(
        ([seq, { op, ret }]) => ret === ENOMEM && wanted.lines.get(seq)?.['ret'] === 0 && op !== 'domain',
      );
      const repeated = failed === undefined ? null : again(failing(nth), failed[0]);
      if (failed === undefined || repeated === null) continue;
      const place = `${names[i].name}, page ${nth}, event ${failed[0]}`;
      const [retried] = await replayed(repeated, [names[i]], options);
      if (!inOrder([...run.lines.keys()], [...retried.lines.keys()], failed[0])) {
        // One event more in the queue, and another job overtakes what stands behind it.
        expect([place, options.queue ?? null]).not.toEqual([place, null]);
        continue;
      }
      expect([place, retried.lines.get(failed[0])?.['ret']]).toEqual([place, ENOMEM]);
      expect([place, retried.lines.get(failed[0] + 1)?.['ret']]).toEqual([place, 0]);
      if (!events.some(({ op }) => op === 'bind')) {
        expect([place, retried.leaves === wanted.leaves]).toEqual([place, true]);
      }
      seen.retries++;
    }
  }
  return true;
}

describe('a page that cannot be had', () => {
  const nothing = (): Seen => ({ failures: 0, untouched: 0, retries: 0, errors: 0 });

  it.each(lessons)('anywhere in $name', async ({ events }) => {
    const seen = nothing();
    const ids = events.filter(({ op }) => op === 'domain').map((event) => event['id'] as string);
    for (const id of ids) await failEverywhere(events, id, seen);
    expect(Math.min(seen.failures, seen.untouched, seen.retries), JSON.stringify(seen)).toBeGreaterThan(2);
  });

  it('for the start table', async () => {
    const seen = nothing();
    // One that lets a page fail by itself is about that page.
    const whole = lessons.filter(({ events }) => events.every(({ op }) => op !== 'fail_alloc'));
    for (const { events } of whole) await failEverywhere(events, null, seen);
    // One lesson fails in any case. Without a start table there is no address space, and its events cannot be replayed.
    expect(seen.failures).toBe(STRATEGIES.length * whole.length - 1);
    expect(seen.errors).toBeGreaterThan(100);
  });

  it('anywhere in random traces, with reservations, jobs and a queue', async () => {
    const seen = nothing();
    const choices = { jobs: 'overtaking', geometries: 3, domains: 1, ranges: true, maxLength: 14 } as const;
    const queue = { depth: 3, exec: null, cleanup: { value: 2, unit: 'ops' } } as const;
    let tried = 0;
    for (const { events } of fc.sample(randomTraces(choices), { seed: 51, numRuns: 14 })) {
      if (await failEverywhere(events, 'd0', seen, tried % 2 === 0 ? {} : { queue })) tried++;
    }
    expect(tried).toBeGreaterThan(3);
    expect(Math.min(seen.failures, seen.untouched, seen.retries), JSON.stringify(seen)).toBeGreaterThan(5);
  });
});
