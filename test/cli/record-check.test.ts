import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runCli } from './fake-io.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const line = (event: string): string => `  task-7  [000] .....  1.000000: ${event}\n`;
const map = 'map: IOMMU: iova=0x1000 - 0x2000 paddr=0x80000000 size=4096';
const unmap = (iova: string): string => `unmap: IOMMU: iova=${iova} size=4096 unmapped_size=4096`;

describe('pgtrace record --check', () => {
  it('finds nothing missing in a recording with probes', async () => {
    const { code, stdout } = await runCli(['record', '--check', join(ROOT, 'traces/smmuv3-kprobe-6.1.txt.gz')]);
    expect(code).toBe(0);
    expect(stdout).toContain('1,323 of 1,323 recorded returns are as the model has them');
    expect(stdout).toMatch(/\ncomplete: it replays as it was recorded\n$/);
  });

  it('tells what a plain one leaves to assumptions', async () => {
    const { code, stdout } = await runCli(['record', '--check', '-'], { stdin: line(map) + line(unmap('0x1000')) });
    expect(code).toBe(0);
    expect(stdout).toMatch(/assumed\s+address spaces/);
    expect(stdout).toMatch(/assumed\s+protection/);
    expect(stdout).toMatch(/\nreplayable, with assumptions\n$/);
  });

  it.each([
    ['a late start', line(map) + line(unmap('0x9000')), /missing\s+beginning\s+1 event .* the first at line 2/],
    ['lost events', `${line(map)}CPU:1 [LOST 12 EVENTS]\n`, /missing\s+losses\s+12 events dropped/],
    ['no maps', line(unmap('0x1000')), /missing\s+events/],
    [
      'lines that cannot be read',
      line(map) + line('map: IOMMU: iova=0x1'),
      /missing\s+events .*1 line could not be read/,
    ],
  ])('answers no to %s', async (_, stdin, row) => {
    const { code, stdout } = await runCli(['record', '--check', '-'], { stdin });
    expect(code).toBe(1);
    expect(stdout).toMatch(row);
    expect(stdout).toContain('\nincomplete: ');
  });

  it('answers as JSON', async () => {
    const { stdout } = await runCli(['record', '--check', '-', '--json'], { stdin: line(map) });
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'pgtrace.check/1', verdict: 'assumptions' });
  });
});
