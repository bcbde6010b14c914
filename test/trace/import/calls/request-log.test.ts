import { describe, expect, it } from 'vitest';
import { runCli } from '../../../cli/fake-io.ts';

/** A line of ftrace text; `flags` tells an interrupt (`d.h..`) from a task. */
function line(pid: number, args: string, event = 'map', flags = 'd....'): string {
  return `            dd-${pid}     [000] ${flags}     1.000000: ${event}: ${args}\n`;
}
const hex = (iova: number): string => `0x${iova.toString(16)}`;
const mapCall = (iova: number, key = '0xa000', flags = 'd....'): string =>
  line(
    183,
    `(arm_lpae_map_pages+0x0/0x170) ttbr=${key} iova=${hex(iova)} paddr=0x80000000 pgsize=0x1000 pgcount=1 prot=0x7`,
    'map',
    flags,
  );
const mapReturn = (ret: number, flags = 'd....'): string =>
  line(183, `(arm_smmu_map_pages+0x24/0x3c <- arm_lpae_map_pages) ret=${ret}`, 'map_ret', flags);
const mapLine = (iova: number, flags = 'd....'): string =>
  line(183, `IOMMU: iova=${hex(iova)} - ${hex(iova + 4096)} paddr=0x80000000 size=4096`, 'map', flags);
const unmapCall = (iova: number): string =>
  line(183, `(arm_lpae_unmap_pages+0x0/0x90) ttbr=0xa000 iova=${hex(iova)} pgsize=0x1000 pgcount=1`, 'unmap') +
  line(183, '(arm_smmu_unmap_pages+0x24/0x40 <- arm_lpae_unmap_pages) ret=0x1000', 'unmap_ret');
const unmapLine = (iova: number): string =>
  line(183, `IOMMU: iova=${hex(iova)} - ${hex(iova + 4096)} size=4096 unmapped_size=4096`, 'unmap');
const mapped = (iova: number): string => mapCall(iova) + mapReturn(0) + mapLine(iova);

interface Replayed {
  readonly code: number;
  readonly ops: readonly string[];
  readonly notes: Record<string, number>;
}

async function replay(text: string, layer: 'iommu' | 'pgtable'): Promise<Replayed> {
  const stdin = `# tracer: nop\n${text}`;
  const lines = await runCli(['replay', '-', '--layer', layer, '--results', '-'], { stdin });
  const { stdout } = await runCli(['replay', '-', '--layer', layer, '--json'], { stdin });
  const ops = lines.stdout
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text) as { op: string; line: number })
    .filter(({ op }) => op !== 'trace')
    .map(({ op, line }) => `${op} ${line}`);
  return { code: lines.code, ops, notes: JSON.parse(stdout).trace.import };
}

describe('requests of a kprobe recording', () => {
  it('are not swallowed by a map that failed before them', async () => {
    const text = mapCall(0x5000) + mapReturn(-17) + mapped(0x6000) + mapped(0x7000);
    const { code, ops, notes } = await replay(text, 'iommu');
    expect(code).toBe(0);
    expect(ops).toEqual(['domain 6', 'map 6', 'map 9']);
    expect(notes).toMatchObject({ crossChecked: 2, crossMismatches: 0, unplaced: 0 });
  });

  it('leave a failed map and its roll-back out together', async () => {
    // Three pages: the first is mapped, the second fails, the core takes the first back.
    const failed = mapCall(0x5000) + mapReturn(0) + mapCall(0x6000) + mapReturn(-17);
    const text = failed + unmapCall(0x5000) + unmapLine(0x5000) + mapped(0x7000);
    const { code, ops, notes } = await replay(text, 'iommu');
    expect(code).toBe(0);
    expect(ops).toEqual(['domain 11', 'map 11']);
    expect(notes).toMatchObject({ rolledBack: 1, unplaced: 0 });
  });

  it('of an interrupt are told from those of the task that it interrupted', async () => {
    const irq = 'd.h..';
    const inner = mapCall(0xffe01000, '0xa000', irq) + mapReturn(0, irq) + mapLine(0xffe01000, irq);
    const text = mapCall(0xffe00000) + mapReturn(0) + inner + mapLine(0xffe00000);
    for (const layer of ['iommu', 'pgtable'] as const) {
      const { ops, notes } = await replay(text, layer);
      expect(ops.length, layer).toBe(3);
      expect(notes, layer).toMatchObject({ crossChecked: 2, crossMismatches: 0, unplaced: 0 });
    }
  });

  it('on a freed table come before its end, also without returns', async () => {
    const free = line(183, '(arm_lpae_free_pgtable+0x0/0x40) ttbr=0xa000', 'free');
    const text = mapCall(0xffe00000) + mapCall(0xffe01000) + free + mapCall(0xffe00000);
    const { ops } = await replay(text, 'pgtable');
    expect(ops.map((op) => op.split(' ')[0])).toEqual([
      'domain',
      'map_pages',
      'map_pages',
      'destroy',
      'domain',
      'map_pages',
    ]);
  });

  it('are replayed although the kernel had quirks that the model does not know', async () => {
    const alloc = line(
      183,
      '(arm_64_lpae_alloc_pgtable_s1+0x0/0x24c) quirks=0x10001 pgsize_bitmap=0x62215000 ias=48 oas=44 coherent_walk=1',
      'alloc_s1',
    );
    const { code, ops, notes } = await replay(alloc + mapped(0x5000), 'pgtable');
    expect(code).toBe(0);
    expect(ops).toEqual(['domain 3', 'map_pages 3']);
    expect(notes).toMatchObject({ unknownQuirks: 0x10000 });
  });
});
