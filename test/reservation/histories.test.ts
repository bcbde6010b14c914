/** Random histories of reservations, maps and unmaps: what must hold after every step. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PARTIAL_UNMAPS } from '../../src/base/vocabulary.ts';
import * as C from '../../src/lpae/counters.ts';
import { walkPageTable } from '../../src/lpae/lookup.ts';
import { BLOCK_POLICIES, OVER_TABLE, UNPARK } from '../../src/lpae/pinning/pinning.ts';
import { unitOf } from '../../src/lpae/table/memory.ts';
import { BOUNDARY_RULES, FREE_EMPTY, RCU_MODES, RESERVE_OVER_BLOCK } from '../../src/reservation/options.ts';
import { mappedBytesIn, mappedStretches } from '../../src/reservation/range-walk.ts';
import { planTables } from '../../src/reservation/tables/plan.ts';
import { expectSame } from '../same.ts';
import { G, M, PAGE, Space } from './fixture.ts';

const KINDS = ['reserve', 'unreserve', 'release', 'map', 'mapBlocks', 'unmap', 'reader', 'giga'] as const;
const FROM = G - 4 * M;
const SPAN = 12 * M;

const steps = fc.record({
  kind: fc.constantFrom(...KINDS, 'map', 'mapBlocks', 'unmap', 'unmap', 'reserve'),
  /** Pages from FROM, and a length: odd pages, or a number of whole tables. */
  page: fc.oneof(
    fc.nat({ max: 5 }).map((table) => table * 512),
    fc.nat({ max: 3071 }),
  ),
  pages: fc.oneof(
    fc.integer({ min: 1, max: 3 }).map((tables) => tables * 512),
    fc.integer({ min: 1, max: 700 }),
  ),
  depth: fc.constantFrom(3, 3, 3, 2, 1),
  pick: fc.nat({ max: 9 }),
});
type Step = typeof steps extends fc.Arbitrary<infer T> ? T : never;

const histories = fc.array(steps, { minLength: 4, maxLength: 30, size: 'max' });

/** Offset and size of what a step is about. */
function rangeOf({ kind, page, pages }: Step): [number, number] {
  if (kind === 'giga') return [G, G];
  const offset = kind === 'mapBlocks' ? page - (page % 512) : page;
  const size = kind === 'mapBlocks' ? Math.ceil(pages / 512) * 512 : pages;
  return [FROM + offset * PAGE, Math.min(size, SPAN / PAGE - offset) * PAGE];
}

function checkInvariants(space: Space): void {
  const { table, memory, reservations, grace } = space;
  const live = reservations.list.filter((one) => one.live);
  const tables = space.tables();
  for (const [key, { pins, slot }] of tables) {
    const [level, page] = key.split('@').map(Number);
    const start = page * PAGE;
    const end = start + table.sizes[level - 1];
    // Pinned once by each reservation that meets it and reaches as deep.
    const wanted = live.filter((one) => one.depth >= level && one.start < end && one.end > start).length;
    expectSame(pins, wanted, String(key));
    let entries = 0;
    for (let entry = slot; entry < slot + 512; entry++) if (memory.lo[entry] !== 0) entries++;
    expectSame(memory.live[unitOf(slot)], entries, String(key));
  }
  for (const one of live) {
    // All tables of the range are there.
    expectSame(planTables(table, one.start, one.end, one.depth, true, () => false).missing, 0);
    expectSame(one.mapped, mappedBytesIn(table, one.start, one.end));
    if (!(one.used <= one.full)) expect(one.used).toBeLessThanOrEqual(one.full);
  }
  // A page is in the tree, set aside or waiting, and nowhere twice.
  expectSame(new Set([...tables.values()].map(({ slot }) => slot)).size, tables.size);
  expectSame(space.count(C.TABLES_LIVE), tables.size + 1);
  expectSame(space.pages.out.size, tables.size + 1 + grace.deferred);
  expectSame(space.count(C.MAPPED_BYTES), mappedBytesIn(table, 0, 2 ** 48));
  const aside = [...reservations.pinning.parked.values()];
  expectSame(
    aside.every((slot) => [...tables.values()].some((one) => one.slot === slot && one.aside)),
    true,
  );
  expectSame(reservations.counters().allocsInReserved, 0);
  expectSame(reservations.counters().pinned, [...tables.values()].filter(({ pins }) => pins > 0).length);
}

