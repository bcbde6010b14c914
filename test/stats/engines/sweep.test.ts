/** What a table maps as runs, against one leaf after the other. */
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TWO_32 } from '../../../src/base/u64.ts';
import type { PageTable } from '../../../src/lpae/page-table.ts';
import { visitEntries } from '../../../src/lpae/visit.ts';
import { DEFAULT_REPLAY_OPTIONS } from '../../../src/replay/options.ts';
import { replayAll } from '../../../src/replay/replay-all.ts';
import { Replayer } from '../../../src/replay/replayer.ts';
import { lookUp, UNMAPPED } from '../../../src/stats/engines/op-record.ts';
import { runsOf, sweepTables } from '../../../src/stats/engines/sweep.ts';
import { openTrace } from '../../../src/trace/open.ts';

const hex = (n: number): string => `0x${n.toString(16)}`;

async function tableOf(domain: object, events: readonly object[]): Promise<PageTable> {
  const text = [{ op: 'domain', id: 'd', ...domain }, ...events].map((event) => `${JSON.stringify(event)}\n`).join('');
  const reader = await openTrace('-', Readable.from([Buffer.from(text)]), { lenient: false, layer: null });
  const replayer = new Replayer(DEFAULT_REPLAY_OPTIONS, reader, null, null);
  const outcome = await replayAll(reader, [replayer]);
  if (outcome.error !== null) throw outcome.error;
  const { table } = replayer.spaces[0];
  if (table === null) throw new Error('the configuration was refused');
  return table;
}

/** Every leaf, looked up on its own, IOVAs without the sign extension. */
function leavesOf(table: PageTable): { start: number; size: number; paddr: number }[] {
  const leaves: { start: number; size: number; paddr: number }[] = [];
  visitEntries(table, ({ level, iovaHi, iovaLo, kid }) => {
    const start = ((iovaHi & ~table.iovaWantHi) >>> 0) * TWO_32 + ((iovaLo & ~table.iovaWantLo) >>> 0);
    if (kid === 0) leaves.push({ start, size: table.sizes[level], paddr: lookUp(table, iovaHi, iovaLo) });
    return true;
  });
  return leaves;
}

const SPACES = [
  { pgsizes: '0x40201000', ias: 48, oas: 48, base: 0n },
  { pgsizes: '0x20010000', ias: 52, oas: 52, base: 0n },
  { pgsizes: '0x2004000', ias: 42, oas: 44, base: 0n },
  { pgsizes: '0x40201000', ias: 39, oas: 40, quirks: ['TTBR1'], base: 0xffffff8000000000n },
];

describe('the runs of a table', () => {
  it.each(SPACES)('are its leaves, put together where they go on: pgsizes $pgsizes', async ({ base, ...domain }) => {
    const page = 2 ** Math.log2(Number(BigInt(domain.pgsizes) & -BigInt(domain.pgsizes)));
    const request = fc.record({
      op: fc.constantFrom('map', 'map', 'map', 'unmap'),
      at: fc.oneof(fc.nat({ max: 40 }), fc.integer({ min: 500, max: 1030 }), fc.constantFrom(0, 512, 8192)),
      pages: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(512, 600, 8192, 2 ** 14)),
      far: fc.constantFrom(0, 0, 0, 2 ** 36),
    });
    let merged = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 30 }), async (requests) => {
        const events = requests.map(({ op, at, pages, far }) => {
          const range = { domain: 'd', iova: `0x${(base + BigInt(at * page)).toString(16)}`, size: pages * page };
          return op === 'map' ? { op, ...range, paddr: hex(far + at * page) } : { op, ...range };
        });
        const table = await tableOf(domain, events);
        const leaves = leavesOf(table);
        const runs = runsOf(table);
        // Each leaf lies in one run, which says where it leads; a run ends only where something else begins.
        let at = 0;
        for (const { start, size, paddr } of leaves) {
          while (runs[at].end <= start) at++;
          expect(runs[at].start).toBeLessThanOrEqual(start);
          expect(start + size).toBeLessThanOrEqual(runs[at].end);
          expect(paddr).not.toBe(UNMAPPED);
          expect(start + runs[at].offset).toBe(paddr);
        }
        const bytes = leaves.reduce((sum, { size }) => sum + size, 0);
        expect(runs.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(bytes);
        runs.slice(1).forEach((run, i) => {
          expect(runs[i].end < run.start || (runs[i].end === run.start && runs[i].offset !== run.offset)).toBe(true);
        });
        if (runs.length < leaves.length) merged++;
        expect(sweepTables(table, table)).toMatchObject({ ranges: runs.length, bytes, differing: [] });
      }),
      { seed: 4, numRuns: 25 },
    );
    expect(merged).toBeGreaterThan(5);
  });
});
