import { describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';

describe('a reservation of more memory than any machine has', () => {
  it('is refused with -ENOMEM, and every counter stays an integer', async () => {
    const trace = [
      { op: 'domain', id: 'd0', driver: 'panthor' },
      { op: 'bo', id: 'b0', size: 2 ** 52, segments: [{ paddr: '0x80000000', size: 2 ** 52 }] },
      { op: 'bind', job: 1, mode: 'async', ops: [{ kind: 'map', iova: '0x1000', size: 2 ** 52, bo: 'b0' }] },
      { op: 'bind', job: 2, mode: 'async', ops: [{ kind: 'unmap', iova: '0x0', size: 2 ** 52 }] },
      { op: 'cleanup', job: 1 },
    ];
    const text = trace.map((event) => JSON.stringify(event)).join('\n');
    for (const allocator of ['reserve', 'shared-pool', 'reserve-counted', 'bulk-exact', 'hypercall']) {
      const done = await runCli(['replay', '-', '--results', '-', '--lenient', '--allocator', allocator], {
        stdin: text,
      });
      expect(done.code, done.stderr).toBeLessThan(3);
      const document = await runCli(['replay', '-', '--json', '--lenient', '--allocator', allocator], { stdin: text });
      expect(document.code).toBeLessThan(3);
      for (const value of Object.values(JSON.parse(document.stdout).counters))
        expect(Number.isSafeInteger(value)).toBe(true);
      if (allocator === 'reserve') expect(done.stdout).toContain('"ret":-12');
    }
  });
});