it('keep their tables pinned, present and accounted for', () => {
  const seen = { parks: 0, unparks: 0, splits: 0, kept: 0, freed: 0, deferred: 0, refusals: 0, reserved: 0 };
  const spaces = fc.record({
    config: fc.record({
      kernel: fc.constantFrom('7.1' as const, '6.12' as const),
      coherent: fc.boolean(),
      partialUnmap: fc.constantFrom(...PARTIAL_UNMAPS),
    }),
    options: fc.record({
      blockPolicy: fc.constantFrom(...BLOCK_POLICIES),
      overTable: fc.constantFrom(...OVER_TABLE),
      unpark: fc.constantFrom(...UNPARK),
      overBlock: fc.constantFrom(...RESERVE_OVER_BLOCK),
      boundary: fc.constantFrom(...BOUNDARY_RULES),
      freeEmpty: fc.constantFrom(...FREE_EMPTY),
      rcu: fc.constantFrom(...RCU_MODES),
      rcuLatency: fc.constantFrom(0, 3),
    }),
  });
  fc.assert(
    fc.property(spaces, histories, (choice, history) => {
      const space = new Space(choice);
      const { reservations, grace } = space;
      history.forEach((step, i) => {
        space.memory.now = i;
        grace.advance(i);
        const [offset, size] = rangeOf(step);
        const live = reservations.list.filter((one) => one.live);
        const picked = live[step.pick % Math.max(1, live.length)];
        if (step.kind === 'reserve') {
          const { ret } = space.reserve(`r${i}`, offset, size, step.depth);
          if (ret === 0) seen.reserved++;
        } else if (step.kind === 'unreserve' && picked) reservations.unreserve(picked.id, null);
        else if (step.kind === 'release' && picked) reservations.release(picked.id, null);
        else if (step.kind === 'unmap') space.unmap(offset, size);
        else if (step.kind === 'reader') {
          if (grace.activeReaders > 0 && step.pick < 6) grace.readerEnd('r');
          else grace.readerBegin('r', null);
        } else if (step.kind.startsWith('map') || step.kind === 'giga') space.map(offset, offset + G, size);
        checkInvariants(space);
      });
      const { parks, unparks, splits, keptUnmaps, refusals } = reservations.counters();
      seen.parks += parks;
      seen.unparks += unparks;
      seen.splits += splits;
      seen.kept += keptUnmaps;
      seen.refusals += refusals;
      seen.deferred += grace.deferredPeak;
      seen.freed += reservations.list.reduce((sum, one) => sum + one.freed, 0);
      // Released one by one without a map outside, nothing is left of them.
      for (const one of reservations.list) if (one.live) reservations.release(one.id, null);
      checkInvariants(space);
      space.destroy();
    }),
    { seed: 7, numRuns: 250 },
  );
  // The histories must keep meeting the cases that they are for.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(20);
});

it('map what the same history maps without any reservation', () => {
  let compared = 0;
  const choices = fc.record({
    blockPolicy: fc.constantFrom('park' as const, 'split' as const),
    overTable: fc.constantFrom(...OVER_TABLE),
    unpark: fc.constantFrom(...UNPARK),
    freeEmpty: fc.constantFrom(...FREE_EMPTY),
  });
  fc.assert(
    fc.property(choices, fc.constantFrom('7.1' as const, '6.12' as const), histories, (options, kernel, history) => {
      // Blocks that were written as pages can be unmapped in part; only the split makes that the same for all.
      const config = { kernel, partialUnmap: 'split' as const };
      const space = new Space({ config, options });
      const plain = new Space({ config, options: { overTable: options.overTable } });
      const every = (offset: number, size: number, holds: (at: number) => boolean): boolean => {
        for (let at = offset; at < offset + size; at += PAGE) if (!holds(at)) return false;
        return true;
      };
      const isBlock = (at: number): boolean => {
        const { leaf, last } = walkPageTable(plain.table, ...plain.iova(at));
        return leaf && last < 3;
      };
      history.forEach((step, i) => {
        const [offset, size] = rangeOf(step);
        const live = space.reservations.list.filter((one) => one.live);
        const picked = live[step.pick % Math.max(1, live.length)];
        if (step.kind === 'reserve') space.reserve(`r${i}`, offset, size, step.depth);
        else if (step.kind === 'unreserve' && picked) space.reservations.unreserve(picked.id, null);
        else if (step.kind === 'release' && picked) {
          for (const one of mappedStretches(plain.table, picked.start, picked.end)) plain.unmap(one.offset, one.size);
          space.reservations.release(picked.id, null);
        } else if (step.kind === 'unmap') {
          // Empty tables count as mapped for the kernel, pinned ones do not: only ranges without holes compare.
          if (!every(offset, size, (at) => plain.physical(at) !== null)) return;
          expectSame(space.unmap(offset, size), plain.unmap(offset, size));
        } else if (step.kind.startsWith('map')) {
          // A block over a block exists already; as pages it would be replaced.
          if (!every(offset, size, (at) => !isBlock(at))) return;
          expectSame(space.map(offset, offset + i * G, size), plain.map(offset, offset + i * G, size));
        } else return;
        compared++;
        expectSame(
          every(FROM, SPAN, (at) => space.physical(at) === plain.physical(at)),
          true,
        );
        expectSame(space.count(C.MAPPED_BYTES), plain.count(C.MAPPED_BYTES));
      });
      space.destroy();
      plain.destroy();
    }),
    { seed: 8, numRuns: 120 },
  );
  expect(compared).toBeGreaterThan(800);
});
