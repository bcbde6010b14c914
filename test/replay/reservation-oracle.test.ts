/** Statistics of reservations in a queue, computed anew and naively: from the definitions, in bigint, without a queue. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Geometry, hex, type RandomTrace, randomTraces, type TraceEvent } from './random-trace.ts';
import { type Line, replayEach } from './run.ts';

/** What is reserved at one submission of the queue, and used when it runs. */
interface Unit {
  /** The address space, counted over the whole trace. */
  readonly space: number;
  /** Pages for each of its operations. */
  readonly reserved: readonly bigint[];
  readonly used: bigint;
  /** Submissions, counted from 0, before which the queue was emptied for another event. */
  readonly before: number;
}

interface Totals {
  reserved: bigint;
  used: bigint;
  peak: bigint;
  pageTicks: bigint;
}

interface Demand {
  readonly map: boolean;
  readonly iova: bigint;
  readonly size: bigint;
  /** Page size of a raw call. */
  readonly pgsize: bigint | null;
}

type Formula = (demand: Demand, geometry: Geometry, split: boolean) => bigint;

const M2 = 1n << 21n;
const roundUp = (value: bigint, to: bigint): bigint => ((value + to - 1n) / to) * to;
const sum = (values: readonly bigint[]): bigint => values.reduce((total, value) => total + value, 0n);

/** Windows of `span` bytes that [iova, iova + size) touches. */
function touched({ iova, size }: Demand, span: bigint): bigint {
  return (iova + size - 1n) / span - iova / span + 1n;
}

/** Of these, those that it does not cover. */
function cut(demand: Demand, span: bigint): bigint {
  const end = demand.iova + demand.size;
  const whole = end / span - roundUp(demand.iova, span) / span;
  return touched(demand, span) - (whole > 0n ? whole : 0n);
}

/** As the driver's source has it, with its ALIGN(). */
const panthor: Formula = (demand) => {
  if (demand.map) return touched(demand, 1n << 39n) + touched(demand, 1n << 30n) + touched(demand, M2);
  const end = demand.iova + demand.size;
  const first = roundUp(demand.iova, M2) === demand.iova ? 0n : 1n;
  const last = roundUp(end, M2) !== end && roundUp(end, M2) !== roundUp(demand.iova, M2) ? 1n : 0n;
  return first + last;
};

/**
 * A map: one table of each level below the first for each window that it touches. An unmap: one for each block that it
 * cuts; where the engine does not split, the driver maps the rest of the last-level windows at the edges anew.
 */
const treeEmpty: Formula = (demand, { sizes, startLevel }, split) => {
  const page = BigInt(sizes[0]);
  const bits = BigInt(Math.log2(sizes[0]) - 3);
  let pages = 0n;
  for (let level = BigInt(startLevel) + 1n; level <= 3n; level++) {
    const span = page << (bits * (4n - level));
    if (demand.map) pages += touched(demand, span);
    else if (split && sizes.includes(Number(span))) {
      // A raw call may use smaller pages than its range would allow, inside one block.
      const inside = demand.pgsize !== null && demand.pgsize < span ? 1n : 0n;
      const cuts = cut(demand, span);
      pages += cuts > inside ? cuts : inside;
    } else if (!split && level === 3n) pages += cut(demand, span);
  }
  return pages;
};

function demandsOf(event: TraceEvent): Demand[] {
  const demand = (map: boolean, { iova, size, pgsize, pgcount }: TraceEvent | Record<string, unknown>): Demand => {
    const pages = pgsize === undefined ? null : BigInt(pgsize as number);
    return {
      map,
      iova: BigInt(iova as string),
      size: pages === null ? BigInt(size as number) : pages * BigInt(pgcount as number),
      pgsize: pages,
    };
  };
  if (event.op === 'bind') {
    return (event['ops'] as { kind: string }[]).map((op) => demand(op.kind === 'map', { ...op }));
  }
  return /^(un)?map/.test(event.op) ? [demand(event.op.startsWith('map'), event)] : [];
}

/** The submissions of a trace. What each of them used are the tables that it made without any reservation. */
function unitsOf({ events, geometries, kernel }: RandomTrace, lines: readonly Line[], formula: Formula): Unit[] {
  const allocs = new Map(lines.map((line) => [line['seq'], BigInt((line['allocs'] as number | undefined) ?? 0)]));
  const units: Unit[] = [];
  const latest = new Map<string, number>();
  let before = 0;
  events.forEach((event, seq) => {
    if (event.op === 'domain') latest.set(event['id'] as string, spacesMade(events, seq));
    if (event.op === 'domain' || event.op === 'destroy') before = units.length;
    const demands = demandsOf(event);
    if (demands.length === 0) return;
    const id = event['domain'] as string;
    const reserved = demands.map((demand) => formula(demand, geometries[Number(id.slice(1))], kernel === '6.12'));
    units.push({ space: latest.get(id) as number, reserved, used: allocs.get(seq) ?? 0n, before });
  });
  return units;
}

