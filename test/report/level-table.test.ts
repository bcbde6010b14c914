import { describe, expect, it } from 'vitest';
import { ndjson } from '../cli/events.ts';
import { runCli } from '../cli/fake-io.ts';

const BYTES = 2 ** 29;

/** The summary of one map of 512 MiB, whose memory is aligned to 64K and no further. */
async function summary(drivers: readonly string[], columns: number | null = null): Promise<string> {
  const events = [
    { op: 'bo', id: 'a', size: BYTES, segments: [{ paddr: '0x100010000', size: BYTES }] },
    ...drivers.flatMap((driver, i) => [
      { op: 'domain', id: `vm${i}`, driver },
      {
        op: 'bind',
        domain: `vm${i}`,
        job: i,
        mode: 'sync',
        ops: [{ kind: 'map', iova: '0x0', size: BYTES, bo: 'a', offset: 0 }],
      },
    ]),
  ];
  const terminal = columns === null ? {} : { terminal: { columns, colors: false } };
  return (await runCli(['replay', '-'], { stdin: ndjson(events), ...terminal })).stdout;
}

/** `L0 256G` ...: the first two cells of each level. */
function spansOf(text: string): string[] {
  const rows = text.split('\n').filter((line) => /^L\d +[-\d]/.test(line));
  return rows.map((line) => line.trim().split(/\s+/).slice(0, 2).join(' '));
}

const leavesOf = (text: string): string | undefined => /^leaves +([^;]*);/m.exec(text)?.[1];

describe('levels in the summary', () => {
  it('are those of each format', async () => {
    const pvr = await summary(['pvr']);
    expect(spansOf(pvr)).toEqual(['L1 1G', 'L2 2M', 'L3 4K']);
    expect(leavesOf(pvr)).toBe('131,072 x 4K');
    const xe = await summary(['xe']);
    expect(spansOf(xe)).toEqual(['L0 512G', 'L1 1G', 'L2 2M', 'L3 4K']);
    expect(leavesOf(xe)).toBe('131,072 x 4K');
  });

  it('of nouveau have tables of two sizes, and two tables on level 0', async () => {
    const nouveau = await summary(['nouveau']);
    expect(spansOf(nouveau)).toEqual(['L0 256G', 'L1 512M', 'L2 2M', 'L3 -']);
    expect(leavesOf(nouveau)).toBe('8,192 x 64K');
    expect(nouveau).toMatch(/^nouveau: L0 is PD2 and the root above it/m);
    const narrow = (await summary(['nouveau'], 60)).split('\n');
    const at = narrow.findIndex((line) => line.startsWith('nouveau: L0'));
    expect(at).toBeGreaterThan(0);
    expect(Math.max(...narrow.slice(at, at + 3).map((line) => line.length))).toBeLessThanOrEqual(60);
  });

  it('are left open where domains differ, each domain keeps its leaves', async () => {
    const both = await summary(['pvr', 'nouveau', 'panthor']);
    expect(spansOf(both)).toEqual(['L0 -', 'L1 -', 'L2 2M', 'L3 -']);
    expect(leavesOf(both)).toBe('8,192 x 64K, 262,144 x 4K');
    expect(spansOf(await summary(['pvr', 'xe']))).toEqual(['L0 512G', 'L1 1G', 'L2 2M', 'L3 4K']);
    expect(await summary(['pvr', 'panthor'])).not.toContain('nouveau');
  });

  it('come with pages that the driver took, and no hits that it cannot have', async () => {
    const text = await summary(['pvr']);
    expect(text).toMatch(/^pages +258 calls of the page allocator for 258 pages, 1\.0 MiB held at most$/m);
    expect(await summary(['panthor'])).toMatch(/^pages .* hits?, /m);
  });
});
