/** The kernel's own answers to golden sequences do not depend on where table pages come from. */
import { expect, it } from 'vitest';
import { ALLOCATORS } from '../../src/allocator/registry.ts';
import type { PageTable } from '../../src/lpae/page-table.ts';
import { difference, readSequence, sequencePaths } from '../cli/golden-sequence.ts';
import { replayEach, treeNumbers } from './run.ts';

/** Sequences in which no allocation fails: which page a failure hits is the strategy's own affair. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  v71: ['mali_48_40-iommu', 's1_32_32_40-mixed', 's1_4k_48_nc-iommu', 's1_4k_hd-dirty', 's2_4k_41_42_nc-mixed'],
  v612: ['s1_16k_48-iommu', 's2_4k_41_42_nc-mixed'],
};

const cases = Object.entries(NAMES).flatMap(([folder, names]) => names.map((name) => [folder, name] as const));

it.each(cases)('%s/%s under every strategy', async (folder, name) => {
  const path = sequencePaths(folder).find((candidate) => candidate.endsWith(`/${name}.trace.ndjson.gz`));
  const { trace, expected, final } = readSequence(path as string);
  expect(trace).not.toContain('fail_alloc');
  const queue = { depth: 6, exec: null, cleanup: { value: 2, unit: 'ops' } } as const;
  const runs = ALLOCATORS.map((kind, i) => {
    const allocator = { name: kind.name, parameters: {} };
    return i % 2 === 0 ? { allocator } : { allocator, queue };
  });
  const replays = await replayEach(trace, runs, { events: true });
  const tree = treeNumbers(replays[0].replayer.spaces[0].table as PageTable);
  expect(tree.length).toBe(5 * (final?.entries ?? -1));
  replays.forEach(({ lines, replayer }, run) => {
    const bySeq = new Map(lines.map((line) => [line['seq'], line]));
    const wrong = expected.map((line) => difference(line, bySeq.get(line['seq']))).filter((text) => text !== null);
    expect([runs[run].allocator.name, wrong]).toEqual([runs[run].allocator.name, []]);
    const { table, counters } = replayer.spaces[0];
    expect(table !== null && JSON.stringify(treeNumbers(table)) === JSON.stringify(tree)).toBe(true);
    expect([...counters]).toEqual([...replays[0].replayer.spaces[0].counters]);
  });
});
