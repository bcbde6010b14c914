import { describe, expect, it } from 'vitest';
import { runCli } from '../cli/fake-io.ts';

const RUN = { iova: '0x40000000', paddr: '0x80000000', length: 16384, prot: 'rw' };

describe('what a check says of a repeat mapping', () => {
  it.each(['plain', 'shared'])('calls it what it is, tables %s', async (how) => {
    const events = [
      { op: 'repeat', ...RUN, size: 65536, queue: 'a' },
      { op: 'map', iova: '0x40004000', paddr: '0x0', size: 4096, prot: 'rw', queue: 'b' },
      { op: 'repeat', ...RUN, size: 32768, queue: 'a' },
    ];
    const stdin = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    const { stdout } = await runCli(['check', '-', '--json', '--repeat', how], { stdin });
    const [{ findings }] = JSON.parse(stdout).traces as {
      traces: { findings: { kind: string; message: string; events: { op: string }[] }[] }[];
    }['traces'];
    const said = findings.map(({ kind, events: ops, message }) => `${kind} ${ops.map(({ op }) => op)}: ${message}`);
    expect(said).toMatchInlineSnapshot(`
      [
        "lock-conflict repeat,map: repeat 0x40000000 + 64K and map 0x40004000 + 4K may run at the same time and meet in 0x40004000 + 4K",
        "lock-conflict map,repeat: map 0x40004000 + 4K and repeat 0x40000000 + 32K may run at the same time and meet in 0x40004000 + 4K",
        "map-over-live repeat,map: map 0x40004000 + 4K meets 0x40004000 + 4K of repeat 0x40000000 + 64K, which is mapped, and fails",
        "map-over-live repeat,repeat: repeat 0x40000000 + 32K meets 0x40000000 + 32K of repeat 0x40000000 + 64K, which is mapped, and fails",
        "leak repeat: 64.0 KiB in 1 range still mapped at the end of the trace; the lowest is 0x40000000 + 64K of repeat 0x40000000 + 64K",
      ]
    `);
  });
});
