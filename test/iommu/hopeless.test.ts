import { describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';

const trace = (event: object): string => `${JSON.stringify({ op: 'domain', id: 'd0' })}\n${JSON.stringify(event)}\n`;

describe('a map of more tables than can be held', () => {
  it('ends at once and says so', { timeout: 60_000 }, async () => {
    // Loads the command, which is not what takes no time.
    await runCli(['replay', '-', '--json'], { stdin: trace({ op: 'walk', iova: '0x1000' }) });
    const started = performance.now();
    const map = { op: 'map', iova: '0x1000', paddr: '0x2000', size: 2 ** 47 };
    const done = await runCli(['replay', '-', '--json'], { stdin: trace(map) });
    expect(done.code).toBe(4);
    expect(done.stderr).toContain(
      'no memory for the 67,108,864 page tables that one operation needs; raise the memory limit',
    );
    expect(JSON.parse(done.stdout).complete).toBe(false);
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('is none where blocks will do, or nearly all lies beyond the aperture', async () => {
    const blocks = { op: 'map', iova: '0x200000', paddr: '0x40200000', size: 2 ** 46 };
    expect((await runCli(['replay', '-', '--json'], { stdin: trace(blocks) })).code).toBe(0);
    const beyond = { op: 'map', iova: '0xffffffff0000', paddr: '0x1000', size: 2 ** 52 };
    const done = await runCli(['replay', '-', '--results', '-'], { stdin: trace(beyond) });
    expect(done.code).toBe(0);
    expect(done.stdout).toContain('"ret":-34,"mapped":0');
  });
});
