/** Two engines over random traces: every difference has a cause that is known, and what is told of it is true. */
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALLOCATORS } from '../../../src/allocator/registry.ts';
import type { ModelChoice } from '../../../src/base/model.ts';
import { iovaToPhys } from '../../../src/lpae/lookup.ts';
import { DEFAULT_REPLAY_OPTIONS, type ReplayOptions } from '../../../src/replay/options.ts';
import { replayAll } from '../../../src/replay/replay-all.ts';
import { Replayer } from '../../../src/replay/replayer.ts';
import { EngineComparison, type EngineResult } from '../../../src/stats/engines/engine-comparison.ts';
import { countersOf } from '../../../src/stats/metrics/metrics.ts';
import { openTrace } from '../../../src/trace/open.ts';

const K4 = 4096;
const M2 = 2 ** 21;
const hex = (n: number): string => `0x${n.toString(16)}`;

const GENERIC: ModelChoice = { name: 'generic', parameters: {} };

async function compare(
  events: readonly object[],
  options: Partial<ReplayOptions> = {},
): Promise<{ result: EngineResult; arm: Replayer; generic: Replayer }> {
  const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
  const reader = await openTrace('-', Readable.from([Buffer.from(text)]), { lenient: false, layer: null });
  const [arm, generic] = [null, GENERIC].map(
    (engine) => new Replayer({ ...DEFAULT_REPLAY_OPTIONS, metered: true, ...options, engine }, reader, null, null),
  );
  const comparison = new EngineComparison(arm, generic);
  const outcome = await replayAll(reader, [arm, generic]);
  if (outcome.error !== null) throw outcome.error;
  return { result: comparison.finish(), arm, generic };
}

/** Events around a few block borders of one address space. */
const events = fc.array(
  fc
    .record({
      op: fc.constantFrom('map', 'map', 'map', 'unmap', 'unmap', 'map_pages', 'unmap_pages', 'iova_to_phys'),
      block: fc.nat({ max: 3 }),
      page: fc.oneof(fc.constant(0), fc.nat({ max: 511 }), fc.constantFrom(511, 510)),
      pages: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constantFrom(512, 513, 1024)),
      skew: fc.constantFrom(0, 0, 1),
    })
    .map(({ op, block, page, pages, skew }) => {
      const iova = hex(block * M2 + page * K4);
      const paddr = hex(2 ** 32 + block * M2 + (page + skew) * K4);
      if (op === 'iova_to_phys') return { op, iova };
      if (op === 'map') return { op, iova, paddr, size: pages * K4 };
      if (op === 'unmap') return { op, iova, size: pages * K4 };
      return { op, iova, ...(op === 'map_pages' ? { paddr } : {}), pgsize: K4, pgcount: pages };
    }),
  { minLength: 20, maxLength: 60 },
);

describe('two engines over random traces', () => {
  it.each(['7.1', '6.12'] as const)('differ for known reasons only, kernel %s', async (kernel) => {
    const causes = new Set<string>();
    let agreed = 0;
    await fc.assert(
      fc.asyncProperty(events, async (list) => {
        const { result, arm, generic } = await compare(list, { kernel });
        for (const { byCause } of [result.operations, result.lookups]) {
          for (const cause of Object.keys(byCause)) causes.add(cause);
          expect(byCause.unexplained ?? 0).toBe(0);
        }
        if (result.agree) agreed++;
        // What is told of the ends of the tables is what both look-ups say.
        const tables = [arm, generic].map(({ spaces }) => spaces[0].table);
        for (const { iova, answers } of result.sweep.first) {
          const found = tables.map((table) => {
            if (table === null || !iovaToPhys(table, 0, Number(iova))) return 'unmapped';
            return hex(table.foundHi * 2 ** 32 + table.foundLo);
          });
          expect([...answers]).toEqual(found);
        }
      }),
      { numRuns: 150, seed: 21 },
    );
    for (const cause of ['errno', 'over-table', 'part-of-block', 'holes', 'raw-call', 'earlier']) {
      expect([cause, causes.has(cause)]).toEqual([cause, true]);
    }
    expect(agreed).toBeLessThan(150);
  });

  it('agree where ranges are mapped once and unmapped as they were mapped, and the generic one walks less', async () => {
    const wholes = fc.uniqueArray(fc.record({ at: fc.nat({ max: 40 }), pages: fc.integer({ min: 1, max: 1400 }) }), {
      selector: ({ at }) => at,
      minLength: 5,
      maxLength: 25,
    });
    await fc.assert(
      fc.asyncProperty(wholes, fc.array(fc.nat({ max: 30 }), { maxLength: 20 }), async (ranges, unmapped) => {
        const map = ranges.map(({ at, pages }) => ({
          op: 'map',
          iova: hex(at * 2 ** 23),
          paddr: hex(at * 2 ** 23),
          size: pages * K4,
        }));
        const gone = [...new Set(unmapped)].filter((i) => i < ranges.length);
        const unmap = gone.map((i) => ({ op: 'unmap', iova: map[i].iova, size: map[i].size }));
        const { result, arm, generic } = await compare([...map, ...unmap]);
        expect(result.agree).toBe(true);
        expect(result.sweep.bytes).toBe(map.reduce((sum, { size }, i) => sum + (gone.includes(i) ? 0 : size), 0));
        const [a, b] = [arm, generic].map(({ spaces }) => countersOf(spaces[0]));
        expect(b['engine.walks']).toBe(map.length + unmap.length);
        expect(a['engine.walks']).toBeGreaterThanOrEqual(b['engine.walks']);
        expect(a['leaves.written']).toBe(b['leaves.written']);
        expect(a['tables.live']).toBe(b['tables.live']);
      }),
      { numRuns: 60, seed: 22 },
    );
  });

  it.each(ALLOCATORS.map(({ name }) => name))('give all pages back to %s, queued or not', async (name) => {
    const list = fc.sample(events, { seed: 23, numRuns: 8 }).flat();
    for (const queue of [null, { depth: 4, exec: null, cleanup: { value: 2, unit: 'ops' as const } }]) {
      const all = [{ op: 'domain', id: 'd' }, ...list, { op: 'destroy', domain: 'd' }];
      const { generic } = await compare(all, { allocator: { name, parameters: {} }, queue });
      const [space] = generic.spaces;
      expect(space.counters[3]).toBe(0);
      expect(space.memory.tables).toBe(0);
      expect(space.stats.used).toBeGreaterThanOrEqual(0);
    }
  });
});
