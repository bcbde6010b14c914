/** Reservations around mapped areas, and grace periods: they cost or save allocations, and never change what is mapped. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as C from '../../src/lpae/counters.ts';
import type { PageTable } from '../../src/lpae/page-table.ts';
import { UNPARK } from '../../src/lpae/pinning/pinning.ts';
import { visitEntries } from '../../src/lpae/visit.ts';
import type { ReplayOptions } from '../../src/replay/options.ts';
import type { Replayer } from '../../src/replay/replayer.ts';
import { BOUNDARY_RULES, DEFAULT_RESERVATION_OPTIONS, FREE_EMPTY, RCU_MODES } from '../../src/reservation/options.ts';
import { hex, randomTraces, type TraceEvent } from './random-trace.ts';
import { type Line, replayEach, replayEvents, treeNumbers } from './run.ts';

const PAGE = 4096;
/** Pages of the stretch of IOVAs that is played in: six tables, across a boundary of 1G. */
const SPAN = 6 * 512;
const FROM = 2 ** 30 - 2 * 2 ** 21;
const PADDR = 2 ** 32;

const steps = fc.record({
  kind: fc.constantFrom('map', 'map', 'unmap', 'unmap', 'unmap', 'look', 'reader'),
  page: fc.oneof(
    fc.nat({ max: 5 }).map((table) => table * 512),
    fc.nat({ max: SPAN - 1 }),
  ),
  pages: fc.oneof(
    fc.integer({ min: 1, max: 3 }).map((tables) => tables * 512),
    fc.integer({ min: 1, max: 700 }),
  ),
  /** Physical addresses that allow blocks, or do not. */
  odd: fc.boolean(),
  parts: fc.integer({ min: 1, max: 3 }),
  queued: fc.boolean(),
  pick: fc.nat(99),
});
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;

/** Maps of what is free and unmaps of what is mapped, as drivers make them: no request meets a hole, none a page that is there. */
class Driver {
  readonly events: TraceEvent[];
  /** Mapped stretches [from, to), each of one request or what is left of it, in ascending order. */
  #mapped: [number, number][] = [];
  #reading = false;
  readonly #splits: boolean;

  constructor(kernel: '7.1' | '6.12') {
    this.#splits = kernel === '6.12';
    this.events = [
      { op: 'trace', version: 1, kernel },
      { op: 'domain', id: 'd0' },
    ];
  }