const spacesMade = (events: readonly TraceEvent[], until: number): number =>
  events.slice(0, until).filter(({ op }) => op === 'domain').length;

/** Every submission against every earlier one: is it still waiting, or waiting for its cleanup? */
function totalsOf(units: readonly Unit[], spaces: number, depth: number, cleanup: number): [Totals[], bigint] {
  const totals = Array.from({ length: spaces }, () => ({ reserved: 0n, used: 0n, peak: 0n, pageTicks: 0n }));
  let overallPeak = 0n;
  const emptied = (k: number): number => units.find(({ before }) => before > k)?.before ?? units.length;
  // When k runs: before submission ranAt(k) is made; at depth 0 right after its own.
  const ranAt = (k: number): number => Math.min(depth === 0 ? k + 1 : k + depth, emptied(k));
  const cleanedAt = (k: number): number => {
    if (cleanup === 0) return ranAt(k);
    const ranIn = depth === 0 ? k : k + depth;
    return Math.max(ranAt(k), Math.min(ranIn + cleanup, emptied(k)));
  };
  const heldAt = (j: number, k: number): bigint => {
    const reserved = sum(units[j].reserved);
    if (k < ranAt(j)) return reserved;
    return k < cleanedAt(j) ? reserved - units[j].used : 0n;
  };
  /** What j still holds when submission k comes: nothing has run for k's sake yet, but the queue may have been emptied. */
  const heldBefore = (j: number, k: number): bigint => {
    const empty = emptied(j) <= k;
    const ran = empty || depth === 0 || j + depth < k;
    const cleaned = empty || (cleanup === 0 ? ran : (depth === 0 ? j : j + depth) + cleanup < k);
    if (!ran) return sum(units[j].reserved);
    return cleaned ? 0n : sum(units[j].reserved) - units[j].used;
  };
  units.forEach(({ space, reserved, used }, k) => {
    // One tick for each submission, whatever address space it is for: all that is held then was held for one more.
    for (let j = 0; j < k; j++) totals[units[j].space].pageTicks += heldBefore(j, k);
    const mine = totals[space];
    const held = units.slice(0, k).map((_, j) => heldAt(j, k));
    const own = sum(held.filter((_, j) => units[j].space === space));
    mine.reserved += sum(reserved);
    mine.used += used;
    if (own + sum(reserved) > mine.peak) mine.peak = own + sum(reserved);
    if (sum(held) + sum(reserved) > overallPeak) overallPeak = sum(held) + sum(reserved);
  });
  return [totals, overallPeak];
}

it.each([
  { name: 'panthor', formula: panthor, kernels: ['7.1'] as const, seed: 41 },
  { name: 'tree-empty', formula: treeEmpty, kernels: ['7.1', '6.12'] as const, seed: 42 },
])('reserve,formula=$name', async ({ name, formula, kernels, seed }) => {
  const seen = { reserved: 0n, used: 0n, jobs: 0n, emptied: 0n, unmaps: 0n };
  const traces = randomTraces({ jobs: 'waiting', kernels, destroys: true });
  await fc.assert(
    fc.asyncProperty(traces, fc.nat(8), fc.nat(5), async (trace, depth, cleanup) => {
      const queue = { depth, exec: null, cleanup: { value: cleanup, unit: 'ops' } } as const;
      const names = ['reserve', 'reserve-counted'];
      const [plain, ...replays] = await replayEach(trace.events, [
        {},
        ...names.map((kind) => ({ allocator: { name: kind, parameters: { formula: name } }, queue })),
      ]);
      const units = unitsOf(trace, plain.lines, formula);
      const spaces = plain.replayer.spaces.length;
      const [wanted, overallPeak] = totalsOf(units, spaces, depth, cleanup);
      for (const { replayer } of replays) {
        const got = replayer.spaces.map(({ stats }) => ({
          reserved: BigInt(stats.reserved),
          used: BigInt(stats.used),
          peak: BigInt(stats.unusedPeak),
          pageTicks: BigInt(stats.pageTicks),
        }));
        expect(got).toEqual(wanted);
        expect(hex(replayer.allocatorPeaks.unusedPeak)).toBe(hex(overallPeak));
      }
      for (const { reserved, used } of wanted) {
        seen.reserved += reserved;
        seen.used += used;
      }
      for (const { reserved, before } of units) {
        if (reserved.length > 1) seen.jobs++;
        if (before > 0) seen.emptied++;
      }
      seen.unmaps += BigInt(trace.events.filter(({ op }) => op.startsWith('unmap')).length);
    }),
    { seed, numRuns: 80 },
  );
  for (const [what, times] of Object.entries(seen)) expect([what, times > 20n]).toEqual([what, true]);
});
