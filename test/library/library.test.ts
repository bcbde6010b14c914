import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { AddressSpace, openTrace, PgtraceError, replay } from '../../src/index.ts';
import { runCli } from '../cli/fake-io.ts';

const traces = fileURLToPath(new URL('../../traces/', import.meta.url));
const lesson = `${traces}over-reservation.ndjson`;

describe('the library', () => {
  it('replays a trace to the document that the command prints', async () => {
    for (const [args, choices] of [
      [[], {}],
      [['--flush', 'smmuv3,ril=off'], { flush: 'smmuv3,ril=off' }],
      [['--allocator', 'pool,min=4', '--kernel', '6.12'], { allocator: 'pool,min=4', kernel: '6.12' }],
      [['--pgsizes', '64K', '--ias', '40'], { pgsizes: [65536], ias: 40 }],
    ] as const) {
      const done = await runCli(['replay', lesson, '--json', ...args]);
      const document = await replay(await openTrace(lesson), choices);
      expect(JSON.parse(JSON.stringify(document))).toEqual(JSON.parse(done.stdout));
    }
  });

  it('reads recordings, plain and packed, and streams', async () => {
    const recording = await openTrace(`${traces}smmuv3-kprobe-6.1.txt.gz`);
    const ops = new Map<string, number>();
    const outcome = await recording.eachEvent(({ op }) => ops.set(op, (ops.get(op) ?? 0) + 1));
    expect(outcome.complete).toBe(true);
    expect(ops.get('map_pages')).toBeGreaterThan(100);
    const stream = Readable.from([Buffer.from('{"op":"map","iova":"0x0","paddr":"0x1000","size":4096}\n')]);
    const document = await replay(await openTrace(stream));
    expect(document.counters['leaves.live.l3']).toBe(1);
  });

  it('ends a reading when it is told to', async () => {
    const seen: number[] = [];
    await (await openTrace(lesson)).eachEvent((_event, seq) => {
      seen.push(seq);
      return seq < 2;
    });
    expect(seen).toEqual([0, 1, 2]);
  });

  it('drives one address space call by call', () => {
    const space = new AddressSpace({ flush: 'smmuv3' });
    expect(space.map(0x200000, 0x80000000n, 2 ** 21, 'rwc')).toEqual({ ret: 0, bytes: 2 ** 21 });
    expect(space.iovaToPhys('0x212345')).toBe(0x80012345n);
    expect(space.iovaToPhys(0)).toBeNull();
    expect(space.map(0x200000, 0, 4096)).toEqual({ ret: -17, bytes: 0 });
    expect(space.entries().map(({ level, leaf, iova }) => [level, leaf, iova])).toEqual([
      [0, false, 0n],
      [1, false, 0n],
      [2, true, 0x200000n],
    ]);
    expect(space.unmap(0x200000, 2 ** 21)).toEqual({ ret: 0, bytes: 2 ** 21 });
    expect(space.counters['tlb.commands']).toBe(1);
    expect(space.mapPages(0x200000, 0, 4096, 600)).toEqual({ ret: 0, bytes: 512 * 4096 });
    expect(space.unmapPages(0x200000, 4096, 600)).toEqual({ ret: 0, bytes: 512 * 4096 });
    space.destroy();
    expect(space.counters['tables.live.l3']).toBe(0);
    expect(() => space.iovaToPhys(0)).toThrow('has been destroyed');
  });

  it('knows addresses beyond 2^53', () => {
    const space = new AddressSpace({ quirks: ['TTBR1'] });
    expect(space.map(0xffff_ffff_ffff_f000n, 0x1000, 4096).ret).toBe(0);
    expect(space.iovaToPhys('0xfffffffffffff123')).toBe(0x1123n);
  });

  it('lets allocators that reserve hear of every call', () => {
    const space = new AddressSpace({ allocator: 'reserve' });
    expect(space.map(0, 0x1000, 4096).ret).toBe(0);
    expect(space.map(4096, 0x8000, 4096).ret).toBe(0);
    expect(space.counters['op.reserved']).toBeGreaterThan(space.counters['op.used']);
    space.unmap(0, 8192);
    space.destroy();
  });

  it('throws errors that say what would be right', async () => {
    expect(() => new AddressSpace({ format: 'ARM_32_LPAE_S1', ias: 40 })).toThrow(PgtraceError);
    expect(() => new AddressSpace({ allocator: 'kernal' })).toThrow('did you mean kernel?');
    const space = new AddressSpace();
    expect(() => space.map(-1, 0, 4096)).toThrow('iova is -1; it must be');
    expect(() => space.map(0, 0, 4096, 'xyz')).toThrow('prot is "xyz"; it must be');
    await expect(replay(await openTrace(lesson), { flush: 'nop' })).rejects.toThrow('flush "nop" is not known');
    await expect(openTrace('/nowhere/at/all.ndjson')).rejects.toThrow('/nowhere/at/all.ndjson');
    await expect(replay(await openTrace(Readable.from([Buffer.from('{"op":"nap"}\n')])))).rejects.toMatchObject({
      exitCode: 3,
    });
  });
});