  add(step: Step): void {
    if (step.kind === 'map') this.#map(step);
    else if (step.kind === 'unmap') this.#unmap(step);
    else if (step.kind === 'look') this.events.push({ op: 'iova_to_phys', iova: iova(step.page) });
    else {
      this.events.push({ op: 'rcu_read', id: 'reader', phase: this.#reading ? 'end' : 'begin' });
      this.#reading = !this.#reading;
    }
  }

  unmapAll(): void {
    for (const [from, to] of this.#mapped) this.#unmapRange(from, to, false);
  }

  #map({ page, pages, odd, parts }: Step): void {
    if (this.#mapped.some(([from, to]) => from <= page && page < to)) return;
    const next = this.#mapped.find(([from]) => from > page)?.[0] ?? SPAN;
    const end = Math.min(page + pages, next);
    const part = Math.ceil((end - page) / parts);
    for (let at = page; at < end; at += part) {
      const to = Math.min(at + part, end);
      const paddr = hex(PADDR + (at + (odd ? 1 : 0)) * PAGE);
      this.events.push({ op: 'map', iova: iova(at), paddr, size: (to - at) * PAGE, prot: 'rw' });
      this.#mapped.push([at, to]);
    }
    this.#mapped.sort(([a], [b]) => a - b);
  }

  #unmap({ pick, parts, pages, queued }: Step): void {
    if (this.#mapped.length === 0) return;
    const first = pick % this.#mapped.length;
    let last = first;
    while (last - first + 1 < parts && this.#mapped[last + 1]?.[0] === this.#mapped[last][1]) last++;
    let [from] = this.#mapped[first];
    let [, to] = this.#mapped[last];
    if (this.#splits && pick % 3 === 0) {
      from += pages % (to - from);
      to = Math.min(to, from + pages);
    }
    this.#unmapRange(from, to, queued);
    this.#mapped = this.#mapped.flatMap(([a, b]): [number, number][] => {
      const left: [number, number] = [a, Math.min(b, from)];
      const right: [number, number] = [Math.max(a, to), b];
      return [left, right].filter(([start, end]) => start < end);
    });
  }

  #unmapRange(from: number, to: number, queued: boolean): void {
    const gather = queued ? { gather: 'queued' } : {};
    this.events.push({ op: 'unmap', iova: iova(from), size: (to - from) * PAGE, ...gather });
  }
}

const iova = (page: number): string => hex(FROM + page * PAGE);

/** What a table translates, whatever the sizes of its leaves: each page, where it goes and its attributes. */
function translation(table: PageTable): number[] {
  const pages: number[] = [];
  visitEntries(table, ({ level, iovaHi, iovaLo, pteHi, pteLo, kid }) => {
    if (kid !== 0) return true;
    const at = iovaHi * 2 ** 32 + iovaLo;
    const paddr = (pteHi & 0xffff) * 2 ** 32 + ((pteLo & 0xfffff000) >>> 0);
    for (let offset = 0; offset < table.sizes[level]; offset += PAGE) {
      pages.push(at + offset, paddr + offset, pteHi >>> 16, pteLo & 0xffc);
    }
    return true;
  });
  return pages;
}

/** Fields of result lines, and the counters that they are parts of. */
const COUNTED = [
  ['allocs', C.TABLE_ALLOCS],
  ['frees', C.TABLE_FREES],
  ['flushWalks', C.FLUSH_WALKS],
  ['addPages', C.ADD_PAGES],
  ['iotlbSyncs', C.IOTLB_SYNCS],
] as const;

/** What a caller gets to see of an event. */
function answer({ seq, op, ret, mapped, unmapped, paddr }: Line): Line {
  return { seq, op, ret, mapped, unmapped, paddr };
}

const policies = fc.record({
  unpark: fc.constantFrom(...UNPARK),
  boundary: fc.constantFrom(...BOUNDARY_RULES),
  freeEmpty: fc.constantFrom(...FREE_EMPTY),
  rcu: fc.constantFrom(...RCU_MODES),
  rcuLatency: fc.constantFrom(0, 0, 7),
});
const depths = fc.option(fc.nat(8));
const allocators = fc.constantFrom('kernel', 'kernel', 'reserve', 'bulk-exact', 'reserve-counted', 'pool');
const histories = fc.array(steps, { minLength: 10, maxLength: 50, size: 'max' });
it('reservations around areas change no answer and no mapping, and leave nothing pinned', async () => {
  const seen = { parks: 0, unparks: 0, splits: 0, kept: 0, saved: 0, unsafe: 0, made: 0 };
  const kernels = fc.constantFrom('7.1' as const, '6.12' as const);
  const variants = fc.array(fc.record({ policy: policies, depth: depths, name: allocators, split: fc.boolean() }), {
    minLength: 3,
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(kernels, histories, variants, async (kernel, history, choices) => {
      const driver = new Driver(kernel);
      for (const step of history) driver.add(step);
      const marker = driver.events.length;
      driver.events.push({ op: 'iova_to_phys', iova: iova(0) });
      driver.unmapAll();
      const around = choices.map(({ policy, depth, name, split }): Partial<ReplayOptions> => {
        // Blocks written as pages can be unmapped in part; only the split makes that the same for all.
        const blockPolicy = split && kernel === '6.12' ? 'split' : 'park';
        const queue = depth === null ? null : { depth, exec: null, cleanup: { value: 0, unit: 'ops' as const } };
        const reservations = { ...DEFAULT_RESERVATION_OPTIONS, ...policy, blockPolicy } as const;
        return { reserveAround: 'areas', allocator: { name, parameters: {} }, queue, reservations };
      });
      const runs: Partial<ReplayOptions>[] = [{}, { reserveAround: 'areas' }, ...around];
      const mappings = runs.map(() => '');
      const onLine = (line: Line, replayer: Replayer, run: number): void => {
        const [space] = replayer.spaces;
        if (space?.table === undefined || space.table === null) return;
        const allocs = space.ranges?.reservations?.usage.allocsInReserved ?? 0;
        if (allocs !== 0) expect([line, runs[run], allocs]).toEqual([line, runs[run], 0]);
        // An area is reserved as long as anything of it is mapped.
        if (run > 0) {
          const mapped = space.ranges?.reservations?.list.reduce((sum, one) => sum + (one.live ? one.mapped : 0), 0);
          expect([runs[run], mapped]).toEqual([runs[run], space.counters[C.MAPPED_BYTES]]);
        }
        if (line['seq'] === marker) mappings[run] = JSON.stringify(translation(space.table));
      };
      const replays = await replayEach(driver.events, runs, { onLine });
      const wanted = replays[0].lines.map(answer);
      replays.forEach(({ replayer, lines }, run) => {
        const [{ table, counters, ranges, stats }] = replayer.spaces;
        expect([runs[run], mappings[run] === mappings[0]]).toEqual([runs[run], true]);
        // Readers come and go beside the queue, all else stays in order.
        for (const reader of [false, true]) {
          const some = (all: readonly Line[]): Line[] => all.filter(({ op }) => (op === 'rcu_read') === reader);
          expect([runs[run], some(lines.map(answer))]).toEqual([runs[run], some(wanted)]);
        }
        expect(counters[C.MAPPED_BYTES]).toBe(0);
        if (run === 0) return;
        const reservations = ranges?.reservations;
        expect([runs[run], ranges?.areas?.size, reservations?.liveCount]).toEqual([runs[run], 0, 0]);
        const { pinned, parked, made, failed, ...rest } = reservations?.counters() ?? {};
        expect([runs[run], pinned, failed]).toEqual([runs[run], 0, 0]);
        const kinds = [...replayer.findings.counts.keys()];
        const mode = runs[run].reservations?.rcu ?? 'list';
        // A long reader may meet freed tables where nobody waits for it.
        const safe = mode === 'page' || mode === 'list';
        expect(kinds).toEqual(safe || kinds.length === 0 ? [] : ['use-after-free']);
        if (!safe) seen.unsafe += kinds.length;
        const { freeEmpty, boundary } = runs[run].reservations ?? DEFAULT_RESERVATION_OPTIONS;
        // Where every map is inside a reservation, what nobody pins need not stay for anyone, unless all is to stay.
        if (boundary !== 'covered' && freeEmpty !== 'never') expect([runs[run], parked]).toEqual([runs[run], 0]);
        if (freeEmpty === 'eager' && boundary !== 'covered') expect(treeNumbers(table as PageTable)).toEqual([]);
        expect(stats.reserved).toBe(stats.used + stats.returned);
        seen.made += made;
        seen.parks += rest['parks'];
        seen.unparks += rest['unparks'];
        seen.splits += rest['splits'];
        seen.kept += rest['keptUnmaps'];
        // Whatever happens behind an operation belongs to its line.
        const sumOf = (field: string): number => lines.reduce((sum, line) => sum + Number(line[field] ?? 0), 0);
        expect([runs[run], ...COUNTED.map(([field]) => sumOf(field))]).toEqual([
          runs[run],
          ...COUNTED.map(([, counter]) => counters[counter]),
        ]);
        expect([sumOf('parks'), sumOf('unparks')]).toEqual([rest['parks'], rest['unparks']]);
        if (counters[C.TABLE_ALLOCS] < replays[0].replayer.spaces[0].counters[C.TABLE_ALLOCS]) seen.saved++;
      });
    }),
    { seed: 61, numRuns: 60 },
  );
  for (const [what, times] of Object.entries(seen)) expect([what, times > 3]).toEqual([what, true]);
});

it('of areas are no part of what the line of a map says it reserved', async () => {
  const events = [
    { op: 'domain', id: 'd0' },
    { op: 'map', iova: '0x0', paddr: hex(PADDR), size: PAGE, prot: 'rw' },
    { op: 'unmap', iova: '0x0', size: PAGE },
  ];
  const eager = { ...DEFAULT_RESERVATION_OPTIONS, freeEmpty: 'eager' } as const;
  const options = {
    reserveAround: 'areas',
    reservations: eager,
    allocator: { name: 'bulk-exact', parameters: {} },
  } as const;
  const [{ lines, replayer }] = await replayEach(events, [options]);
  // The three tables are there before the map runs, and go behind the unmap: on its line.
  expect(lines[1]).toMatchObject({ ret: 0, reserved: 0, used: 0, returned: 0, allocs: 3, frees: 0 });
  expect(lines[2]).toMatchObject({ ret: 0, reserved: 0, used: 0, returned: 0, allocs: 0, frees: 3 });
  expect(replayer.spaces[0].stats).toMatchObject({ reserved: 3, used: 3, returned: 0 });
  const [plain] = await replayEach(events, [{ ...options, reserveAround: null }]);
  expect(plain.lines[1]).toMatchObject({ reserved: 3, used: 3, returned: 0, allocs: 3 });
});

it('end with a first map that fails', async () => {
  const map = (page: number, pages: number): TraceEvent => {
    return { op: 'map', iova: iova(page), paddr: hex(PADDR + (page + 1) * PAGE), size: pages * PAGE, prot: 'rw' };
  };
  const around = async (...events: TraceEvent[]): Promise<unknown[]> => {
    const domain = { op: 'domain', id: 'd0', pgsizes: [PAGE, 2 ** 21, 2 ** 30] };
    const [{ lines, replayer }] = await replayEach([domain, ...events], [{ reserveAround: 'areas' }]);
    const live = replayer.spaces[0].ranges?.reservations?.list.filter((one) => one.live) ?? [];
    return [lines.filter(({ op }) => op === 'map').map(({ ret }) => ret), live.map(({ mapped }) => mapped)];
  };
  const look = { op: 'iova_to_phys', iova: '0x0' };
  expect(await around(map(0, 1))).toEqual([[0], [PAGE]]);
  expect(await around({ ...map(0, 1), paddr: hex(2 ** 48) })).toEqual([[-34], []]);
  // The first of four is an area already; the other three become one, which ends with the map that fails.
  expect(await around(map(0, 1), look, map(0, 4))).toEqual([[0, -17], [PAGE]]);
});

it('grace periods change no result line and no table', async () => {
  const seen = { deferred: 0, unsafe: 0, reserved: 0 };
  const traces = randomTraces({ jobs: 'waiting', ranges: true, destroys: true });
  await fc.assert(
    fc.asyncProperty(traces, depths, async ({ events }, depth) => {
      const queue = depth === null ? null : { depth, exec: null, cleanup: { value: 2, unit: 'ops' as const } };
      const runs = RCU_MODES.flatMap((rcu) =>
        [0, 9].map((rcuLatency) => ({ queue, reservations: { ...DEFAULT_RESERVATION_OPTIONS, rcu, rcuLatency } })),
      );
      const skipped = ['', ...runs].map(() => 0);
      const skip = (_: unknown, run: number): void => void skipped[run]++;
      const [wanted, ...replays] = await replayEach(events, [{ queue }, ...runs], { skip });
      const trees = (replayer: Replayer): string =>
        JSON.stringify(replayer.spaces.map(({ table, counters }) => [table && treeNumbers(table), [...counters]]));
      replays.forEach(({ replayer, lines }, i) => {
        expect([runs[i].reservations, lines.map(noParks)]).toEqual([runs[i].reservations, wanted.lines.map(noParks)]);
        expect(trees(replayer)).toBe(trees(wanted.replayer));
        seen.deferred += replayer.spaces.filter(({ ranges }) => (ranges?.grace.deferredPeak ?? 0) > 0).length;
        seen.unsafe += replayer.findings.counts.get('use-after-free') ?? 0;
      });
      expect(new Set(skipped).size).toBe(1);
      seen.reserved += wanted.lines.filter(({ op, ret }) => op === 'reserve' && ret === 0).length;
    }),
    { seed: 62, numRuns: 30 },
  );
  for (const [what, times] of Object.entries(seen)) expect([what, times > 3]).toEqual([what, true]);
});

/** Whether lines tell of parked tables depends on whether anything could be reserved, not on what was. */
function noParks({ parks, unparks, ...rest }: Line): Line {
  return rest;
}

it('a map fails with the reservation around its area, as the fill of an iommufd area would', async () => {
  const map = { op: 'map', iova: '0x40000000', paddr: '0x80000000', size: 4096, prot: 'rw' };
  const events = [{ op: 'domain', id: 'd0' }, { op: 'fail_alloc', nth: 2 }, map, map];
  const { lines, replayer } = await replayEvents(events, { reserveAround: 'areas' });
  expect(lines[2]).toMatchObject({ ret: -12, mapped: 0, allocs: 0 });
  expect(lines[3]).toMatchObject({ ret: 0, mapped: 4096, allocs: 3 });
  expect(replayer.spaces[0].ranges?.reservations?.counters()).toMatchObject({ made: 1, failed: 1, live: 1 });
});
